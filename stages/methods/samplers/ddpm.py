"""ADM's stochastic sampler."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from stages.diffusion.chain import Chain
from stages.diffusion.schedule import add_noise, posterior, predict_x0
from stages.sampling.fix import Fix
from stages.sampling.walk import Denoiser, Guide, Noise, Step, grid_time, scaled, walk

Variance = Literal["small", "large", "learned"]


def sample(
    denoiser: Denoiser, x: Tensor, chain: Chain, fix: Fix, noise: Noise, *, variance: Variance = "small",
    images: Tensor | None = None, guide: Guide | None = None, scale: float = 0.0,
) -> Tensor:  # fmt: skip
    """Return images sampled by ADM's stochastic sampler: x0 clipped, then the posterior mean plus noise (DDPM, Alg. 2).

    ``variance`` of the respaced chain: ``small`` is the posterior's, ``large`` is beta, ``learned`` interpolates
    between their logarithms by the network's v (Improved DDPM, Eq. 15). With ``images`` [B, C, H, W] in [-1, 1] the
    chain starts from these, noised by x (IP, Sec. 4). A ``guide`` moves the mean by ``scale`` times the variance times
    its gradient (Dhariwal & Nichol 2021, Alg. 1). One evaluation per grid time.
    """
    if images is not None:
        first = grid_time(chain.grid.times[-1], x)
        x = add_noise(images.to(x), x, chain.alpha_bar(first))

    def update(x: Tensor, step: Step) -> Tensor:
        x0 = predict_x0(x, step.eps, step.alpha_bar).clamp(-1, 1)
        q = posterior(step.alpha_bar, step.alpha_bar_next)
        mean = q.x0_coef.to(x) * x0 + q.x_coef.to(x) * x
        z = noise()
        if step.index == 0 and guide is None:
            return mean
        sigma = deviation(x, step, variance)
        if guide is not None:
            mean = mean + scale * sigma.square() * guide(x, step.start)
        return mean if step.index == 0 else mean + sigma * z

    return walk(update, scaled(denoiser, fix), x, chain, fix)


def deviation(x: Tensor, step: Step, variance: Variance) -> Tensor:
    """Return the standard deviation of a step, which broadcasts to x [B, C, H, W].

    That of the last step, whose noise is not added, is the published code's: ``large`` and the lower end of ``learned``
    have the posterior variance of the step before it, of which there must be one.
    """
    q, last = posterior(step.alpha_bar, step.alpha_bar_next), step.index == 0
    if variance == "small" or (variance == "large" and not last):
        return (q.variance if variance == "small" else q.beta).sqrt().to(x)
    small = _variance_before_the_last(step) if last else q.variance
    if variance == "large":
        return small.sqrt().to(x)
    if step.v is None:
        raise ValueError("variance: learned needs a network that predicts it")
    fraction = (step.v + 1) / 2
    return (0.5 * (fraction * q.beta.log().to(x) + (1 - fraction) * small.log().to(x))).exp()


def _variance_before_the_last(step: Step) -> Tensor:
    times = step.chain.grid.times
    if len(times) < 2:
        raise ValueError("guidance by a variance that is not small needs 2 grid steps")
    here, there = (step.chain.alpha_bar(torch.full_like(step.time, int(time))) for time in (times[1], times[0]))
    return posterior(here, there).variance

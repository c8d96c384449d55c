"""ADM's stochastic sampler."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from stages.diffusion.chain import Chain
from stages.diffusion.schedule import add_noise, posterior, predict_x0
from stages.fixes.fix import Fix
from stages.samplers.walk import Denoiser, Noise, Step, grid_time, scaled, walk

Variance = Literal["small", "large", "learned"]


def sample(
    denoiser: Denoiser, x: Tensor, chain: Chain, fix: Fix, noise: Noise, *, variance: Variance = "small",
    images: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """Return images sampled by ADM's stochastic sampler: x0 clipped, then the posterior mean plus noise (DDPM, Alg. 2).

    ``variance`` of the respaced chain: ``small`` is the posterior's, ``large`` is beta, ``learned`` interpolates
    between their logarithms by the network's v (Improved DDPM, Eq. 15). With ``images`` [B, C, H, W] in [-1, 1] the
    chain starts from these, noised by x (IP, Sec. 4). One evaluation per grid time.
    """
    if images is not None:
        first = grid_time(chain.grid.times[-1], x)
        x = add_noise(images.to(x), x, chain.alpha_bar(first))

    def update(x: Tensor, step: Step) -> Tensor:
        x0 = predict_x0(x, step.eps, step.alpha_bar).clamp(-1, 1)
        q = posterior(step.alpha_bar, step.alpha_bar_next)
        mean = q.x0_coef.to(x) * x0 + q.x_coef.to(x) * x
        z = noise()
        if step.index == 0:
            return mean
        if variance != "learned":
            return mean + (q.variance if variance == "small" else q.beta).sqrt().to(x) * z
        if step.v is None:
            raise ValueError("variance: learned needs a network that predicts it")
        fraction = (step.v + 1) / 2
        log_variance = fraction * q.beta.log().to(x) + (1 - fraction) * q.variance.log().to(x)
        return mean + (0.5 * log_variance).exp() * z

    return walk(update, scaled(denoiser, fix), x, chain, fix)

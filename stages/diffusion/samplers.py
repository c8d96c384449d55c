"""DDPM, DDIM, S-PNDM and F-PNDM: functions from Gaussian noise and a list of timesteps to images in [-1, 1].

They share one signature. ``denoiser`` maps (x [B, C, H, W], times [B]) to (eps, v), v being the variance logits or
None; ``timesteps`` is the ascending grid of S training times; ``fix`` is ES, TS, both or neither; ``noise()`` draws
standard Gaussian noise of x's shape. The grid's last target is the clean image, time -1 with alpha_bar = 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from stages.diffusion.fixes import Fix
from stages.diffusion.grids import check_steps
from stages.diffusion.schedule import Schedule, alpha_bar_at, posterior, predict_x0

Denoiser = Callable[[Tensor, Tensor], tuple[Tensor, Tensor | None]]
Noise = Callable[[], Tensor]
Variance = Literal["small", "large", "learned"]


@dataclass(frozen=True)
class Step:
    """One step of a grid: from time ``timesteps[index]`` to ``target``; alpha_bar values are float64 [B, 1, 1, 1]."""

    index: int
    time: int
    target: int
    condition: Tensor
    alpha_bar: Tensor
    alpha_bar_next: Tensor


def _walk(
    update: Callable[[Tensor, Step], Tensor], x: Tensor, schedule: Schedule, timesteps: Sequence[int], fix: Fix
) -> Tensor:
    condition = torch.full((len(x),), timesteps[-1], device=x.device)
    for index in reversed(range(len(timesteps))):
        time, target = timesteps[index], timesteps[index - 1] if index else -1
        start = condition if fix.update_time == "shifted" else torch.full_like(condition, time)
        levels = alpha_bar_at(schedule, start), alpha_bar_at(schedule, torch.full_like(condition, target))
        x = update(x, Step(index, time, target, condition, *levels))
        if index:
            condition = fix.condition(x, timesteps, index - 1)
    return x


def _scaled(denoiser: Denoiser, fix: Fix) -> Callable[[Tensor, Tensor, float], tuple[Tensor, Tensor | None]]:
    def predict(x: Tensor, times: Tensor, index: float) -> tuple[Tensor, Tensor | None]:
        eps, v = denoiser(x, times)
        return eps / fix.scale(index), v

    return predict


def ddpm(
    denoiser: Denoiser, x: Tensor, schedule: Schedule, timesteps: Sequence[int], fix: Fix, noise: Noise,
    *, variance: Variance = "small",
) -> Tensor:  # fmt: skip
    """Return images sampled by ADM's stochastic sampler: x0 clipped, then the posterior mean plus noise (DDPM, Alg. 2).

    ``variance`` of the respaced chain: ``small`` is the posterior's, ``large`` is beta, ``learned`` interpolates
    between their logarithms by the network's v (Improved DDPM, Eq. 15). S evaluations.
    """
    predict = _scaled(denoiser, fix)

    def update(x: Tensor, step: Step) -> Tensor:
        eps, v = predict(x, step.condition, step.index)
        x0 = predict_x0(x, eps, step.alpha_bar).clamp(-1, 1)
        q = posterior(step.alpha_bar, step.alpha_bar_next)
        mean = q.x0_coef.to(x) * x0 + q.x_coef.to(x) * x
        z = noise()
        if step.index == 0:
            return mean
        if variance != "learned":
            return mean + (q.variance if variance == "small" else q.beta).sqrt().to(x) * z
        if v is None:
            raise ValueError("variance: learned needs a network that predicts it")
        fraction = (v + 1) / 2
        log_variance = fraction * q.beta.log().to(x) + (1 - fraction) * q.variance.log().to(x)
        return mean + (0.5 * log_variance).exp() * z

    return _walk(update, x, schedule, timesteps, fix)


def _ddim_step(x0: Tensor, eps: Tensor, step: Step, eta: float, noise: Noise) -> Tensor:
    ratio = (1 - step.alpha_bar_next) / (1 - step.alpha_bar) * (1 - step.alpha_bar / step.alpha_bar_next)
    sigma = eta * ratio.sqrt()
    direction = (1 - step.alpha_bar_next - sigma**2).clamp(min=0).sqrt()
    mean = step.alpha_bar_next.sqrt().to(x0) * x0 + direction.to(x0) * eps
    return mean + sigma.to(x0) * noise()


def ddim(
    denoiser: Denoiser, x: Tensor, schedule: Schedule, timesteps: Sequence[int], fix: Fix, noise: Noise,
    *, eta: float = 0.0,
) -> Tensor:  # fmt: skip
    """Return images sampled by DDIM without clipping (DDIM, Eq. 12 and 16); eta = 1 has DDPM's small variance.

    S evaluations.
    """
    predict = _scaled(denoiser, fix)

    def update(x: Tensor, step: Step) -> Tensor:
        eps, _ = predict(x, step.condition, step.index)
        return _ddim_step(predict_x0(x, eps, step.alpha_bar), eps, step, eta, noise)

    return _walk(update, x, schedule, timesteps, fix)


def ddim_clipped(
    denoiser: Denoiser, x: Tensor, schedule: Schedule, timesteps: Sequence[int], fix: Fix, noise: Noise,
    *, eta: float = 0.0,
) -> Tensor:  # fmt: skip
    """Return images sampled by guided-diffusion's DDIM: x0 is clipped and eps derived again from it. S evaluations."""
    predict = _scaled(denoiser, fix)

    def update(x: Tensor, step: Step) -> Tensor:
        eps, _ = predict(x, step.condition, step.index)
        x0 = predict_x0(x, eps, step.alpha_bar).clamp(-1, 1)
        eps = ((1 / step.alpha_bar).sqrt().to(x) * x - x0) / (1 / step.alpha_bar - 1).sqrt().to(x)
        return _ddim_step(x0, eps, step, eta, noise)

    return _walk(update, x, schedule, timesteps, fix)


def transfer(x: Tensor, eps: Tensor, alpha_bar: Tensor, alpha_bar_next: Tensor) -> Tensor:
    """Return x moved from one noise level to another along eps: PNDM's phi (PNDM, Eq. 11), the DDIM step at eta = 0."""
    return alpha_bar_next.sqrt().to(x) * predict_x0(x, eps, alpha_bar) + (1 - alpha_bar_next).sqrt().to(x) * eps


def s_pndm(
    denoiser: Denoiser, x: Tensor, schedule: Schedule, timesteps: Sequence[int], fix: Fix, noise: Noise
) -> Tensor:
    """Return images sampled by S-PNDM: one improved Euler step, then a two-step linear multistep (PNDM, Sec. 3.3).

    S + 1 evaluations; needs S >= 2. ``noise`` is not drawn from.
    """
    check_steps("s-pndm", len(timesteps))
    predict, history = _scaled(denoiser, fix), []

    def update(x: Tensor, step: Step) -> Tensor:
        eps, _ = predict(x, step.condition, step.index)
        if history:
            combined = (3 * eps - history[-1]) / 2
        else:
            euler = transfer(x, eps, step.alpha_bar, step.alpha_bar_next)
            ahead, _ = predict(euler, torch.full_like(step.condition, step.target), step.index - 1)
            combined = (eps + ahead) / 2
        history.append(eps)
        return transfer(x, combined, step.alpha_bar, step.alpha_bar_next)

    return _walk(update, x, schedule, timesteps, fix)


def f_pndm(
    denoiser: Denoiser, x: Tensor, schedule: Schedule, timesteps: Sequence[int], fix: Fix, noise: Noise
) -> Tensor:
    """Return images sampled by F-PNDM: three pseudo Runge-Kutta steps, then four-step linear multistep (PNDM, Alg. 2).

    Times midway between two grid times may be fractional: the network gets them so, the schedule truncates them.
    S + 9 evaluations; needs S >= 4. ``noise`` is not drawn from.
    """
    check_steps("f-pndm", len(timesteps))
    predict, history = _scaled(denoiser, fix), []

    def runge_kutta(x: Tensor, eps: Tensor, step: Step) -> Tensor:
        # The scheduled times, also under TS: only the evaluation of the current state is shifted.
        middle = torch.full(step.condition.shape, (step.time + step.target) / 2, device=x.device)
        alpha_bar_middle = alpha_bar_at(schedule, middle)
        second, _ = predict(transfer(x, eps, step.alpha_bar, alpha_bar_middle), middle, step.index - 0.5)
        third, _ = predict(transfer(x, second, step.alpha_bar, alpha_bar_middle), middle, step.index - 0.5)
        end = torch.full_like(step.condition, step.target)
        fourth, _ = predict(transfer(x, third, step.alpha_bar, step.alpha_bar_next), end, step.index - 1)
        return (eps + 2 * second + 2 * third + fourth) / 6

    def update(x: Tensor, step: Step) -> Tensor:
        eps, _ = predict(x, step.condition, step.index)
        if len(history) < 3:
            combined = runge_kutta(x, eps, step)
        else:
            combined = (55 * eps - 59 * history[-1] + 37 * history[-2] - 9 * history[-3]) / 24
        history.append(eps)
        return transfer(x, combined, step.alpha_bar, step.alpha_bar_next)

    return _walk(update, x, schedule, timesteps, fix)

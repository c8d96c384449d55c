"""Noise schedules: beta and alpha_bar of the T training timesteps, and the closed forms built on them."""

from __future__ import annotations

import math
from functools import cache
from itertools import accumulate, pairwise
from operator import mul
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

ScheduleName = Literal["linear", "cosine", "scaled-linear", "stable-diffusion"]
# The ends of beta at T = 1000 in the schedule that is linear in it, and in those that are linear in its square root.
LINEAR = (1e-4, 0.02)
ROOT_LINEAR = {"scaled-linear": (0.0015, 0.0195), "stable-diffusion": (0.00085, 0.012)}


class Schedule(NamedTuple):
    """beta[t] and alpha_bar[t] = prod_{i<=t} (1 - beta[i]) for t = 0..T-1, float64 of shape [T]."""

    beta: Tensor
    alpha_bar: Tensor

    @property
    def timesteps(self) -> int:
        return len(self.beta)


def make_schedule(name: ScheduleName, timesteps: int = 1000) -> Schedule:
    """Return the named schedule of ``timesteps`` steps in float64.

    ``linear`` is DDPM's, beta from 1e-4 to 0.02; ``cosine`` is Improved DDPM's with beta capped at 0.999;
    ``scaled-linear`` is LDM's, linear in sqrt(beta) from sqrt(0.0015) to sqrt(0.0195); ``stable-diffusion`` likewise
    from sqrt(0.00085) to sqrt(0.012). All betas but those of ``cosine`` are scaled by 1000/T, as in Improved DDPM's
    code, so that the last state is noise for any T.
    """
    import torch

    scale = 1000 / timesteps
    if name == "linear":
        first, last = LINEAR
        beta = torch.linspace(scale * first, scale * last, timesteps, dtype=torch.float64)
    elif name == "cosine":
        edges = torch.arange(timesteps + 1, dtype=torch.float64) / timesteps
        signal = torch.cos((edges + 0.008) / 1.008 * math.pi / 2) ** 2
        beta = (1 - signal[1:] / signal[:-1]).clamp(max=0.999)
    elif name in ROOT_LINEAR:
        first, last = ROOT_LINEAR[name]
        beta = scale * torch.linspace(first**0.5, last**0.5, timesteps, dtype=torch.float64) ** 2
    else:
        raise ValueError(f"schedule {name!r}: allowed are linear, cosine, scaled-linear and stable-diffusion")
    return Schedule(beta, torch.cumprod(1 - beta, 0))


@cache
def noise_levels(name: ScheduleName, timesteps: int) -> tuple[float, ...]:
    """Return alpha_bar of ``make_schedule``, up to rounding, without torch, which plans do not wait for."""
    if name == "cosine":
        signal = [math.cos((i / timesteps + 0.008) / 1.008 * math.pi / 2) ** 2 for i in range(timesteps + 1)]
        beta = [min(1 - after / before, 0.999) for before, after in pairwise(signal)]
    else:
        power = 1 if name == "linear" else 2
        first, last = (end ** (1 / power) for end in (LINEAR if name == "linear" else ROOT_LINEAR[name]))
        stride = (last - first) / (timesteps - 1)
        beta = [1000 / timesteps * (first + stride * i) ** power for i in range(timesteps)]
    return tuple(accumulate((1 - each for each in beta), mul))


def alpha_bar_at(schedule: Schedule, times: Tensor) -> Tensor:
    """Return alpha_bar at integer ``times`` [B] as float64 [B, 1, 1, 1]; time -1 is the clean image, alpha_bar = 1.

    Raises:
        TypeError: the times are not integers; how to read the schedule between two of them is up to the sampler.
    """
    import torch

    if times.is_floating_point():
        raise TypeError("alpha_bar_at: times must be integers")
    table = torch.cat([schedule.alpha_bar, schedule.alpha_bar.new_ones(1)]).to(times.device)
    return table[times].reshape(-1, 1, 1, 1)


def alpha_bar_between(schedule: Schedule, times: Tensor) -> Tensor:
    """Return alpha_bar at ``times`` [B] as float64 [B, 1, 1, 1]; its logarithm is linear between whole times."""
    if not times.is_floating_point():
        return alpha_bar_at(schedule, times)
    table = schedule.alpha_bar.log().to(times.device)
    below = times.floor().long()
    above = (below + 1).clamp(max=len(table) - 1)
    return table[below].lerp(table[above], (times - below).double()).exp().reshape(-1, 1, 1, 1)


def add_noise(x0: Tensor, noise: Tensor, alpha_bar: Tensor) -> Tensor:
    """Return x_t = sqrt(alpha_bar) x0 + sqrt(1 - alpha_bar) noise (DDPM, Eq. 4)."""
    return alpha_bar.sqrt().to(x0) * x0 + (1 - alpha_bar).sqrt().to(x0) * noise


def predict_x0(x: Tensor, eps: Tensor, alpha_bar: Tensor) -> Tensor:
    """Return x0hat = (x - sqrt(1 - alpha_bar) eps) / sqrt(alpha_bar), not clipped."""
    return (1 / alpha_bar).sqrt().to(x) * x - (1 / alpha_bar - 1).sqrt().to(x) * eps


def velocity(x0: Tensor, eps: Tensor, alpha_bar: Tensor) -> Tensor:
    """Return v = sqrt(alpha_bar) eps - sqrt(1 - alpha_bar) x0 (Salimans & Ho 2022, Sec. 4)."""
    return alpha_bar.sqrt().to(x0) * eps - (1 - alpha_bar).sqrt().to(x0) * x0


def noise_of_velocity(x: Tensor, v: Tensor, alpha_bar: Tensor) -> Tensor:
    """Return eps = sqrt(alpha_bar) v + sqrt(1 - alpha_bar) x, the noise in x of a predicted velocity."""
    return alpha_bar.sqrt().to(x) * v + (1 - alpha_bar).sqrt().to(x) * x


class Posterior(NamedTuple):
    """Coefficients of q(x_s | x_t, x0) = N(x0_coef x0 + x_coef x_t, variance), with the step's beta."""

    x0_coef: Tensor
    x_coef: Tensor
    variance: Tensor
    beta: Tensor


def posterior(alpha_bar: Tensor, alpha_bar_next: Tensor) -> Posterior:
    """Return the Gaussian posterior of a step from alpha_bar to alpha_bar_next, of any stride (DDPM, Eq. 6-7)."""
    beta = 1 - alpha_bar / alpha_bar_next
    remaining = 1 - alpha_bar
    return Posterior(
        x0_coef=alpha_bar_next.sqrt() * beta / remaining,
        x_coef=(1 - beta).sqrt() * (1 - alpha_bar_next) / remaining,
        variance=beta * (1 - alpha_bar_next) / remaining,
        beta=beta,
    )

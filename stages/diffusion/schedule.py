"""Noise schedules: beta and alpha_bar of the T training timesteps, and the closed forms built on them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

ScheduleName = Literal["linear", "cosine", "scaled-linear", "stable-diffusion"]
# The ends of beta in schedules that are linear in its square root, whatever T is.
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

    ``linear`` is DDPM's (1e-4 to 0.02, scaled by 1000/T); ``cosine`` is Improved DDPM's with beta capped at 0.999;
    ``scaled-linear`` is LDM's, linear in sqrt(beta) from sqrt(0.0015) to sqrt(0.0195); ``stable-diffusion`` likewise
    from sqrt(0.00085) to sqrt(0.012).
    """
    import torch

    if name == "linear":
        scale = 1000 / timesteps
        beta = torch.linspace(scale * 1e-4, scale * 0.02, timesteps, dtype=torch.float64)
    elif name == "cosine":
        edges = torch.arange(timesteps + 1, dtype=torch.float64) / timesteps
        signal = torch.cos((edges + 0.008) / 1.008 * math.pi / 2) ** 2
        beta = (1 - signal[1:] / signal[:-1]).clamp(max=0.999)
    elif name in ROOT_LINEAR:
        first, last = ROOT_LINEAR[name]
        beta = torch.linspace(first**0.5, last**0.5, timesteps, dtype=torch.float64) ** 2
    else:
        raise ValueError(f"schedule {name!r}: allowed are linear, cosine, scaled-linear and stable-diffusion")
    return Schedule(beta, torch.cumprod(1 - beta, 0))


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


def add_noise(x0: Tensor, noise: Tensor, alpha_bar: Tensor) -> Tensor:
    """Return x_t = sqrt(alpha_bar) x0 + sqrt(1 - alpha_bar) noise (DDPM, Eq. 4)."""
    return alpha_bar.sqrt().to(x0) * x0 + (1 - alpha_bar).sqrt().to(x0) * noise


def predict_x0(x: Tensor, eps: Tensor, alpha_bar: Tensor) -> Tensor:
    """Return x0hat = (x - sqrt(1 - alpha_bar) eps) / sqrt(alpha_bar), not clipped."""
    return (1 / alpha_bar).sqrt().to(x) * x - (1 / alpha_bar - 1).sqrt().to(x) * eps


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

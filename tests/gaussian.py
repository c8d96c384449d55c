"""Data x0 ~ N(0, s^2 I): its exact noise predictor, and the exact solution of the probability-flow ODE."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from stages.diffusion.schedule import Schedule, alpha_bar_at
from stages.sampling.walk import Denoiser

Calls = list[tuple[Tensor, Tensor]]


def gaussian_denoiser(
    schedule: Schedule, variance: float, calls: Calls | None = None, level: Callable[[Tensor], Tensor] | None = None
) -> Denoiser:
    """Return the exact predictor; it appends (x, times) of each evaluation to ``calls``.

    ``level`` gives alpha_bar at times that may be fractional; without it they are truncated.
    """

    def denoise(x: Tensor, times: Tensor) -> tuple[Tensor, None]:
        if calls is not None:
            calls.append((x, times))
        alpha_bar = (level(times) if level else alpha_bar_at(schedule, times.long())).to(x)
        return x * (1 - alpha_bar).sqrt() / (alpha_bar * variance + 1 - alpha_bar), None

    return denoise


def exact_state(schedule: Schedule, variance: float, start: int, stop: int) -> float:
    """Return the ODE's solution at time ``stop`` from x = 1 at time ``start``."""
    spread = [float(schedule.alpha_bar[t] * variance + 1 - schedule.alpha_bar[t]) for t in (start, stop)]
    return (spread[1] / spread[0]) ** 0.5


def no_noise() -> Tensor:
    return torch.zeros(())

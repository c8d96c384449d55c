"""Which timesteps to train on: uniform, in antithetic pairs, or by the second moment of past losses (ADM)."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

HISTORY = 10
UNIFORM_SHARE = 0.001


class LossHistory(NamedTuple):
    """The last 10 losses of every timestep, float64 [T, 10] oldest first, and how many were recorded, int64 [T]."""

    losses: Tensor
    counts: Tensor


def empty_history(timesteps: int) -> LossHistory:
    """Return the history before the first loss."""
    return LossHistory(torch.zeros(timesteps, HISTORY, dtype=torch.float64), torch.zeros(timesteps, dtype=torch.int64))


def record_losses(history: LossHistory, times: Tensor, losses: Tensor) -> None:
    """Append each sample's total loss to the history of its timestep, in batch order; but for those not finite.

    In mixed precision a loss may be infinite now and then: its step is skipped, and its weight would be of no use.
    """
    for time, loss in zip(times.tolist(), losses.tolist(), strict=True):
        if not math.isfinite(loss):
            continue
        history.losses[time] = history.losses[time].roll(-1)
        history.losses[time, -1] = loss
        history.counts[time] += 1


def importance(history: LossHistory) -> Tensor:
    """Return each timestep's sampling probability [T]: uniform until all have 10 losses (Improved DDPM, Eq. 18)."""
    timesteps = len(history.counts)
    if bool((history.counts < HISTORY).any()):
        return torch.full((timesteps,), 1 / timesteps, dtype=torch.float64)
    weight = history.losses.square().mean(1).sqrt()
    return (1 - UNIFORM_SHARE) * weight / weight.sum() + UNIFORM_SHARE / timesteps


def draw_timesteps(probability: Tensor, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return ``n`` timesteps drawn from ``probability`` [T] and the factors 1 / (T p_t) that keep the loss unbiased."""
    times = torch.multinomial(probability, n, replacement=True, generator=generator)
    return times, 1 / (len(probability) * probability[times])


def antithetic_timesteps(timesteps: int, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return ``n`` timesteps in pairs (t, T - 1 - t), t uniform, as in the DDIM repository, and their weights, 1."""
    drawn = torch.randint(0, timesteps, (n // 2 + 1,), generator=generator)
    times = torch.cat([drawn, timesteps - 1 - drawn])[:n]
    return times, torch.ones(n, dtype=torch.float64)

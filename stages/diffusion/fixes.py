"""What is done while sampling against exposure bias: Epsilon Scaling (ES) and Time-Shift (TS).

A fix never rewrites a sampler. It answers two questions that every sampler asks: by how much is the predicted noise
divided, and which time is the network told for the state just reached.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from stages.diffusion.schedule import Schedule

UpdateTime = Literal["scheduled", "shifted"]
CutoffOn = Literal["current", "next"]


def unit_scale(index: float) -> float:
    """Return 1: the noise prediction is used as it is."""
    return 1.0


def scheduled_time(x: Tensor, timesteps: Sequence[int], index: int) -> Tensor:
    """Return [B] int64: the grid's own time of the state, the same for all samples."""
    return torch.full((len(x),), timesteps[index], device=x.device)


@dataclass(frozen=True)
class Fix:
    """A combination of ES and TS; the default is no fix.

    Attributes:
        scale: lambda at a grid index 0..S-1, ascending with the noise level (half-integers between two grid times).
        condition: (state [B, C, H, W], timesteps, its grid index) -> conditioning time per sample [B].
        update_time: whether the step's coefficients start from the scheduled time or from the conditioning time.
    """

    scale: Callable[[float], float] = unit_scale
    condition: Callable[[Tensor, Sequence[int], int], Tensor] = scheduled_time
    update_time: UpdateTime = "scheduled"


def epsilon_scaling(b: float, k: float = 0.0) -> Fix:
    """Return the fix that divides the noise prediction by lambda_i = k i + b (ES, Sec. 4; uniform for k = 0).

    i is the index in the sampling grid, 0 at the last and cleanest step, as in the released ADM-ES code. ``b = 1,
    k = 0`` gives the unfixed sampler bit for bit. The variance prediction is not scaled.
    """
    return Fix(scale=lambda index: k * index + b)


def time_shift(
    schedule: Schedule,
    window: int,
    cutoff: int,
    update_time: UpdateTime = "scheduled",
    cutoff_on: CutoffOn = "current",
) -> Fix:
    """Return the fix that tells the network the time whose noise variance fits the state (TS, Alg. 2).

    For the state at grid time tau_j, reached from tau_{j+1} > ``cutoff``, each sample is told the integer s with
    1 - alpha_bar[s] nearest to its own variance over C, H, W (unbiased), among s within ``window // 2`` of tau_j, both
    ends included, ties to the smallest, and always above the next grid time. ``window = 0`` changes no bit.

    Args:
        schedule: the model's noise schedule.
        window: width of the search, in training timesteps.
        cutoff: no shift once the time tested is at or below it.
        update_time: ``scheduled`` shifts the network's input only; ``shifted`` also starts the update from that time.
        cutoff_on: test the time of the state the step started from (``current``) or of the one it reached (``next``).
    """

    def condition(x: Tensor, timesteps: Sequence[int], index: int) -> Tensor:
        scheduled = timesteps[index]
        tested = timesteps[index + 1] if cutoff_on == "current" else scheduled
        if tested <= cutoff:
            return scheduled_time(x, timesteps, index)
        floor = timesteps[index - 1] + 1 if index else 0
        low = max(floor, scheduled - window // 2)
        high = min(schedule.timesteps - 1, scheduled + window // 2)
        candidates = torch.arange(min(low, scheduled), high + 1, device=x.device)
        expected = 1 - schedule.alpha_bar.to(x.device)[candidates]
        variance = x.double().flatten(1).var(dim=1, correction=1)
        return candidates[(variance[:, None] - expected).abs().argmin(dim=1)]

    return Fix(condition=condition, update_time=update_time)

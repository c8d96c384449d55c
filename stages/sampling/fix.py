"""What a fix is: answers to three questions that every sampler asks, so that no sampler is rewritten for a fix.

By how much is the predicted noise divided, which time is the network conditioned on, and to which time does the step
lead?
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from stages.diffusion.chain import Chain

if TYPE_CHECKING:
    import torch
    from torch import Tensor

UpdateTime = Literal["scheduled", "shifted"]


def unit_scale(index: float) -> float:
    """Return 1: the noise prediction is used as it is."""
    return 1.0


def scheduled_time(x: Tensor, index: int, scheduled: Tensor) -> Tensor:
    """Return [B]: the grid's own time of the state, the same for all samples."""
    return scheduled


def scheduled_target(x: Tensor, eps: Tensor, index: int, scheduled: Tensor) -> Tensor:
    """Return [B]: the grid's next time, the same for all samples."""
    return scheduled


@dataclass(frozen=True)
class Fix:
    """What a fix does while sampling; the default is no fix.

    Attributes:
        scale: lambda at a grid index 0..S-1, ascending with the noise level (half-integers between two grid times).
        condition: (state [B, C, H, W], its grid index, its time [B]) -> the time that the network is conditioned on
            [B].
        target: (state, its predicted noise, its grid index, the next grid time [B]) -> the time that the step leads to
            [B].
        update_time: whether the step's coefficients start from the state's time or from the one that the network was
            conditioned on.
        goes_on_from: whether a state's time is that of the grid or the target that led to it.
    """

    scale: Callable[[float], float] = unit_scale
    condition: Callable[[Tensor, int, Tensor], Tensor] = scheduled_time
    target: Callable[[Tensor, Tensor, int, Tensor], Tensor] = scheduled_target
    update_time: UpdateTime = "scheduled"
    goes_on_from: Literal["grid", "target"] = "grid"


def times_around(chain: Chain, centre: float, half_width: int, device: torch.device) -> Tensor:
    """Return [n] int64: the whole training times within ``half_width`` of ``centre``, both ends included."""
    import torch

    top = chain.schedule.timesteps - 1 - chain.grid.offset
    low = max(0, math.ceil(centre - half_width))
    high = min(top, math.floor(centre + half_width))
    return torch.arange(min(low, math.floor(centre)), high + 1, device=device)


def best_fit(x: Tensor, times: Tensor, expected: Tensor) -> Tensor:
    """Return [B]: of ``times`` [n], ascending, the first whose ``expected`` variance [n] is nearest to a sample's.

    The variance of a sample is the unbiased one over its C, H, W (TS, Alg. 2).
    """
    variance = x.double().flatten(1).var(dim=1, correction=1)
    return times[(variance[:, None] - expected.flatten()).abs().argmin(dim=1)]

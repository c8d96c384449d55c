"""What a fix is: two answers that every sampler asks for, so that no sampler is ever rewritten for one.

By how much is the predicted noise divided, and which time is the network told for the state just reached?
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

UpdateTime = Literal["scheduled", "shifted"]


def unit_scale(index: float) -> float:
    """Return 1: the noise prediction is used as it is."""
    return 1.0


def scheduled_time(x: Tensor, index: int, scheduled: Tensor) -> Tensor:
    """Return [B] int64: the grid's own time of the state, the same for all samples."""
    return scheduled


@dataclass(frozen=True)
class Fix:
    """A combination of Epsilon Scaling and Time-Shift; the default is no fix.

    Attributes:
        scale: lambda at a grid index 0..S-1, ascending with the noise level (half-integers between two grid times).
        condition: (state [B, C, H, W], its grid index, its scheduled time [B]) -> conditioning time per sample [B].
        update_time: whether the step's coefficients start from the scheduled time or from the conditioning time.
    """

    scale: Callable[[float], float] = unit_scale
    condition: Callable[[Tensor, int, Tensor], Tensor] = scheduled_time
    update_time: UpdateTime = "scheduled"

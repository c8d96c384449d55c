"""A trial of a search: values of a fix, and the FID that they gave."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

Values = dict[str, int | float]
Measure = Callable[[Values], float]


class Trial(NamedTuple):
    """Values that were tried. A ``control`` shows the curve where the paper does not look, and is never chosen."""

    values: Values
    fid: float
    control: bool = False


def best(trials: Sequence[Trial]) -> Trial:
    """Return the trial of the lowest FID, the first of equals, controls apart."""
    return min((trial for trial in trials if not trial.control), key=lambda trial: trial.fid)

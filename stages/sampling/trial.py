"""A trial of a search: values of a fix, and the FID that they gave."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

Values = dict[str, int | float]
Measure = Callable[[Values], float]


class Trial(NamedTuple):
    """Values that were tried.

    A ``control`` shows the curve where the paper does not look, such as without the fix, and is never chosen.
    """

    values: Values
    fid: float
    control: bool = False


def best(trials: Sequence[Trial]) -> Trial:
    """Return the trial of the lowest FID, the first of equals, controls apart."""
    return min((trial for trial in trials if not trial.control), key=lambda trial: trial.fid)


def widened(
    trials: Sequence[Trial], end: Trial, beyond: Iterable[int | float], tried: Callable[[int | float], Trial]
) -> list[Trial]:
    """Return trials, and further ones beyond one end of their range while the trial at that end is the best of all.

    Args:
        trials: those of the range.
        end: the one at the end, which is among them.
        beyond: values beyond the end, the nearest first.
        tried: the trial of a value.
    """
    found = list(trials)
    for value in beyond:
        if best(found) is not end:
            break
        end = tried(value)
        found.append(end)
    return found

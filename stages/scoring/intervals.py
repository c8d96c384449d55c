"""Intervals of measured scores: delete-one-group jackknife, paired differences, shares."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import special


class Interval(NamedTuple):
    """A bias-corrected estimate, its two-sided confidence interval, and the p-value of 'it is zero'."""

    estimate: float
    low: float
    high: float
    p: float


def jackknife(full: float, replicates: Sequence[float], level: float = 0.95) -> Interval:
    """Return the bias-corrected delete-one-group jackknife interval of a statistic (Tukey 1958).

    The groups are equal in size. Pseudo-values g full - (g - 1) replicate; Student's t with g - 1 degrees of freedom.

    Args:
        full: the statistic of all images.
        replicates: the statistic with each of the g groups left out.
        level: coverage of the interval.
    """
    groups = len(replicates)
    pseudo = groups * full - (groups - 1) * np.asarray(replicates, dtype=np.float64)
    estimate = float(pseudo.mean())
    error = float(pseudo.std(ddof=1) / np.sqrt(groups))
    if error == 0:
        return Interval(estimate, estimate, estimate, float(estimate == 0))
    margin = float(special.stdtrit(groups - 1, 0.5 + level / 2)) * error
    p = 2 * float(special.stdtr(groups - 1, -abs(estimate) / error))
    return Interval(estimate, estimate - margin, estimate + margin, p)


def jackknife_margin(full: float, replicates: Sequence[float]) -> float:
    """Return half the width of the 95 % jackknife interval of a statistic."""
    interval = jackknife(full, replicates)
    return (interval.high - interval.low) / 2


def with_replicates(value: float, replicates: list[float]) -> dict[str, Any]:
    """Return a score of a whole set of images as records have it: with its margin and its jackknife replicates."""
    return {"value": value, "margin": jackknife_margin(value, replicates), "replicates": replicates}


def paired_difference(
    base: float, base_replicates: Sequence[float], fixed: float, fixed_replicates: Sequence[float]
) -> Interval:
    """Return the jackknife interval of fixed - base, the same group of noise dropped on both sides."""
    return jackknife(fixed - base, np.subtract(fixed_replicates, base_replicates).tolist())


def relative_difference(
    base: float, base_replicates: Sequence[float], fixed: float, fixed_replicates: Sequence[float]
) -> Interval:
    """Return the jackknife interval of 100 (fixed / base - 1), in percent, paired as ``paired_difference`` is."""
    replicates = 100 * (np.divide(fixed_replicates, base_replicates) - 1)
    return jackknife(100 * (fixed / base - 1), replicates.tolist())


def share_margin(share: float, n: int, level: float = 0.95) -> float:
    """Return half the width of the Wilson interval of a share of ``n`` images, such as precision or recall.

    Sampling of the images counted alone: the balls that they fall into are taken as given.
    """
    z = float(special.ndtri(0.5 + level / 2))
    share = round(share * n) / n
    return z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))

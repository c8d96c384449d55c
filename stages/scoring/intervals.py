"""Intervals of measured scores: delete-one-group jackknife, paired differences, shares."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import special


class Estimate(NamedTuple):
    """A measured value with its standard error, and the degrees of freedom of Student's t for it."""

    value: float
    error: float
    freedom: int

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return the ends of the two-sided confidence interval of a coverage."""
        margin = float(special.stdtrit(self.freedom, 0.5 + level / 2)) * self.error
        return self.value - margin, self.value + margin

    @property
    def p(self) -> float:
        """The two-sided p-value of 'it is zero'."""
        if self.error == 0:
            return float(self.value == 0)
        return 2 * float(special.stdtr(self.freedom, -abs(self.value) / self.error))


def jackknife(full: float, replicates: Sequence[float]) -> Estimate:
    """Return a statistic with its delete-one-group jackknife error (Tukey 1958).

    The groups are equal in size. The error is that of the mean of the pseudo-values g full - (g - 1) replicate, with
    g - 1 degrees of freedom. The value is the statistic itself, not the mean of the pseudo-values, which would remove
    its bias: the scores that papers print have the bias of their n too, and a difference must recompute from them.

    Args:
        full: the statistic of all images.
        replicates: the statistic with each of the g groups left out.
    """
    groups = len(replicates)
    pseudo = groups * full - (groups - 1) * np.asarray(replicates, dtype=np.float64)
    return Estimate(full, float(pseudo.std(ddof=1) / np.sqrt(groups)), groups - 1)


def jackknife_margin(full: float, replicates: Sequence[float]) -> float:
    """Return half the width of the 95 % jackknife interval of a statistic."""
    estimate = jackknife(full, replicates)
    return float(special.stdtrit(estimate.freedom, 0.975)) * estimate.error


def with_replicates(value: float, replicates: list[float]) -> dict[str, Any]:
    """Return a score of a whole set of images as records have it: with its margin and its jackknife replicates."""
    return {"value": value, "margin": jackknife_margin(value, replicates), "replicates": replicates}


def paired_difference(
    base: float, base_replicates: Sequence[float], fixed: float, fixed_replicates: Sequence[float]
) -> Estimate:
    """Return fixed - base with its jackknife error, the same group of noise dropped on both sides."""
    return jackknife(fixed - base, np.subtract(fixed_replicates, base_replicates).tolist())


def share_margin(share: float, n: int, level: float = 0.95) -> float:
    """Return half the width of the Wilson interval of a share of ``n`` images, such as precision or recall.

    Sampling of the images counted alone: the balls that they fall into are taken as given.
    """
    z = float(special.ndtri(0.5 + level / 2))
    share = round(share * n) / n
    return z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))

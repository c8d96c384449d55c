"""Values of measures with their margins over images, and curves of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from stages.scoring.intervals import jackknife_margin

GROUPS = 10


class Estimate(NamedTuple):
    """A value with half the width of its 95 % interval over images."""

    value: float
    margin: float


class Curve(NamedTuple):
    """Values of a measure at times (or bands, or times around one).

    ``steps`` is the number of times of the grid that they were taken along. ``fix`` is the name of a fix, or
    ``control``: what the values are compared with, or ``gaussian``: the exact prediction for Gaussian data of the same
    spectrum. Margins are over the images; exact values, counts and positions of a minimum have none.
    """

    measure: str
    sampler: str
    steps: int
    fix: str
    at: Sequence[float]
    values: Sequence[float]
    margins: Sequence[float] | None = None


def mean_over_images(values: Tensor) -> Estimate:
    """Return the mean of one number per image, [n], with 1.96 standard errors."""
    values = values.double()
    return Estimate(float(values.mean()), 1.96 * float(values.std(correction=1)) / math.sqrt(len(values)))


def mean_and_variance(residual: Tensor) -> tuple[Estimate, Estimate]:
    """Return the mean of residuals [n, C, H, W], and their variance: of each pixel over images, then averaged."""
    residual = residual.double()
    return (
        mean_over_images(residual.flatten(1).mean(dim=1)),
        mean_over_images((residual - residual.mean(dim=0)).square().flatten(1).mean(dim=1)),
    )


class Estimates(NamedTuple):
    """Values with half the width of each one's 95 % interval over images."""

    values: list[float]
    margins: list[float]


def jackknifed(measure: Callable[[Tensor], Mapping[str, Tensor]], n: int) -> dict[str, Estimates]:
    """Return the values [m] of measures of ``n`` images by name, with delete-one-group jackknife margins.

    ``measure`` takes the indices of the images that count. The groups are ten, as equal in size as they can be.
    """
    order = torch.arange(n)
    groups = min(GROUPS, n)
    left_out = [measure(order[order % groups != group]) for group in range(groups)]
    found = {}
    for name, values in measure(order).items():
        replicates = zip(*(each[name].tolist() for each in left_out), strict=True)
        margins = [jackknife_margin(*each) for each in zip(values.tolist(), replicates, strict=True)]
        found[name] = Estimates(values.tolist(), margins)
    return found


def jackknifed_curves(
    sampler: str, steps: int, fix: str, at: Sequence[float], measure: Callable[[Tensor], Mapping[str, Tensor]], n: int
) -> Iterator[Curve]:
    """Yield a curve with margins for each measure of ``n`` images."""
    for name, found in jackknifed(measure, n).items():
        yield Curve(name, sampler, steps, fix, at, found.values, found.margins)

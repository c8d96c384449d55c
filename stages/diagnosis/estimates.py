"""A mean over images with its margin."""

from __future__ import annotations

import math
from typing import NamedTuple

from torch import Tensor


class Estimate(NamedTuple):
    """A value with half the width of its 95 % interval over images."""

    value: float
    margin: float


def mean_over_images(values: Tensor) -> Estimate:
    """Return the mean of one number an image, [n], with 1.96 standard errors."""
    values = values.double()
    return Estimate(float(values.mean()), 1.96 * float(values.std(correction=1)) / math.sqrt(len(values)))


def mean_and_variance(residual: Tensor) -> tuple[Estimate, Estimate]:
    """Return the mean of residuals [n, C, H, W], and their variance: of each pixel over images, then averaged."""
    residual = residual.double()
    return (
        mean_over_images(residual.flatten(1).mean(dim=1)),
        mean_over_images((residual - residual.mean(dim=0)).square().flatten(1).mean(dim=1)),
    )

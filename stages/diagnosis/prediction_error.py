"""The error of predicted images: its size, and whether it is Gaussian."""

from __future__ import annotations

import numpy as np
from scipy import stats
from torch import Tensor

# As many images as the released code draws for each test, and its level.
TESTED, LEVEL = 100, 0.05


def spread(errors: Tensor) -> float:
    """Return nu, the standard deviation over images of errors [n, C, H, W], averaged over pixels (IP, Sec. 4, Fig. 2).

    The error is clip(x0hat) - x0 at forward states, as in the released code.
    """
    return float(errors.double().std(dim=0, correction=0).mean())


def rejection_rate(errors: Tensor) -> float:
    """Return the share of pixels whose errors Shapiro and Wilk's test calls not Gaussian at 5 % (IP, App. A.5).

    The first 100 images are tested; pixels without any error count as not rejected. Gaussian errors give 0.05.
    """
    columns = errors[:TESTED].double().flatten(1).cpu().numpy().T
    varying = columns[np.ptp(columns, axis=1) > 0]
    return sum(stats.shapiro(column).pvalue < LEVEL for column in varying) / len(columns)

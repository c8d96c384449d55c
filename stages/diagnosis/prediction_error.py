"""The error of predicted images at true states: its size, and whether it is Gaussian."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from scipy import stats
from torch import Tensor

from stages.diagnosis.chains import Forward, levels
from stages.diagnosis.estimates import Curve, jackknifed_curves
from stages.diagnosis.subject import CONTROL
from stages.diffusion.schedule import predict_x0

# As many images as the released code draws for each test, and its level.
TESTED = 100
LEVEL = 0.05


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


def curves(forward: Forward) -> Iterator[Curve]:
    """Yield both along ADM's grid, the rejections beside those of Gaussian noise of the same size."""
    if forward.sampler != "ddpm":
        return
    subject = forward.subject
    times = forward.chain.grid.times
    true = zip(forward.trajectory.states, forward.trajectory.eps, levels(forward.chain), strict=True)
    errors = torch.stack([predict_x0(x, eps, level).clamp(-1, 1) - subject.images for x, eps, level in true])
    draw = subject.noise(CONTROL)

    def measure(kept: Tensor) -> dict[str, Tensor]:
        return {"nu": torch.tensor([spread(each[kept]) for each in errors])}

    yield from jackknifed_curves("", "none", times, measure, len(subject.images))
    yield Curve("rejected", "", "none", times, [rejection_rate(each) for each in errors])
    yield Curve("rejected", "", "control", times, [rejection_rate(spread(each) * draw()) for each in errors])

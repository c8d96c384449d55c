"""The error of predicted images at true states: its size, and whether it is Gaussian."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from scipy import stats
from torch import Tensor

from stages.diagnosis.chains import Forward, levels
from stages.diagnosis.estimates import Curve, jackknifed_curves
from stages.diagnosis.subject import CONTROL, DIAGNOSE, PIXELS
from stages.diffusion.random_streams import stream
from stages.diffusion.schedule import predict_x0

# As many images as the released code draws for each test, and its level.
TESTED = 100
LEVEL = 0.05
# Histograms: how many, their bins, and where those start and end, in standard deviations around the mean.
HISTOGRAMS = 4
BINS = 20
REACH = 3.0


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


def histogram(errors: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return centres of bins, counts of errors [n] and expected counts of the Gaussian fitted to them (IP, Fig. 6).

    All are [20]. The bins are equal and reach 3 standard deviations to either side of the mean; the outermost ones also
    count what lies beyond, so that both kinds of counts have the sum n.
    """
    errors = errors.double().cpu()
    mean = errors.mean()
    size = errors.std(correction=0)
    edges = torch.linspace(-REACH, REACH, BINS + 1, dtype=torch.float64)
    places = torch.bucketize((errors - mean) / size, edges[1:-1])
    counts = torch.bincount(places, minlength=BINS)
    below = torch.special.ndtr(edges)
    below[0], below[-1] = 0, 1
    return mean + size * (edges[1:] + edges[:-1]) / 2, counts, len(errors) * below.diff()


def counted_pixels(images: Tensor, seed: int) -> Tensor:
    """Return the indices of pixels to count errors of, drawn from the half whose variance over images is largest.

    Of pixels that hardly vary, such as the margin of digits, the error is no Gaussian but almost nothing.
    """
    order = images.flatten(1).double().var(dim=0).argsort(descending=True).cpu()
    half = order[: max(1, len(order) // 2)]
    drawn = torch.randint(len(half), (HISTOGRAMS,), generator=stream(seed, DIAGNOSE, PIXELS))
    return half[drawn]


def curves(forward: Forward) -> Iterator[Curve]:
    """Yield both along ADM's grid, the rejections beside those of Gaussian noise of the same size, and histograms."""
    if forward.sampler != "ddpm":
        return
    subject = forward.subject
    times = forward.chain.grid.times
    true = zip(forward.trajectory.states, forward.trajectory.eps, levels(forward.chain), strict=True)
    errors = torch.stack([predict_x0(x, eps, level).clamp(-1, 1) - subject.images for x, eps, level in true])
    draw = subject.noise(CONTROL)

    def measure(kept: Tensor) -> dict[str, Tensor]:
        return {"nu": torch.tensor([spread(each[kept]) for each in errors])}

    steps = forward.steps
    yield from jackknifed_curves("", steps, "none", times, measure, len(subject.images))
    yield Curve("rejected", "", steps, "none", times, [rejection_rate(each) for each in errors])
    yield Curve("rejected", "", steps, "control", times, [rejection_rate(spread(each) * draw()) for each in errors])
    for part, pixel in enumerate(counted_pixels(subject.images, subject.seed).tolist(), 1):
        index = part * len(times) // (HISTOGRAMS + 1)
        at, counts, expected = histogram(errors[index].flatten(1)[:, pixel])
        name = f"histogram_at_{times[index]}_pixel_{pixel}"
        yield Curve(name, "", steps, "none", at.tolist(), counts.tolist())
        yield Curve(name, "", steps, "gaussian", at.tolist(), expected.tolist())

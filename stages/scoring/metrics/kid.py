"""KID: the squared maximum mean discrepancy of pooled features (Binkowski et al. 2018).

It is unbiased at any number of images, where FID is biased upwards, the more so the fewer images there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from stages.scoring.features import FakeFeatures, RealFeatures
from stages.scoring.intervals import with_replicates

PLACE = 4
# Images of a block, to which the kernel is evaluated: all pairs of 50,000 would take minutes.
BLOCK = 5000


class KernelSums(NamedTuple):
    """Sums of the kernel over one block of generated and one of real images.

    Attributes:
        sizes: numbers of generated images of the block's groups [g].
        fake: over pairs of two groups, without the pairs of an image with itself [g, g].
        cross: over pairs of a group and all real images of the block [g].
        real_mean: the mean over pairs of two different real images.
        real_count: the number of real images.
    """

    sizes: np.ndarray
    fake: np.ndarray
    cross: np.ndarray
    real_mean: float
    real_count: int


def value(fake: FakeFeatures, real: RealFeatures, neighborhood: int) -> float:
    """Return the discrepancy alone; it may be below 0."""
    return discrepancy(kernel_sums(fake.pooled, fake.sizes, real.pooled))


def score(fake: FakeFeatures, real: RealFeatures, neighborhood: int) -> dict[str, Any]:
    """Return the discrepancy with the margin of its 95 % interval and its replicates."""
    blocks = kernel_sums(fake.pooled, fake.sizes, real.pooled)
    replicates = [discrepancy(blocks, without=group) for group in range(len(fake.sizes))]
    return with_replicates(discrepancy(blocks), replicates)


def kernel_sums(fake: np.ndarray, sizes: Sequence[int], real: np.ndarray) -> list[KernelSums]:
    """Return the sums of the kernel (x y / d + 1)^3 over blocks of about 5,000 images, at least one.

    Args:
        fake: features of generated images [n, d].
        sizes: numbers of images of their consecutive groups; a block holds whole groups.
        real: features of real images [m, d].
    """
    ends = np.cumsum(sizes)
    blocks = min(len(sizes), max(1, round(len(fake) / BLOCK)))
    found = []
    for groups, reals in zip(
        np.array_split(np.arange(len(sizes)), blocks), np.array_split(np.arange(len(real)), blocks), strict=True
    ):
        parts = [fake[ends[group] - sizes[group] : ends[group]] for group in groups]
        known = real[reals]
        pairs = np.array([[_kernel(a, b).sum() for b in parts] for a in parts])
        pairs[np.diag_indices(len(parts))] -= [_kernel_of_itself(part).sum() for part in parts]
        alone = _kernel(known, known).sum() - _kernel_of_itself(known).sum()
        found.append(
            KernelSums(
                sizes=np.array([len(part) for part in parts]),
                fake=pairs,
                cross=np.array([_kernel(part, known).sum() for part in parts]),
                real_mean=float(alone / (len(known) * (len(known) - 1))),
                real_count=len(known),
            )
        )
    return found


def discrepancy(blocks: Sequence[KernelSums], without: int | None = None) -> float:
    """Return the mean over blocks of the unbiased estimate (Binkowski et al. 2018, Eq. 4), all groups or all but one.

    A block that consists of the group that is left out is left out too.
    """
    found = []
    first = 0
    for block in blocks:
        kept = [i for i in range(len(block.sizes)) if first + i != without]
        first += len(block.sizes)
        n = block.sizes[kept].sum()
        if n > 1:
            fake_mean = block.fake[np.ix_(kept, kept)].sum() / (n * (n - 1))
            cross_mean = block.cross[kept].sum() / (n * block.real_count)
            found.append(fake_mean + block.real_mean - 2 * cross_mean)
    return float(np.mean(found))


def _kernel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the kernel [n, m], float64, of features that are float32."""
    return (x.astype(np.float64) @ y.T.astype(np.float64) / x.shape[1] + 1) ** 3


def _kernel_of_itself(x: np.ndarray) -> np.ndarray:
    return (np.square(x, dtype=np.float64).sum(1) / x.shape[1] + 1) ** 3

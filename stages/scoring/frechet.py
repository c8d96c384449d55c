"""The Frechet distance between features of generated and real images, with its margin and replicates."""

from __future__ import annotations

from typing import Any

import numpy as np

from stages.scoring.features import FakeFeatures, Kind, RealFeatures
from stages.scoring.intervals import with_replicates
from stages.scoring.statistics import GroupMoments, Statistics


def frechet_distance(fake: Statistics, real: Statistics, root: np.ndarray) -> float:
    """Return |mu1 - mu2|^2 + tr(sigma1 + sigma2 - 2 (sigma1 sigma2)^(1/2)) (Heusel et al. 2017, Eq. 6).

    ``root`` is the square root R of the real covariance: R sigma1 R has the eigenvalues of sigma1 sigma2 and is
    symmetric, which takes a tenth of the time of a general matrix.
    """
    difference = fake.mu - real.mu
    eigenvalues = np.linalg.eigvalsh(root @ fake.sigma @ root)
    overlap = np.sqrt(eigenvalues.clip(min=0)).sum()
    return float(difference @ difference + np.trace(fake.sigma) + np.trace(real.sigma) - 2 * overlap)


def frechet_replicates(fake: GroupMoments, real: Statistics, root: np.ndarray) -> list[float]:
    """Return the Frechet distances to ``real`` with one group of images left out at a time."""
    return [frechet_distance(fake.statistics(without=group), real, root) for group in range(len(fake.sizes))]


def frechet_value(fake: FakeFeatures, real: RealFeatures, kind: Kind) -> float:
    """Return the Frechet distance of one kind of features."""
    known = real.statistics[kind]
    return frechet_distance(fake.moments[kind].statistics(), known.statistics, known.root)


def frechet_score(fake: FakeFeatures, real: RealFeatures, kind: Kind) -> dict[str, Any]:
    """Return the Frechet distance of one kind of features with its margin and replicates."""
    known = real.statistics[kind]
    replicates = frechet_replicates(fake.moments[kind], known.statistics, known.root)
    return with_replicates(frechet_value(fake, real, kind), replicates)

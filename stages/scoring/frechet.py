"""Frechet distances between two sets of features: FID, sFID and the raw-pixel one."""

from __future__ import annotations

import numpy as np

from stages.scoring.statistics import GroupMoments, Statistics


def square_root(sigma: np.ndarray) -> np.ndarray:
    """Return the symmetric square root of a covariance [d, d]."""
    values, vectors = np.linalg.eigh(sigma)
    return (vectors * np.sqrt(values.clip(min=0))) @ vectors.T


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

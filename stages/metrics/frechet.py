"""Frechet distances between two sets of features: FID, sFID and the raw-pixel one, by torch-fidelity."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_features_to_statistics, fid_statistics_to_metric

Statistics = Mapping[str, np.ndarray]


def statistics(features: np.ndarray) -> Statistics:
    """Return ``mu`` [d] and the unbiased covariance ``sigma`` [d, d] of features [n, d]."""
    return fid_features_to_statistics(torch.from_numpy(features))


def frechet_distance(first: Statistics, second: Statistics) -> float:
    """Return |mu1 - mu2|^2 + tr(sigma1 + sigma2 - 2 (sigma1 sigma2)^(1/2)) (Heusel et al. 2017, Eq. 6)."""
    return fid_statistics_to_metric(first, second, verbose=False)[KEY_METRIC_FID]


def frechet_replicates(features: np.ndarray, real: Statistics, groups: int) -> list[float]:
    """Return the Frechet distances to ``real`` with one of ``groups`` equal runs of images left out at a time."""
    kept = np.ones(len(features), bool)
    replicates = []
    for dropped in np.array_split(np.arange(len(features)), groups):
        kept[dropped] = False
        replicates.append(frechet_distance(statistics(features[kept]), real))
        kept[dropped] = True
    return replicates

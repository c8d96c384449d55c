"""Precision and recall by nearest neighbours."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

# Distances are computed by blocks of these many points to these many: what bounds the memory.
ROWS, COLUMNS = 1000, 10_000


def precision_recall(fake: np.ndarray, real: np.ndarray, neighborhood: int) -> dict[str, float]:
    """Return the share of fakes inside a real k-NN ball and of reals inside a fake one (Kynkaanniemi et al. 2019).

    ``neighborhood`` is k, 3 in the papers; features [n, d] float32, euclidean distances.
    """
    fakes, reals = torch.from_numpy(fake), torch.from_numpy(real)
    return {
        "precision": _covered(fakes, reals, _radii(reals, neighborhood)),
        "recall": _covered(reals, fakes, _radii(fakes, neighborhood)),
    }


def _radii(points: Tensor, neighborhood: int) -> Tensor:
    # The nearest point is the point itself.
    return torch.cat([_kth_distance(block, points, neighborhood + 1) for block in points.split(ROWS)])


def _kth_distance(block: Tensor, points: Tensor, k: int) -> Tensor:
    parts = points.split(COLUMNS)
    nearest = [torch.cdist(block, part).topk(min(k, len(part)), largest=False).values for part in parts]
    return torch.cat(nearest, 1).kthvalue(k).values


def _covered(points: Tensor, centres: Tensor, radii: Tensor) -> float:
    balls = list(zip(centres.split(COLUMNS), radii.split(COLUMNS), strict=True))
    inside = [
        torch.stack([(torch.cdist(block, part) <= radius).any(1) for part, radius in balls]).any(0)
        for block in points.split(ROWS)
    ]
    return torch.cat(inside).double().mean().item()

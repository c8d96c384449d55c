"""Precision and recall by nearest neighbours."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

# Rows of one block of distances: what bounds the memory.
ROWS = 1000


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
    blocks = (torch.cdist(block, points) for block in points.split(ROWS))
    return torch.cat([distances.kthvalue(neighborhood + 1).values for distances in blocks])


def _covered(points: Tensor, centres: Tensor, radii: Tensor) -> float:
    inside = [(torch.cdist(block, centres) <= radii).any(dim=1) for block in points.split(ROWS)]
    return torch.cat(inside).double().mean().item()

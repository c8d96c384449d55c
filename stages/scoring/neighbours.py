"""The share of points inside nearest-neighbour balls, which precision and recall are (Kynkaanniemi et al. 2019)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

# Distances are computed by blocks of these many points to these many, which bounds the memory.
ROWS, COLUMNS = 1000, 10_000


def covered_share(points: np.ndarray, centres: np.ndarray, neighborhood: int) -> float:
    """Return the share of points that lie inside the k-NN ball of a centre, by euclidean distances.

    All are moved so that the mean of the centres is 0: ``torch.cdist`` subtracts squared norms, which loses small
    distances between points far off the origin.

    Args:
        points: features [n, d], float32.
        centres: features [m, d], float32; each is the centre of a ball that reaches to its k-th neighbour among them.
        neighborhood: k, 3 in the papers.
    """
    import torch

    mean = torch.from_numpy(centres).double().mean(0)
    moved, balls = ((torch.from_numpy(features).double() - mean).float() for features in (points, centres))
    return _covered(moved, balls, _radii(balls, neighborhood))


def _radii(points: Tensor, neighborhood: int) -> Tensor:
    import torch

    # The nearest point is the point itself.
    return torch.cat([_kth_distance(block, points, neighborhood + 1) for block in points.split(ROWS)])


def _kth_distance(block: Tensor, points: Tensor, k: int) -> Tensor:
    import torch

    parts = points.split(COLUMNS)
    nearest = [torch.cdist(block, part).topk(min(k, len(part)), largest=False).values for part in parts]
    return torch.cat(nearest, 1).kthvalue(k).values


def _covered(points: Tensor, centres: Tensor, radii: Tensor) -> float:
    import torch

    balls = list(zip(centres.split(COLUMNS), radii.split(COLUMNS), strict=True))
    inside = [
        torch.stack([(torch.cdist(block, part) <= radius).any(1) for part, radius in balls]).any(0)
        for block in points.split(ROWS)
    ]
    return torch.cat(inside).double().mean().item()

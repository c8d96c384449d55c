"""The share of points inside nearest-neighbour balls, which precision and recall are (Kynkaanniemi et al. 2019)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stages.config.runtime import pick_device

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

# Distances are computed by blocks of these many points to these many, which bounds the memory.
ROWS, COLUMNS = 1000, 10_000


def ball_radii(centres: np.ndarray, neighborhood: int) -> np.ndarray:
    """Return the euclidean distance [m], float32, of each centre to its k-th neighbour among them.

    Args:
        centres: features [m, d], float32.
        neighborhood: k, 3 in the papers.
    """
    import torch

    points = _moved(centres, centres)
    # The nearest point is the point itself.
    found = [_kth_distance(block, points, neighborhood + 1) for block in points.split(ROWS)]
    return torch.cat(found).cpu().numpy()


def covered_share(points: np.ndarray, centres: np.ndarray, radii: np.ndarray) -> float:
    """Return the share of points that lie inside the ball of a centre.

    Args:
        points: features [n, d], float32.
        centres: features [m, d], float32.
        radii: of their balls [m], from ``ball_radii``.
    """
    import torch

    candidates = _moved(points, centres)
    parts = _moved(centres, centres).split(COLUMNS)
    limits = torch.from_numpy(radii).to(candidates.device).split(COLUMNS)
    inside = []
    for block in candidates.split(ROWS):
        covered = [(torch.cdist(block, part) <= limit).any(1) for part, limit in zip(parts, limits, strict=True)]
        inside.append(torch.stack(covered).any(0))
    return torch.cat(inside).double().mean().item()


def _moved(points: np.ndarray, centres: np.ndarray) -> Tensor:
    """Return the points, moved so that the mean of the centres is 0, on the chosen device.

    ``torch.cdist`` subtracts squared norms, which loses small distances between points far off the origin.
    """
    import torch

    mean = torch.from_numpy(centres).double().mean(0)
    return (torch.from_numpy(points).double() - mean).float().to(pick_device())


def _kth_distance(block: Tensor, points: Tensor, k: int) -> Tensor:
    import torch

    parts = points.split(COLUMNS)
    nearest = [torch.cdist(block, part).topk(min(k, len(part)), largest=False).values for part in parts]
    return torch.cat(nearest, 1).kthvalue(k).values

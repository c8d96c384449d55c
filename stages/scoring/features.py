"""Features of images, as every score takes them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Features(NamedTuple):
    """Features of n images, float32: pooled [n, d] for FID, precision and recall, spatial for sFID, pixels or None.

    The logits [n, K] of classes are those of the Inception score.
    """

    pooled: np.ndarray
    spatial: np.ndarray
    pixels: np.ndarray | None
    logits: np.ndarray

    def frechet(self) -> dict[str, np.ndarray]:
        """Return the feature matrix behind each Frechet distance."""
        named = {"fid": self.pooled, "sfid": self.spatial, "fd_pixel": self.pixels}
        return {name: features for name, features in named.items() if features is not None}

"""FID: the Frechet distance of pooled features (Heusel et al. 2017)."""

from __future__ import annotations

from typing import Any

from stages.scoring.features import FakeFeatures, Kind, RealFeatures
from stages.scoring.frechet import frechet_score, frechet_value

PLACE = 1
# The features of which it takes moments.
KINDS: tuple[Kind, ...] = ("pooled",)


def value(fake: FakeFeatures, real: RealFeatures, neighborhood: int) -> float:
    """Return the distance alone."""
    return frechet_value(fake, real, "pooled")


def score(fake: FakeFeatures, real: RealFeatures, neighborhood: int) -> dict[str, Any]:
    """Return the distance with the margin of its 95 % interval and its replicates."""
    return frechet_score(fake, real, "pooled")

"""sFID: the Frechet distance of spatial features (Nash et al. 2021)."""

from __future__ import annotations

from typing import Any

from stages.scoring.features import FakeFeatures, RealFeatures
from stages.scoring.frechet import frechet_score, frechet_value

PLACE = 2


def value(fake: FakeFeatures, real: RealFeatures, neighborhood: int) -> float:
    """Return the distance alone."""
    return frechet_value(fake, real, "spatial")


def score(fake: FakeFeatures, real: RealFeatures, neighborhood: int) -> dict[str, Any]:
    """Return the distance with the margin of its 95 % interval and its replicates."""
    return frechet_score(fake, real, "spatial")

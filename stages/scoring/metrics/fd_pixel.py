"""The Frechet distance of raw pixels in [0, 1], of small images."""

from __future__ import annotations

from typing import Any

from stages.scoring.features import FakeFeatures, RealFeatures
from stages.scoring.frechet import frechet_score, frechet_value

PLACE = 3


def value(fake: FakeFeatures, real: RealFeatures, neighborhood: int) -> float | None:
    """Return the distance alone; None where images have too many pixels."""
    return frechet_value(fake, real, "pixels") if "pixels" in fake.moments else None


def score(fake: FakeFeatures, real: RealFeatures, neighborhood: int) -> dict[str, Any] | None:
    """Return the distance with the margin of its 95 % interval and its replicates; None as above."""
    return frechet_score(fake, real, "pixels") if "pixels" in fake.moments else None

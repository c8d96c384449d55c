"""Recall: the share of real images inside the k-NN ball of a generated one (Kynkaanniemi et al. 2019)."""

from __future__ import annotations

from typing import Any

from stages.scoring.features import FakeFeatures, RealFeatures
from stages.scoring.intervals import share_margin
from stages.scoring.neighbours import ball_radii, covered_share

PLACE = 7


def value(fake: FakeFeatures, real: RealFeatures, neighborhood: int) -> float:
    """Return the share alone; ``neighborhood`` is k."""
    return covered_share(real.pooled, fake.pooled, ball_radii(fake.pooled, neighborhood))


def score(fake: FakeFeatures, real: RealFeatures, neighborhood: int) -> dict[str, Any]:
    """Return the share with the margin of its 95 % interval."""
    share = value(fake, real, neighborhood)
    return {"value": share, "margin": share_margin(share, len(real.pooled))}

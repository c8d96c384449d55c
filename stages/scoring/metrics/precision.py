"""Precision: the share of generated images inside the k-NN ball of a real one (Kynkaanniemi et al. 2019)."""

from __future__ import annotations

from typing import Any

from stages.scoring.features import FakeFeatures, RealFeatures
from stages.scoring.intervals import share_margin
from stages.scoring.neighbours import covered_share

PLACE = 6


def value(fake: FakeFeatures, real: RealFeatures, neighborhood: int) -> float:
    """Return the share alone; the radii of the real balls are known, for the k of ``neighborhood``."""
    return covered_share(fake.pooled, real.pooled, real.radii)


def score(fake: FakeFeatures, real: RealFeatures, neighborhood: int) -> dict[str, Any]:
    """Return the share with the margin of its 95 % interval."""
    share = value(fake, real, neighborhood)
    return {"value": share, "margin": share_margin(share, len(fake.pooled))}

"""The Inception score, from the logits of a feature network that classifies images (Salimans et al. 2016)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import log_softmax

from stages.scoring.features import FakeFeatures, RealFeatures
from stages.scoring.intervals import with_replicates

PLACE = 5
# Images of a split, as the ADM evaluator has them: 10 splits of the papers' 50,000, one of fewer than 7,500 images.
SPLIT = 5000


def value(fake: FakeFeatures, real: RealFeatures, neighborhood: int) -> float:
    """Return the score alone; real images and neighbours play no part in it."""
    return inception_score(fake.logits)


def score(fake: FakeFeatures, real: RealFeatures, neighborhood: int) -> dict[str, Any]:
    """Return the score with the margin of its 95 % interval and its replicates."""
    return with_replicates(inception_score(fake.logits), inception_score_replicates(fake.logits, fake.sizes))


def inception_score(logits: np.ndarray, splits: int | None = None) -> float:
    """Return the mean over splits of exp(E KL(p(y|x) || p(y))) (Salimans et al. 2016, Sec. 4), between 1 and K.

    Splits are consecutive, nearly equal in size; p(y) is the mean of p(y|x) over the split.

    Args:
        logits: of n images and K classes, [n, K].
        splits: their number; by default that of ``split_count``.
    """
    log_p = log_softmax(logits.astype(np.float64), axis=1)
    parts = np.array_split(log_p, splits or split_count(len(log_p)))
    return float(np.mean([_split_score(part) for part in parts]))


def split_count(n: int) -> int:
    """Return the number of splits of n images: of about 5,000 each, at least one.

    The published evaluator has splits of exactly 5,000, and a small last one weighs as much as the others.
    """
    return max(1, round(n / SPLIT))


def _split_score(log_p: np.ndarray) -> float:
    p = np.exp(log_p)
    marginal = p.mean(0)
    # A class whose p is 0 in every row, as small numbers become, adds 0.
    log_marginal = np.log(np.where(marginal > 0, marginal, 1))
    return float(np.exp((p * (log_p - log_marginal)).sum(1).mean()))


def inception_score_replicates(logits: np.ndarray, sizes: Sequence[int]) -> list[float]:
    """Return the Inception score with one of consecutive groups of ``sizes`` images left out at a time.

    All have the number of splits of the whole: the jackknife takes them for the same statistic.
    """
    ends = np.cumsum(sizes)
    splits = split_count(len(logits))
    return [
        inception_score(np.delete(logits, slice(end - size, end), axis=0), splits)
        for size, end in zip(sizes, ends, strict=True)
    ]

"""The Inception score, from the logits of a feature network that classifies images (Salimans et al. 2016)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import log_softmax

from stages.scoring.features import FakeFeatures, RealFeatures
from stages.scoring.intervals import with_replicates

PLACE = 4
# Images of a split, as the ADM evaluator has them: 10 splits of the papers' 50,000, one of 5,000 images or fewer.
SPLIT = 5000


def value(fake: FakeFeatures, real: RealFeatures, neighborhood: int) -> float:
    """Return the score alone; real images and neighbours play no part in it."""
    return inception_score(fake.logits)


def score(fake: FakeFeatures, real: RealFeatures, neighborhood: int) -> dict[str, Any]:
    """Return the score with the margin of its 95 % interval and its replicates."""
    return with_replicates(inception_score(fake.logits), inception_score_replicates(fake.logits, fake.sizes))


def inception_score(logits: np.ndarray, split: int = SPLIT) -> float:
    """Return the mean over splits of exp(E KL(p(y|x) || p(y))) (Salimans et al. 2016, Sec. 4), between 1 and K.

    Splits are consecutive, the last one with the images that remain; p(y) is the mean of p(y|x) over the split.

    Args:
        logits: of n images and K classes, [n, K].
        split: images of a split.
    """
    log_p = log_softmax(logits.astype(np.float64), axis=1)
    return float(np.mean([_split_score(log_p[start : start + split]) for start in range(0, len(log_p), split)]))


def _split_score(log_p: np.ndarray) -> float:
    p = np.exp(log_p)
    marginal = p.mean(0)
    # A class whose p is 0 in every row, as small numbers become, adds 0.
    log_marginal = np.log(np.where(marginal > 0, marginal, 1))
    return float(np.exp((p * (log_p - log_marginal)).sum(1).mean()))


def inception_score_replicates(logits: np.ndarray, sizes: Sequence[int], split: int = SPLIT) -> list[float]:
    """Return the Inception score with one of consecutive groups of ``sizes`` images left out at a time."""
    ends = np.cumsum(sizes)
    return [
        inception_score(np.delete(logits, slice(end - size, end), axis=0), split)
        for size, end in zip(sizes, ends, strict=True)
    ]

"""The jackknife against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from stages.scoring.frechet import frechet_distance, frechet_replicates
from stages.scoring.intervals import Estimate, jackknife, jackknife_margin, paired_difference
from stages.scoring.statistics import GroupMoments, Statistics, square_root


def leave_one_out(values: np.ndarray, groups: int) -> list[float]:
    return [float(np.delete(values, part).mean()) for part in np.array_split(np.arange(len(values)), groups)]


def test_jackknife_of_a_mean_is_the_t_interval() -> None:
    values = np.random.RandomState(0).standard_normal(15)
    replicates = leave_one_out(values, 15)
    estimate = jackknife(float(values.mean()), replicates)
    expected = stats.ttest_1samp(values, 0)
    assert estimate.value == float(values.mean())
    for level in (0.95, 0.99):
        assert estimate.interval(level) == pytest.approx(tuple(expected.confidence_interval(level)))
    assert estimate.p == pytest.approx(float(expected.pvalue))
    low, high = estimate.interval()
    assert jackknife_margin(float(values.mean()), replicates) == pytest.approx((high - low) / 2)


def test_the_value_of_the_jackknife_is_the_statistic_itself() -> None:
    """The variance over n, of which the mean of the pseudo-values is that over n - 1: a score keeps its bias."""
    values = np.random.RandomState(1).standard_normal(60)
    replicates = [float(np.delete(values, i).var()) for i in range(60)]
    pseudo = 60 * values.var() - 59 * np.array(replicates)
    assert pseudo.mean() == pytest.approx(values.var(ddof=1))
    assert jackknife(float(values.var()), replicates).value == float(values.var())


def test_no_spread_gives_a_point() -> None:
    assert jackknife(2.0, [2.0] * 5) == Estimate(2.0, 0.0, 4)
    assert jackknife(2.0, [2.0] * 5).interval() == (2.0, 2.0)
    assert jackknife(2.0, [2.0] * 5).p == 0
    same = paired_difference(1.0, [0.9, 1.1, 1.0], 1.0, [0.9, 1.1, 1.0])
    assert (same, same.p) == (Estimate(0, 0, 2), 1)


def test_paired_interval_covers_the_true_difference_of_gaussians() -> None:
    """FID between Gaussians is known. 15 groups of 100, 4-d features, base and fix from the same noise, 300 trials."""
    real = Statistics(np.zeros(4), np.eye(4))
    root = square_root(real.sigma)
    scale, shift = 1.1, 0.1
    base, fixed = 4 * (scale - 1) ** 2, 4 * (scale - 1) ** 2 + 4 * shift**2
    covered, p_values = [], []
    for trial in range(300):
        noise = np.random.RandomState(trial).standard_normal((1500, 4)) * scale
        scores = []
        for features in (noise, noise + shift):
            moments = GroupMoments([100] * 15)
            moments.add(features)
            scores += [frechet_distance(moments.statistics(), real, root), frechet_replicates(moments, real, root)]
        difference = paired_difference(*scores)
        low, high = difference.interval()
        covered.append(low <= fixed - base <= high)
        p_values.append(difference.p)
    # Standard error of a coverage of 95 % over 300 trials: 1.3 %; three of them.
    assert np.mean(covered) == pytest.approx(0.95, abs=0.038)
    assert np.mean(np.array(p_values) < 0.05) > 0.9

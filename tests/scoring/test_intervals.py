"""The jackknife against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from stages.scoring.frechet import frechet_distance, frechet_replicates
from stages.scoring.intervals import Interval, jackknife, paired_difference, relative_difference
from stages.scoring.statistics import GroupMoments, Statistics, square_root


def leave_one_out(values: np.ndarray, groups: int) -> list[float]:
    return [float(np.delete(values, part).mean()) for part in np.array_split(np.arange(len(values)), groups)]


def test_jackknife_of_a_mean_is_the_t_interval() -> None:
    values = np.random.RandomState(0).standard_normal(15)
    interval = jackknife(float(values.mean()), leave_one_out(values, 15))
    expected = stats.ttest_1samp(values, 0)
    assert interval.estimate == pytest.approx(values.mean())
    assert (interval.low, interval.high) == pytest.approx(tuple(expected.confidence_interval(0.95)))
    assert interval.p == pytest.approx(float(expected.pvalue))


def test_jackknife_removes_bias_of_order_one_over_n() -> None:
    values = np.random.RandomState(1).standard_normal(60)
    replicates = [float(np.delete(values, i).var()) for i in range(60)]
    assert jackknife(float(values.var()), replicates).estimate == pytest.approx(float(values.var(ddof=1)))


def test_no_spread_gives_a_point() -> None:
    assert jackknife(2.0, [2.0] * 5) == Interval(2.0, 2.0, 2.0, 0.0)
    assert paired_difference(1.0, [0.9, 1.1, 1.0], 1.0, [0.9, 1.1, 1.0]) == Interval(0, 0, 0, 1)


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
        interval = paired_difference(*scores)
        covered.append(interval.low <= fixed - base <= interval.high)
        p_values.append(interval.p)
    # Standard error of a coverage of 95 % over 300 trials: 1.3 %; three of them.
    assert np.mean(covered) == pytest.approx(0.95, abs=0.038)
    assert np.mean(np.array(p_values) < 0.05) > 0.9


def test_relative_difference_is_in_percent_and_paired() -> None:
    interval = relative_difference(10.0, [9.0, 10.0, 11.0], 9.0, [8.1, 9.0, 9.9])
    assert (interval.estimate, interval.low, interval.high) == pytest.approx((-10, -10, -10))

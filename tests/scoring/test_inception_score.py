"""The Inception score against closed forms and torch-fidelity's own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch_fidelity.metric_isc import KEY_METRIC_ISC_MEAN, isc_features_to_metric

from stages.scoring.intervals import jackknife
from stages.scoring.metrics.inception_score import inception_score, inception_score_replicates, split_count
from stages.scoring.statistics import group_sizes


def random_logits(n: int, k: int = 10) -> np.ndarray:
    return (3 * np.random.RandomState(0).standard_normal((n, k))).astype(np.float32)


def certain(n: int, k: int) -> np.ndarray:
    """Logits of images that are certainly of a class each, the classes in turns."""
    return np.where(np.arange(n)[:, None] % k == np.arange(k), 0, -1000).astype(np.float32)


def test_identical_images_score_1() -> None:
    assert inception_score(np.repeat(random_logits(1), 50, axis=0)) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("k", [2, 10, 1008])
def test_certain_images_of_all_classes_alike_score_their_number(k: int) -> None:
    assert inception_score(certain(3 * k, k)) == pytest.approx(k, rel=1e-12)


def test_classes_that_no_image_has_add_nothing() -> None:
    assert inception_score(np.pad(certain(30, 3), ((0, 0), (0, 4)), constant_values=-1000)) == pytest.approx(3)


@pytest.mark.parametrize("splits", [1, 4])
def test_the_score_is_torch_fidelitys(splits: int) -> None:
    logits = random_logits(400)
    peer = isc_features_to_metric(torch.from_numpy(logits), splits=splits, shuffle=False)
    assert inception_score(logits, splits) == pytest.approx(peer[KEY_METRIC_ISC_MEAN], rel=1e-6)


def test_splits_are_consecutive_and_nearly_equal() -> None:
    logits = random_logits(250)
    parts = [inception_score(logits[:84]), inception_score(logits[84:167]), inception_score(logits[167:])]
    assert inception_score(logits, splits=3) == pytest.approx(np.mean(parts), rel=1e-12)


@pytest.mark.parametrize("n", [1, 4980, 5000, 5001, 5020, 5263, 7499, 7501, 9999, 10_000, 10_020, 12_499])
def test_certain_images_score_their_number_at_any_n(n: int) -> None:
    """Ten classes in turn: every split of thousands holds them alike, to 1 in 400 of its images, squared."""
    assert inception_score(certain(n, 10)) == pytest.approx(min(n, 10), rel=1e-5)


@pytest.mark.parametrize(
    ("n", "splits"), [(1, 1), (2499, 1), (5000, 1), (7499, 1), (7501, 2), (10_020, 2), (50_000, 10), (52_501, 11)]
)
def test_splits_are_of_about_5000(n: int, splits: int) -> None:
    assert split_count(n) == splits
    assert splits == 1 or 2 / 3 * 5000 < n / splits < 4 / 3 * 5000


@pytest.mark.parametrize("n", [4980, 5000, 5020, 5100, 5260, 7500, 10_020])
def test_the_jackknife_is_of_one_statistic(n: int) -> None:
    """Of random images, 20 groups: the estimate is within its margin of the score of twice as many per split.

    The number of splits differed between score and replicates for n from 5,001 to 5,263 and about 10,020: the
    estimate was then thousands of margins off.
    """
    logits = random_logits(n)
    full = inception_score(logits)
    estimate = jackknife(full, inception_score_replicates(logits, group_sizes(n, 20)))
    assert estimate.value == full
    low, high = estimate.interval(0.95)
    assert full - 1 < low < full < high < full + 1


def test_replicates_leave_one_group_out_each() -> None:
    logits = random_logits(60)
    found = inception_score_replicates(logits, group_sizes(60, 3))
    expected = [logits[20:], np.concatenate([logits[:20], logits[40:]]), logits[:40]]
    assert found == pytest.approx([inception_score(rest) for rest in expected], rel=1e-12)

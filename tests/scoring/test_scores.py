"""Scores against torch-fidelity's own pipeline, closed forms, and directions."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset
from torch_fidelity import calculate_metrics, register_feature_extractor
from torch_fidelity.feature_extractor_base import FeatureExtractorBase
from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_features_to_statistics, fid_statistics_to_metric

from stages.networks.feature_networks import classifier
from stages.scoring.evaluation import metrics, scores, values
from stages.scoring.features import Features, extract_features, gather, real_features
from stages.scoring.frechet import frechet_distance, frechet_replicates
from stages.scoring.neighbours import ball_radii, covered_share
from stages.scoring.statistics import GroupMoments, Statistics, group_sizes, square_root, statistics
from stages.store.models import FeatureNetwork


def normal(seed: int, n: int = 400, d: int = 6) -> np.ndarray:
    return np.random.RandomState(seed).standard_normal((n, d)).astype(np.float32)


def distance(fake: Statistics, real: Statistics) -> float:
    return frechet_distance(fake, real, square_root(real.sigma))


@torch.inference_mode()
def features_of(model: nn.ModuleDict, images: np.ndarray) -> Features:
    """All features at once, of images that come in parts."""
    network = FeatureNetwork("classifier", partial(classifier.features, model))
    found = list(extract_features(network, np.array_split(images, 3), len(images), "test"))
    pooled, spatial, logits = (np.concatenate([getattr(f, k) for f in found]) for k in ("pooled", "spatial", "logits"))
    return Features(pooled, spatial, None, logits)


def network() -> nn.ModuleDict:
    torch.manual_seed(0)
    return classifier.build(1, 10).eval()


class PeerExtractor(FeatureExtractorBase):
    """The classifier as a feature extractor of torch-fidelity."""

    def __init__(self, name: str, features_list: list[str], **kwargs) -> None:
        super().__init__(name, features_list)
        self.network = network()

    @staticmethod
    def get_provided_features_list() -> tuple[str, ...]:
        return ("pooled", "spatial", "logits")

    @staticmethod
    def get_default_feature_layer_for_metric(metric: str) -> str:
        return "pooled"

    @staticmethod
    def can_be_compiled() -> bool:
        return False

    @staticmethod
    def get_dummy_input_for_compile() -> Tensor:
        return torch.zeros(1, 1, 8, 8, dtype=torch.uint8)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        named = dict(zip(("pooled", "spatial", "logits"), classifier.features(self.network, images), strict=True))
        return tuple(named[name] for name in self.features_list)


class Images(Dataset):
    def __init__(self, images: np.ndarray) -> None:
        self.images = torch.from_numpy(images).permute(0, 3, 1, 2)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        return self.images[index]


def test_scores_are_those_of_torch_fidelity(project: Path) -> None:
    from sklearn.datasets import load_digits

    register_feature_extractor("peer", PeerExtractor)
    pixels = (np.asarray(load_digits(return_X_y=True)[0]) * 15).astype(np.uint8).reshape(-1, 8, 8, 1)
    fake, real = pixels[:500], pixels[500:1200]
    common: dict[str, Any] = {
        "input1": Images(fake),
        "input2": Images(real),
        "feature_extractor": "peer",
        "cuda": False,
        "cache": False,
        "save_cpu_ram": True,
        "verbose": False,
    }
    expected = calculate_metrics(fid=True, prc=True, prc_neighborhood=3, **common)
    spatial = calculate_metrics(fid=True, feature_layer_fid="spatial", **common)
    model = network()
    ours = [features_of(model, images) for images in (fake, real)]
    # The features are extracted in other batch sizes: float32 rounding, relative to values of order 1.
    fid = distance(statistics(ours[0].pooled), statistics(ours[1].pooled))
    assert fid == pytest.approx(expected["frechet_inception_distance"], rel=1e-4, abs=1e-6)
    sfid = distance(statistics(ours[0].spatial), statistics(ours[1].spatial))
    assert sfid == pytest.approx(spatial["frechet_inception_distance"], rel=1e-4, abs=1e-6)
    found = values(gather(ours[:1], [500]), real_features(ours[1], 3), 3)
    # One image of 500 or 700 may change sides of a ball.
    assert found["precision"] == pytest.approx(expected["precision"], abs=2.1e-3)
    assert found["recall"] == pytest.approx(expected["recall"], abs=2.1e-3)


def test_frechet_distance_of_gaussians_is_its_closed_form() -> None:
    first = Statistics(np.zeros(2), np.diag([1.0, 4.0]))
    second = Statistics(np.array([3.0, 0.0]), np.diag([4.0, 4.0]))
    assert distance(first, second) == pytest.approx(9 + 1)
    assert distance(first, first) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("n", "d"), [(400, 6), (300, 200), (120, 200)])
def test_the_symmetric_form_is_torch_fidelitys_value(n: int, d: int) -> None:
    """Also where there are fewer images than features, so that covariances have no full rank.

    Both sum square roots of eigenvalues: where they are zero, of their rounding, 1e-16, which gives 1e-8 each.
    """
    first, second = normal(0, n, d), 1.5 * normal(1, n, d) + 0.3
    peer = fid_statistics_to_metric(
        fid_features_to_statistics(torch.from_numpy(first).double()),
        fid_features_to_statistics(torch.from_numpy(second).double()),
        verbose=False,
    )
    assert distance(statistics(first), statistics(second)) == pytest.approx(peer[KEY_METRIC_FID], rel=1e-6)


def test_statistics_use_the_unbiased_covariance() -> None:
    features = normal(0)
    moments = statistics(features)
    assert moments.mu == pytest.approx(features.mean(0), abs=1e-6)
    assert moments.sigma == pytest.approx(np.cov(features.T, ddof=1), abs=1e-12)


@pytest.mark.parametrize("batch", [1, 70, 100, 400])
def test_moments_by_groups_do_not_depend_on_batches(batch: int) -> None:
    features = normal(0) + 100
    moments = GroupMoments(group_sizes(400, 3))
    for start in range(0, 400, batch):
        moments.add(features[start : start + batch])
    for group, (start, stop) in enumerate([(0, 134), (134, 267), (267, 400)]):
        expected = np.cov(np.delete(features, slice(start, stop), 0).astype(float).T)
        # Values of 100: their squares lose four of sixteen digits.
        assert moments.statistics(without=group).sigma == pytest.approx(expected, abs=1e-9)


def test_moments_of_too_few_images_are_refused() -> None:
    moments = GroupMoments([3])
    moments.add(normal(0, 2))
    with pytest.raises(ValueError, match="2 features counted of 3"):
        moments.statistics()


def test_replicates_leave_one_run_of_images_out() -> None:
    features, real = normal(0), statistics(normal(1))
    moments = GroupMoments(group_sizes(400, 4))
    moments.add(features)
    found = frechet_replicates(moments, real, square_root(real.sigma))
    expected = [distance(statistics(np.delete(features, slice(a, a + 100), 0)), real) for a in range(0, 400, 100)]
    assert found == pytest.approx(expected)


def test_precision_is_of_the_fakes_and_recall_of_the_reals() -> None:
    real = normal(0)
    one_mode = real[:1] + 0.01 * normal(1)
    assert covered_share(one_mode, real, ball_radii(real, 3)) > 0.9
    assert covered_share(real, one_mode, ball_radii(one_mode, 3)) < 0.1
    assert covered_share(real, real, ball_radii(real, 3)) == 1


@pytest.mark.parametrize("offset", [0, 10, 100, 1000])
def test_the_share_does_not_depend_on_where_the_origin_is(offset: float) -> None:
    """Against distances in float64; the features are rounded to float32 before, alike for both."""
    points, centres = (normal(seed, 400, 64) + np.float32(offset) for seed in (1, 2))
    apart = np.linalg.norm(centres[:, None].astype(np.float64) - centres, axis=2)
    radii = np.sort(apart, axis=1)[:, 3]
    inside = np.linalg.norm(points[:, None].astype(np.float64) - centres, axis=2) <= radii
    assert covered_share(points, centres, ball_radii(centres, 3)) == pytest.approx(inside.any(1).mean(), abs=1e-9)


def test_every_metric_scores_features_and_its_direction_is_right(project: Path) -> None:
    real = Features(normal(1), normal(2), normal(3), normal(4))
    near = Features(normal(5), normal(6), normal(7), 2 * normal(8))
    far = Features(normal(5) + 2, normal(6) + 2, normal(7) + 2, 0 * normal(8))
    known = real_features(real, 3)
    good, bad = (scores(gather([features], group_sizes(400, 4)), known, 3) for features in (near, far))
    assert list(good) == list(metrics()) == ["fid", "sfid", "fd_pixel", "kid", "inception_score", "precision", "recall"]
    for name, metric in metrics().items():
        sign = -1 if name in ("fid", "sfid", "fd_pixel", "kid") else 1
        assert sign * good[name]["value"] > sign * bad[name]["value"], name
        assert good[name]["margin"] > 0
        assert metric.value(gather([near], [400]), known, 3) == pytest.approx(good[name]["value"])
    assert "fd_pixel" not in scores(gather([near._replace(pixels=None)], [400 // 2] * 2), known, 3)


def test_moments_are_gathered_of_the_kinds_asked_for_alone() -> None:
    features = Features(normal(1), normal(2), None, normal(4))
    assert set(gather([features], [400]).moments) == {"pooled", "spatial"}
    assert set(gather([features], [400], ("pooled",)).moments) == {"pooled"}


def test_scores_get_worse_with_noise(project: Path) -> None:
    real, fids = statistics(normal(0)), []
    for scale in (0, 0.5, 1):
        fids.append(distance(statistics(normal(2) + scale * normal(3)), real))
    assert fids == sorted(fids)

"""The small feature network, and the stage that trains it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from stages import extractor, prepare
from stages.__main__ import main
from stages.config.errors import InputError
from stages.networks.feature_networks.classifier import build, features
from stages.store.files import read_json, read_npz
from stages.store.models import load_feature_network, save_feature_network
from stages.store.paths import DATASET, EXTRACTOR_RECORD
from tests.toy import toy_params, write_study


@pytest.mark.parametrize(("size", "channels"), [(8, 1), (28, 1), (16, 3)])
def test_features_have_the_widths_of_the_design(size: int, channels: int) -> None:
    network = build(channels, 10).eval()
    pooled, spatial, logits = features(network, torch.zeros(3, channels, size, size, dtype=torch.uint8))
    assert pooled.shape == (3, 64)
    assert spatial.shape == (3, 112)
    assert logits.shape == (3, 10)
    assert (pooled >= 0).all()
    assert (spatial >= 0).all(), "after the activation"
    assert (spatial == 0).any()


def test_the_accuracy_that_the_study_asks_for_is_reached(project: Path) -> None:
    """With fewer epochs than the study has."""
    params = toy_params()
    params["extractor"] |= {"epochs": 25, "min_accuracy": 0.97}
    write_study(params)
    prepare.run()
    extractor.run()
    record = read_json(EXTRACTOR_RECORD)
    assert record["test_accuracy"] >= 0.97
    assert (record["n_test"], record["n_train"]) == (359, 1438)
    images, labels = read_npz(DATASET, "images", "labels")
    pooled, _, _ = load_feature_network().features(torch.from_numpy(images[:500]).permute(0, 3, 1, 2))
    means = torch.stack([pooled[labels[:500] == digit].mean(0) for digit in range(10)])
    nearest = torch.cdist(pooled, means).argmin(1)
    assert (nearest.numpy() == labels[:500]).mean() > 0.95, "the features separate the classes"


def test_too_low_an_accuracy_writes_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    params = toy_params()
    params["extractor"] |= {"epochs": 1, "min_accuracy": 1.0}
    write_study(params)
    prepare.run()
    assert main(["extractor"]) == 2
    assert "is below extractor.min_accuracy = 1.0" in capsys.readouterr().err.splitlines()[-1]
    assert not EXTRACTOR_RECORD.exists()


@pytest.mark.parametrize("values", [{"batch_size": 5000}, {"test_fraction": 0.0001}])
def test_a_split_without_images_is_refused(project: Path, values: dict, capsys: pytest.CaptureFixture[str]) -> None:
    params = toy_params()
    params["extractor"] |= values
    write_study(params)
    prepare.run()
    assert main(["extractor"]) == 2
    assert "extractor: 1797 images give " in capsys.readouterr().err.splitlines()[-1]


def test_a_feature_network_that_does_not_fit_is_named(project: Path) -> None:
    for tensors, config, message in (
        ({}, {}, "do not fit"),
        ({}, {"network": "absent"}, "do not fit"),
        ({"w": torch.zeros(1)}, {"network": "classifier", "image_channels": 1, "classes": 10}, "do not fit"),
        ({"w": torch.zeros(1)}, {"network": "inception"}, "do not fit"),
    ):
        save_feature_network(tensors, config)
        with pytest.raises(InputError, match=rf"^[^\n]*{message}[^\n]*$"):
            load_feature_network()

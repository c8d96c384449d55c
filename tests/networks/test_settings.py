"""Settings of networks, autoencoders and feature networks: found by name, without torch, each beside its code."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from stages.config.networks import autoencoder_settings, feature_network_settings, network_settings
from stages.config.params import ParamsFault, parse_params
from tests.toy import ROOT, toy_params, with_published

LINEAR_CONFIG = '''"""Settings of a network of one convolution."""

from typing import Annotated, Literal

from pydantic import Field

from stages.config.networks import NetworkSettings
from stages.config.sections import Int


class LinearSettings(NetworkSettings):
    method: Literal["linear"]
    kernel: Annotated[Int, Field(ge=1)]
'''
LINEAR = '''"""A network of one convolution."""

from torch import Tensor, nn

from stages.networks.linear_config import LinearSettings


class Network(nn.Module):
    predicts_variance = False
    classes = 0

    def __init__(self, settings: LinearSettings, image_size: int, image_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(image_channels, image_channels, settings.kernel, padding="same")

    def forward(self, x: Tensor, times: Tensor) -> Tensor:
        return self.conv(x)
'''


def test_settings_are_found_by_name() -> None:
    assert set(network_settings()) == {"adm", "ddpm", "text", "stable-diffusion"}
    assert set(autoencoder_settings()) == {"kl", "vq"}
    assert set(feature_network_settings()) == {"classifier", "efficientnet-lite0", "inception"}


def test_settings_are_read_without_torch() -> None:
    """params.yaml is read often, and torch takes seconds to import."""
    script = (
        "import sys\n"
        "from stages.config import networks\n"
        "networks.network_settings(), networks.autoencoder_settings(), networks.feature_network_settings()\n"
        "assert not {'torch', 'diffusers', 'transformers', 'torch_fidelity', 'numpy'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)


def test_settings_of_other_feature_networks_may_stand_beside() -> None:
    params = toy_params()
    section = parse_params(params).extractor
    assert section.model_dump() == params["extractor"], "as in params.yaml, with what it does not use"
    params["extractor"] |= {"network": "inception", "weights": "weights.pth", "sha256": "0" * 64}
    assert parse_params(params).extractor.model_dump() == params["extractor"]
    params["extractor"]["epoch"] = 3
    with pytest.raises(ParamsFault, match="extractor: epoch: unknown key; allowed are network, epochs, "):
        parse_params(params)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": "vgg"}, "extractor.*'classifier', 'efficientnet-lite0', 'inception'"),
        ({"epochs": 0}, "extractor.epochs: 0: input should be greater than or equal to 1"),
        ({"epochs": None}, "extractor.epochs"),
    ],
)
def test_faults_of_the_extractor_name_the_key(changes: dict, message: str) -> None:
    params = toy_params()
    params["extractor"] |= changes
    with pytest.raises(ParamsFault, match=message):
        parse_params(params)


def test_a_network_of_ones_own_is_two_files_and_a_section(tmp_path: Path) -> None:
    """Trained and sampled in a copy of the package."""
    shutil.copytree(ROOT / "stages", tmp_path / "stages", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "stages/networks/linear_config.py").write_text(LINEAR_CONFIG)
    (tmp_path / "stages/networks/linear.py").write_text(LINEAR)
    with_published(tmp_path)
    params = toy_params()
    params["linear-recipe"] = params["ddpm-recipe"] | {"network": {"method": "linear", "kernel": 3}}
    params["linear"] = {"method": "ddpm", "recipe": "linear-recipe", "gamma": 0.0}
    params["grid"] = [{"models": ["linear"], "samplers": ["ddim"], "fixes": ["none"], "steps": [4]}]
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params, sort_keys=False))
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    for command in (["plan"], ["prepare"], ["train", "linear"], ["sample", "linear-ddim-none-4"]):
        environment = os.environ | {"PYTHONPATH": str(tmp_path)}
        found = subprocess.run(
            [sys.executable, "-m", "stages", *command], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert found.returncode == 0, found.stderr
    assert (tmp_path / "data/samples/linear-ddim-none-4.npz").is_file()

"""The ADM U-Net against its published names, shapes, sizes and output."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from stages.networks.adm import Config, Network
from tests.golden import CIFAR10, ORACLES, TINY, golden_network, shapes, shapes_of

SMALL64 = Config(64, 3, 192, (1, 2, 3, 4), 3, (32, 16, 8), head_channels=64, dropout=0.1)
LARGE128 = Config(128, 3, 256, (1, 1, 2, 3, 4), 3, (32, 16, 8), head_channels=64, dropout=0.1)
IMAGENET128 = replace(
    LARGE128, res_blocks=2, head_channels=None, heads=4, dropout=0.0, num_classes=1000, attention_order="heads-first"
)


@pytest.mark.parametrize(
    ("config", "name"), [(TINY, "adm_tiny_state_dict.json"), (CIFAR10, "adm_cifar10_state_dict.json")]
)
def test_names_and_shapes_are_the_published_ones(config: Config, name: str) -> None:
    with torch.device("meta"):
        assert shapes_of(Network(config)) == shapes(name)


@pytest.mark.parametrize(
    ("config", "count"),
    [
        (CIFAR10, 57_094_662), (SMALL64, 295_136_454), (LARGE128, 542_811_398),
        (replace(SMALL64, num_classes=1000), 295_904_454), (IMAGENET128, 421_529_606),
    ],
)  # fmt: skip
def test_parameter_counts_of_the_paper_networks(config: Config, count: int) -> None:
    with torch.device("meta"):
        assert sum(p.numel() for p in Network(config).parameters()) == count


def test_output_matches_the_published_code() -> None:
    x = torch.tensor(np.random.RandomState(1234).standard_normal((2, 3, 16, 16)), dtype=torch.float32)
    with torch.inference_mode():
        y = golden_network()(x, torch.tensor([7, 901]))
    assert np.abs(y.numpy() - np.load(ORACLES / "adm_unet.npz")["y"]).max() < 1e-5


def test_attention_orders_differ_by_a_permutation_of_the_weights() -> None:
    """heads-first checkpoints (ImageNet 128x128) hold q, k, v inside each head; reordered rows give the same output."""
    network, other = golden_network(), Network(replace(TINY, attention_order="heads-first")).eval()
    state = network.state_dict()
    for name in [n for n in state if ".qkv." in n]:
        rows = torch.arange(len(state[name])).reshape(3, -1, 16).transpose(0, 1).flatten()
        state[name] = state[name][rows]
    other.load_state_dict(state)
    x = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        torch.testing.assert_close(other(x, torch.tensor([3, 500])), network(x, torch.tensor([3, 500])))


def test_a_fresh_network_predicts_zero() -> None:
    network = Network(replace(TINY, num_classes=5)).eval()
    output = network(torch.randn(2, 3, 16, 16), torch.tensor([0, 999]), torch.tensor([1, 4]))
    assert output.shape == (2, 6, 16, 16)
    assert not output.any()


def test_heads_must_divide_the_channels() -> None:
    with pytest.raises(ValueError, match="64 channels do not divide"):
        Network(replace(TINY, head_channels=None, heads=5))

"""The ADM U-Net against its published names, shapes, sizes and output."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from tests.golden import CIFAR10, ORACLES, TINY, adm_network, golden_network, shapes, shapes_of

SMALL64 = {
    "image_size": 64,
    "channels": 192,
    "multipliers": [1, 2, 3, 4],
    "res_blocks": 3,
    "attention_sizes": [32, 16, 8],
    "head_channels": 64,
    "dropout": 0.1,
}
LARGE128 = SMALL64 | {"image_size": 128, "channels": 256, "multipliers": [1, 1, 2, 3, 4]}
IMAGENET128 = LARGE128 | {
    "res_blocks": 2,
    "head_channels": None,
    "heads": 4,
    "dropout": 0.0,
    "classes": 1000,
    "attention_order": "heads-first",
}


@pytest.mark.parametrize(
    ("config", "name"), [(TINY, "adm_tiny_state_dict.json"), (CIFAR10, "adm_cifar10_state_dict.json")]
)
def test_names_and_shapes_are_the_published_ones(config: dict[str, Any], name: str) -> None:
    with torch.device("meta"):
        assert shapes_of(adm_network(**config)) == shapes(name)


@pytest.mark.parametrize(
    ("config", "count"),
    [
        (CIFAR10, 57_094_662),
        (SMALL64, 295_136_454),
        (LARGE128, 542_811_398),
        (SMALL64 | {"classes": 1000}, 295_904_454),
        (IMAGENET128, 421_529_606),
    ],
)
def test_parameter_counts_of_the_paper_networks(config: dict[str, Any], count: int) -> None:
    with torch.device("meta"):
        assert sum(p.numel() for p in adm_network(**config).parameters()) == count


def test_output_matches_the_published_code() -> None:
    x = torch.tensor(np.random.RandomState(1234).standard_normal((2, 3, 16, 16)), dtype=torch.float32)
    with torch.inference_mode():
        y = golden_network()(x, torch.tensor([7, 901]))
    assert np.abs(y.numpy() - np.load(ORACLES / "adm_unet.npz")["y"]).max() < 1e-5


def test_attention_orders_differ_by_a_permutation_of_the_weights() -> None:
    """heads-first checkpoints (ImageNet 128x128) hold q, k, v inside each head; reordered rows give the same output."""
    network = golden_network()
    other = adm_network(**TINY | {"attention_order": "heads-first"}).eval()
    state = network.state_dict()
    for name in [n for n in state if ".qkv." in n]:
        rows = torch.arange(len(state[name])).reshape(3, -1, 16).transpose(0, 1).flatten()
        state[name] = state[name][rows]
    other.load_state_dict(state)
    x = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        torch.testing.assert_close(other(x, torch.tensor([3, 500])), network(x, torch.tensor([3, 500])))


def test_a_fresh_network_predicts_zero() -> None:
    network = adm_network(**TINY | {"classes": 5}).eval()
    output = network(torch.randn(2, 3, 16, 16), torch.tensor([0, 999]), torch.tensor([1, 4]))
    assert output.shape == (2, 6, 16, 16)
    assert not output.any()


def test_heads_must_divide_the_channels() -> None:
    for heads in ({"head_channels": None, "heads": 5}, {"head_channels": 24}):
        with pytest.raises(ValidationError, match="does not divide all of the widths"):
            adm_network(**TINY | heads)

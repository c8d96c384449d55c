"""The classifier of noised images against its published names and sizes."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from stages.config.networks import NoiseClassifierSettings
from stages.networks.noise_classifier import AttentionPool, Network
from tests.golden import adm_network, shapes_of

# ADM's for ImageNet 128 and 64, of depth 2 and 4.
IMAGENET128 = {
    "channels": 128,
    "multipliers": [1, 1, 2, 3, 4],
    "res_blocks": 2,
    "attention_sizes": [32, 16, 8],
    "head_channels": 64,
}
TINY = {"channels": 32, "multipliers": [1, 2], "res_blocks": 1, "attention_sizes": [8], "head_channels": 16}


def classifier(settings: dict[str, Any], image_size: int, classes: int) -> Network:
    return Network(NoiseClassifierSettings.model_validate(settings), image_size, 3, classes)


def test_parameter_count_of_the_published_classifier() -> None:
    with torch.device("meta"):
        assert sum(p.numel() for p in classifier(IMAGENET128, 128, 1000).parameters()) == 42_568_040


def test_names_are_those_of_the_u_net_up_to_its_middle_and_of_the_published_head() -> None:
    with torch.device("meta"):
        found = {n: "x".join(map(str, t.shape)) for n, t in classifier(IMAGENET128, 128, 1000).state_dict().items()}
        whole = shapes_of(adm_network(128, **IMAGENET128))
    head = {name: shape for name, shape in found.items() if name.startswith("out.")}
    rest = {
        name: s for name, s in whole.items() if name.split(".")[0] in ("time_embed", "input_blocks", "middle_block")
    }
    assert {name: shape for name, shape in found.items() if name not in head} == rest
    assert head == {
        "out.0.weight": "512",
        "out.0.bias": "512",
        "out.2.positional_embedding": "512x65",
        "out.2.qkv_proj.weight": "1536x512x1",
        "out.2.qkv_proj.bias": "1536",
        "out.2.c_proj.weight": "1000x512x1",
        "out.2.c_proj.bias": "1000",
    }


def test_the_pool_is_multi_head_attention_of_the_mean_token() -> None:
    """Against PyTorch's own attention, with the same projections; the softmax is of single precision."""
    torch.manual_seed(0)
    pool, x = AttentionPool(4, 32, 8, 5).double(), torch.randn(3, 32, 4, 4, dtype=torch.float64)
    tokens = torch.cat([x.flatten(2).mean(-1, keepdim=True), x.flatten(2)], -1) + pool.positional_embedding
    tokens = tokens.transpose(1, 2)
    expected, _ = torch.nn.functional.multi_head_attention_forward(
        tokens[:, :1].transpose(0, 1),
        tokens.transpose(0, 1),
        tokens.transpose(0, 1),
        32,
        4,
        pool.qkv_proj.weight[..., 0],
        pool.qkv_proj.bias,
        None,
        None,
        False,
        0.0,
        torch.eye(32).double(),
        torch.zeros(32).double(),
    )
    assert pool.c_proj.bias is not None
    projected = expected[0] @ pool.c_proj.weight[..., 0].T + pool.c_proj.bias
    torch.testing.assert_close(pool(x), projected, rtol=1e-6, atol=1e-7)


def test_logits_depend_on_the_time_and_the_image() -> None:
    torch.manual_seed(1)
    network = classifier(TINY, 16, 7).eval()
    x = torch.randn(2, 3, 16, 16)
    # Fresh blocks are the identity, whatever the time.
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    early, late = (network(x, torch.full((2,), time)) for time in (0, 900))
    assert early.shape == (2, 7)
    assert not torch.allclose(early, late)
    assert not torch.allclose(early[0], early[1])


def test_a_conditional_network_needs_labels() -> None:
    network = adm_network(16, **TINY | {"classes": 5})
    with pytest.raises(ValueError, match="needs labels"):
        network(torch.zeros(1, 3, 16, 16), torch.tensor([0]))

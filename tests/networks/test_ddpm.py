"""The DDPM U-Net against its published sizes and names, and against diffusers' UNet2DModel."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from stages.networks.ddpm import AttentionBlock, Network, time_embedding
from stages.networks.ddpm_config import DdpmSettings
from stages.networks.ddpm_names import from_diffusers, to_diffusers


class Config(NamedTuple):
    """Settings of a network, and the images that it is of."""

    settings: DdpmSettings
    image_size: int
    image_channels: int


def sized(image_size: int, image_channels: int, channels: int, multipliers: list[int], **changes: Any) -> Config:
    settings = {
        "method": "ddpm",
        "channels": channels,
        "multipliers": multipliers,
        "res_blocks": 2,
        "attention_sizes": [16],
        "dropout": 0.0,
        "groups": 32,
    }
    # Norms of single channels, which the settings refuse, are what published code has at 32 channels.
    made = DdpmSettings.model_construct(**settings | changes)
    return Config(made, image_size, image_channels)


CIFAR10 = sized(32, 3, 128, [1, 2, 2, 2], dropout=0.1)
CELEBA = sized(64, 3, 128, [1, 2, 2, 2, 4], dropout=0.1)
LSUN = sized(256, 3, 128, [1, 1, 2, 2, 4, 4])
# No two levels alike, attention at neither end.
SMALL = sized(16, 3, 32, [1, 3, 2], attention_sizes=[8])
TIMES = torch.tensor([0.0, 12.25, 987.5])
OLD_NAMES = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}


def their_network(config: Config) -> nn.Module:
    """diffusers' network of the same sizes, with the settings of google/ddpm-cifar10-32."""
    from diffusers import UNet2DModel

    settings, image_size, image_channels = config
    attends = [image_size // 2**level in settings.attention_sizes for level in range(len(settings.multipliers))]
    return UNet2DModel(
        sample_size=image_size,
        in_channels=image_channels,
        out_channels=image_channels,
        layers_per_block=settings.res_blocks,
        block_out_channels=tuple(settings.channels * multiplier for multiplier in settings.multipliers),
        down_block_types=tuple("AttnDownBlock2D" if attend else "DownBlock2D" for attend in attends),
        up_block_types=tuple("AttnUpBlock2D" if attend else "UpBlock2D" for attend in reversed(attends)),
        dropout=settings.dropout,
        attention_head_dim=None,
        norm_eps=1e-6,
        flip_sin_to_cos=False,
        freq_shift=1,
        downsample_padding=0,
    )


def randomised(network: nn.Module) -> nn.Module:
    """The network in eval mode, with parameters that leave nothing near zero and no attention uniform."""
    generator = torch.Generator().manual_seed(0)
    state = {}
    for name, tensor in sorted(network.state_dict().items()):
        value = torch.randn(tensor.shape, generator=generator)
        matrix = tensor.ndim > 1
        state[name] = value / tensor[0].numel() ** 0.5 if matrix else 0.3 * value + name.endswith(".weight")
    network.load_state_dict(state)
    return network.eval()


def images(config: Config, count: int = 3) -> Tensor:
    shape = (count, config.image_channels, config.image_size, config.image_size)
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


def assert_same_output(ours: nn.Module, theirs: nn.Module, x: Tensor) -> None:
    with torch.inference_mode():
        y, reference = ours(x, TIMES), theirs(x, TIMES).sample
    assert 0.3 < reference.std() < 3
    assert (y - reference).abs().max() < 1e-5


@pytest.mark.parametrize(("config", "count"), [(CIFAR10, 35_746_307), (CELEBA, 78_700_803), (LSUN, 113_673_219)])
def test_parameter_counts_of_the_published_networks(config: Config, count: int) -> None:
    with torch.device("meta"):
        assert sum(p.numel() for p in Network(*config).parameters()) == count


def test_names_and_shapes_are_the_published_ones() -> None:
    with torch.device("meta"):
        state = Network(*sized(16, 3, 32, [1, 2], res_blocks=1, attention_sizes=[8])).state_dict()
    layers = {
        "norm1 conv1 temb_proj norm2 conv2": (
            "down.0.block.0 down.1.block.0 mid.block_1 mid.block_2 up.0.block.0 up.0.block.1 up.1.block.0 up.1.block.1"
        ),
        "nin_shortcut": "down.1.block.0 up.0.block.0 up.0.block.1 up.1.block.0 up.1.block.1",
        "norm q k v proj_out": "down.1.attn.0 mid.attn_1 up.1.attn.0 up.1.attn.1",
        "conv": "down.0.downsample up.1.upsample",
    }
    modules = {
        f"{place}.{name}" for names, places in layers.items() for place in places.split() for name in names.split()
    }
    modules |= {"temb.dense.0", "temb.dense.1", "conv_in", "norm_out", "conv_out"}
    assert set(state) == {f"{module}.{kind}" for module in modules for kind in ("weight", "bias")}
    assert state["mid.attn_1.proj_out.weight"].shape == (64, 64, 1, 1)
    assert state["up.0.block.0.nin_shortcut.weight"].shape == (32, 96, 1, 1)
    assert state["up.1.block.1.temb_proj.weight"].shape == (64, 128)


def test_names_and_shapes_convert_to_those_of_diffusers() -> None:
    with torch.device("meta"):
        ours, theirs = Network(*CIFAR10).state_dict(), their_network(CIFAR10).state_dict()
    assert sum(tensor.numel() for tensor in theirs.values()) == 35_746_307
    assert {n: t.shape for n, t in to_diffusers(ours).items()} == {n: t.shape for n, t in theirs.items()}
    assert {n: t.shape for n, t in from_diffusers(theirs).items()} == {n: t.shape for n, t in ours.items()}


@pytest.mark.parametrize("config", [SMALL, sized(16, 1, 32, [1, 2], res_blocks=1, attention_sizes=[16, 8])])
def test_our_weights_give_diffusers_the_same_output(config: Config) -> None:
    ours, theirs = randomised(Network(*config)), their_network(config).eval()
    theirs.load_state_dict(to_diffusers(ours.state_dict()))
    assert_same_output(ours, theirs, images(config))


@pytest.mark.parametrize("old", [False, True])
def test_their_weights_give_us_the_same_output(old: bool) -> None:
    ours, theirs = Network(*SMALL).eval(), randomised(their_network(SMALL))
    state = theirs.state_dict()
    for new_name, old_name in OLD_NAMES.items() if old else ():
        state = {name.replace(new_name, old_name): tensor for name, tensor in state.items()}
    ours.load_state_dict(from_diffusers(state))
    assert_same_output(ours, theirs, images(SMALL))


def test_dropout_acts_where_that_of_diffusers_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a function of the values in its stead: which draws go where depends on the memory layout."""

    def changed(x: Tensor, p: float, training: bool, inplace: bool) -> Tensor:
        return x + p * x.cos() if training else x

    monkeypatch.setattr(functional, "dropout", changed)
    dropping = sized(16, 3, 32, [1, 3, 2], attention_sizes=[8], dropout=0.3)
    ours, theirs = randomised(Network(*dropping)), their_network(dropping)
    theirs.load_state_dict(to_diffusers(ours.state_dict()))
    with torch.inference_mode():
        evaluated = ours(images(dropping), TIMES)
        assert (ours.train()(images(dropping), TIMES) - evaluated).abs().max() > 0.1
    assert_same_output(ours, theirs.train(), images(dropping))


def test_the_compared_network_attends() -> None:
    """Without it the comparisons would say nothing of queries and keys."""
    network = randomised(Network(*SMALL))
    with torch.inference_mode():
        before = network(images(SMALL), TIMES)
        for name, parameter in network.named_parameters():
            if name.endswith(".q.weight"):
                parameter.zero_()
        assert (network(images(SMALL), TIMES) - before).abs().max() > 0.1


def test_conversion_there_and_back_changes_nothing() -> None:
    state = randomised(Network(*SMALL)).state_dict()
    back = from_diffusers(to_diffusers(state))
    assert list(back) == list(state)
    assert all(torch.equal(back[name], tensor) for name, tensor in state.items())


@pytest.mark.parametrize("name", ["down_blocks.0.resnets.0.norm3.weight", "class_embedding.weight", "conv_in.scale"])
def test_conversion_refuses_names_of_other_networks(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        from_diffusers({name: torch.zeros(1)})


def test_time_embedding_is_the_published_formula() -> None:
    times = [0.0, 1.0, 500.5, 999.0]
    frequencies = np.exp(-np.log(10000) * np.arange(16) / 15)
    angles = np.array(times)[:, None] * frequencies
    expected = np.concatenate([np.sin(angles), np.cos(angles)], axis=1)
    assert np.abs(time_embedding(torch.tensor(times), 32).numpy() - expected).max() < 1e-4
    assert torch.equal(time_embedding(torch.tensor([1, 999]), 32), time_embedding(torch.tensor([1.0, 999.0]), 32))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_stays_near_single(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    network, x = randomised(Network(*SMALL)), images(SMALL)
    norms, group_norm = [], functional.group_norm

    def recorded(*arguments: Any) -> Tensor:
        norms.append((arguments[0].dtype, arguments[4]))
        return group_norm(*arguments)

    with torch.inference_mode():
        single = network(x, TIMES)
        monkeypatch.setattr(functional, "group_norm", recorded)
        with torch.autocast("cpu", dtype=dtype):
            half = network(x, TIMES)
    assert half.dtype == dtype
    assert half.isfinite().all()
    assert (half - single).abs().max() < 20 * torch.finfo(dtype).eps
    assert set(norms) == {(torch.float32, 1e-6)}


def test_attention_in_half_precision_does_not_overflow() -> None:
    """Products of queries and keys are beyond float16 here, their scaled products are not."""
    block = AttentionBlock(64, sized(8, 3, 64, [1]).settings)
    for layer in (block.q, block.k):
        nn.init.zeros_(layer.weight)
        nn.init.constant_(layer.bias, 60.0)
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.float16):
        assert block(torch.randn(2, 64, 4, 4)).isfinite().all()


def test_nothing_starts_at_zero_and_no_variance_is_predicted() -> None:
    """Unlike ADM's, this network has no layer that is initialised with zeros, but for the biases of the norms."""
    network = Network(*sized(8, 1, 32, [1, 1], res_blocks=1, attention_sizes=[4]))
    assert network.predicts_variance is False
    output = network(torch.randn(5, 1, 8, 8), torch.arange(5))
    assert output.shape == (5, 1, 8, 8)
    assert output.std() > 0.01
    assert all(p.any() for name, p in network.named_parameters() if not ("norm" in name and name.endswith("bias")))


@pytest.mark.parametrize(("groups", "blind"), [(32, True), (8, False)])
def test_a_norm_of_single_channels_would_hide_the_time(groups: int, blind: bool) -> None:
    """The time is added to each channel as a constant, which the norm of that channel alone takes away again."""
    torch.manual_seed(0)
    network = Network(*sized(8, 1, 32, [1, 1], res_blocks=1, attention_sizes=[4], groups=groups)).eval()
    x = torch.randn(2, 1, 8, 8)
    early, late = (network(x, torch.full((2,), time)) for time in (10, 900))
    assert bool(torch.allclose(early, late, atol=1e-5)) == blind

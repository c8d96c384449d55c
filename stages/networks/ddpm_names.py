"""Conversion of the DDPM U-Net's weights to and from the names and shapes of diffusers' UNet2DModel."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from torch import Tensor

# Ours and diffusers'; # stands for a number.
PLACES = {
    "temb.dense.0": "time_embedding.linear_1",
    "temb.dense.1": "time_embedding.linear_2",
    "conv_in": "conv_in",
    "down.#.block.#": "down_blocks.#.resnets.#",
    "down.#.attn.#": "down_blocks.#.attentions.#",
    "down.#.downsample.conv": "down_blocks.#.downsamplers.0.conv",
    "mid.block_1": "mid_block.resnets.0",
    "mid.attn_1": "mid_block.attentions.0",
    "mid.block_2": "mid_block.resnets.1",
    "up.#.block.#": "up_blocks.#.resnets.#",
    "up.#.attn.#": "up_blocks.#.attentions.#",
    "up.#.upsample.conv": "up_blocks.#.upsamplers.0.conv",
    "norm_out": "conv_norm_out",
    "conv_out": "conv_out",
}
LAYERS = {
    "norm1": "norm1",
    "conv1": "conv1",
    "temb_proj": "time_emb_proj",
    "norm2": "norm2",
    "conv2": "conv2",
    "nin_shortcut": "conv_shortcut",
    "norm": "group_norm",
    "q": "to_q",
    "k": "to_k",
    "v": "to_v",
    "proj_out": "to_out.0",
}
# The names of diffusers until 2023, which files of that time still have.
OLD_LAYERS = {"query": "q", "key": "k", "value": "v", "proj_attn": "proj_out"}


def to_diffusers(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return our weights by the names and in the shapes of UNet2DModel."""
    rename = _renaming(state, PLACES, LAYERS)
    converted = {}
    for name, tensor in state.items():
        # Projections of attention are 1x1 convolutions here and linear layers there.
        projection = ".attn" in name and tensor.ndim == 4
        converted[rename(name)] = tensor.flatten(1) if projection else tensor
    return converted


def from_diffusers(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights of a UNet2DModel by our names and in our shapes; names of old files are accepted too."""
    layers = {theirs: ours for ours, theirs in LAYERS.items()} | OLD_LAYERS
    rename = _renaming(state, {theirs: ours for ours, theirs in PLACES.items()}, layers)
    converted = {}
    for name, tensor in state.items():
        projection = ".attentions" in name and tensor.ndim == 2
        converted[rename(name)] = tensor[:, :, None, None] if projection else tensor
    return converted


def _renaming(state: Mapping[str, Tensor], places: dict[str, str], layers: dict[str, str]) -> Callable[[str], str]:
    """Return the function that renames one parameter; it raises ValueError for an unknown name."""
    found = (re.match(r"down\w*\.(\d+)\.", name) for name in state)
    levels = [int(match[1]) for match in found if match]
    end = rf"(\.(?:{'|'.join(map(re.escape, layers))}))?(\.weight|\.bias)"
    patterns = {re.compile(re.escape(place).replace(r"\#", r"(\d+)") + end): new for place, new in places.items()}

    def rename(name: str) -> str:
        for pattern, new in patterns.items():
            match = pattern.fullmatch(name)
            if match is None:
                continue
            *numbers, layer, kind = match.groups()
            if new.startswith("up"):
                # diffusers counts the decoder's levels from the deepest, the DDIM repository from the top.
                numbers[0] = str(max(levels) - int(numbers[0]))
            for number in numbers:
                new = new.replace("#", number, 1)
            return new + ("." + layers[layer[1:]] if layer else "") + kind
        raise ValueError(f"{name}: no parameter of a DDPM U-Net")

    return rename

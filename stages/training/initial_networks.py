"""Networks before their training: all sizes by recipe and data, and the weights that they start from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from stages.config.errors import InputError
from stages.config.networks import StableDiffusionNetwork, UNet
from stages.config.recipe import Recipe
from stages.config.registry import method_module
from stages.store.models import build_network
from stages.store.paths import DATASET
from stages.training.captions import read_captions, word_tokens
from stages.training.pretrained import check_scheduler, clip_tokens, read_part


def network_start(name: str, recipe: Recipe, shape: tuple[int, ...]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return all sizes of a recipe's network of images or latents (C, H, W), and the weights that it starts from.

    These are of a Stable Diffusion folder; a network that is trained from the start has none.
    """
    if isinstance(recipe.network, StableDiffusionNetwork):
        check_scheduler(recipe.network.folder, recipe.timesteps)
        return pretrained_start(name, recipe.network, shape)
    sizes = network_sizes(name, recipe.network, shape)
    if recipe.network.told == "text":
        sizes = method_module("networks", recipe.network.module).sizes(sizes, *word_tokens(read_captions()))
    return sizes, {}


def pretrained_start(
    name: str, network: StableDiffusionNetwork, shape: tuple[int, ...]
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return all sizes and the weights of a folder's network, refusing images or latents (C, H, W) that do not fit."""
    unet = read_part(network.folder, "unet", network.unet_sha256, f"{name}.network.unet_sha256")
    text = read_part(network.folder, "text_encoder", network.text_encoder_sha256, f"{name}.network.text_encoder_sha256")
    channels, height, size = shape
    wanted, factor = unet.configuration["in_channels"], 2 ** (len(unet.configuration["block_out_channels"]) - 1)
    if channels != wanted or height != size or size % factor:
        raise InputError(
            f"{DATASET}: {height}x{size}x{channels} images or latents; the U-Net of {network.folder} takes {wanted} "
            f"channels and squares of a size that {factor} divides"
        )
    sizes = {
        "image_size": size, "image_channels": channels, "unet": unet.configuration, "text_encoder": text.configuration,
        "captions": clip_tokens(network.folder, read_captions()), "unconditional": network.unconditional,
    }  # fmt: skip
    parts = {"unet": unet.weights, "text_encoder": text.weights}
    return sizes, {f"{part}.{key}": value for part, weights in parts.items() for key, value in weights.items()}


def initial_network(network: str, sizes: Mapping[str, Any], weights: Mapping[str, Tensor]) -> nn.Module:
    """Return a fresh network, with the weights that it starts from where there are any."""
    built = build_network(network, sizes)
    if weights:
        built.load_state_dict(weights)
    return built


def network_sizes(name: str, network: UNet, shape: tuple[int, ...]) -> dict[str, Any]:
    """Return all sizes of a network that is trained, refusing those that do not fit images or latents of (C, H, W)."""
    channels, height, size = shape
    levels = len(network.multipliers)
    sizes = [size // 2**level for level in range(levels)]
    if height != size or size % 2 ** (levels - 1):
        raise InputError(
            f"{DATASET}: {height}x{size} images or latents; {levels} {name}.network.multipliers need squares of a size "
            f"that {2 ** (levels - 1)} divides"
        )
    if absent := set(network.attention_sizes) - set(sizes):
        raise InputError(f"{name}.network.attention_sizes: {min(absent)} does not occur; sizes here are {sizes}")
    return {**network.settings(), "image_size": size, "image_channels": channels}

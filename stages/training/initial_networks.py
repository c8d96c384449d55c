"""Networks before their training: what they take beside their settings, and the weights that they start from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from stages.config.errors import InputError
from stages.config.networks import NetworkSettings, UNetSettings
from stages.config.params import Recipe
from stages.config.registry import method_module
from stages.networks.text_config import StableDiffusionSettings
from stages.store.models import build_network
from stages.store.paths import DATASET
from stages.training.stable_diffusion import check_scheduler, read_part


def network_start(name: str, recipe: Recipe, shape: tuple[int, ...]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return what a recipe's network takes beside its settings, and the weights that it starts from, if any.

    Args:
        name: the name of the recipe's section.
        recipe: the recipe.
        shape: (C, H, W) of the images or latents.

    Raises:
        InputError: the network cannot take them.
    """
    settings = recipe.network
    channels, height, size = shape
    if isinstance(settings, UNetSettings):
        check_sizes(name, settings, height, size)
    elif height != size:
        raise InputError(f"{DATASET}: {height}x{size} images or latents; the network of {name} needs squares")
    if isinstance(settings, StableDiffusionSettings):
        check_scheduler(settings.folder, recipe.timesteps)
    module = method_module("networks", settings.module)
    further, weights = {}, {}
    if hasattr(module, "start"):
        further, weights = module.start(name, settings, size, channels, read_part)
    return {"image_size": size, "image_channels": channels, **further}, weights


def check_sizes(name: str, settings: UNetSettings, height: int, size: int) -> None:
    """Refuse images or latents that a U-Net cannot halve, and attention at sizes that do not occur."""
    levels = len(settings.multipliers)
    sizes = [size // 2**level for level in range(levels)]
    if height != size or size % 2 ** (levels - 1):
        raise InputError(
            f"{DATASET}: {height}x{size} images or latents; {levels} {name}.network.multipliers need squares of a size "
            f"that {2 ** (levels - 1)} divides"
        )
    absent = set(settings.attention_sizes) - set(sizes)
    if absent:
        raise InputError(f"{name}.network.attention_sizes: {min(absent)} does not occur; sizes here are {sizes}")


def initial_network(
    settings: NetworkSettings, arguments: Mapping[str, Any], weights: Mapping[str, Tensor]
) -> nn.Module:
    """Return a fresh network, with the weights that it starts from where there are any."""
    network = build_network(settings, arguments)
    if weights:
        network.load_state_dict(weights)
    return network

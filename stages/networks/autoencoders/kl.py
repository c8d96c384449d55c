"""The Kullback-Leibler-regularised autoencoder of a local Stable Diffusion folder, by diffusers' class.

Latents are the means of the encoder's Gaussians, times ``scale`` (LDM, Sec. 3.1 and App. G).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from stages.config.errors import InputError
from stages.config.networks import AutoencoderSettings, ReadPretrained
from stages.config.sections import Sha256

if TYPE_CHECKING:
    from torch import Tensor, nn


class KlSettings(AutoencoderSettings):
    """The folder, and the sha256 of the autoencoder's weights in it."""

    method: Literal["kl"]
    folder: str
    sha256: Sha256


def pretrained(
    name: str, settings: KlSettings, shape: tuple[int, ...], read_part: ReadPretrained
) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return what ``build`` takes beside the settings, and the folder's weights.

    Args:
        name: the name of the autoencoder's section.
        settings: the section.
        shape: (C, H, W) of the images to encode.
        read_part: reads the autoencoder of the folder.

    Raises:
        InputError: the folder's autoencoder is missing or damaged, or cannot encode images of this shape.
    """
    from stages.store.paths import DATASET

    part = read_part(settings.folder, "vae", settings.sha256, f"{name}.sha256")
    channels, height, width = shape
    wanted = part.configuration["in_channels"]
    factor = 2 ** (len(part.configuration["block_out_channels"]) - 1)
    if channels != wanted or height % factor or width % factor:
        raise InputError(
            f"{DATASET}: images of {height}x{width}x{channels}; the autoencoder of {settings.folder} takes {wanted} "
            f"channels and sides that {factor} divides"
        )
    return {"vae": part.configuration}, part.weights


def build(settings: KlSettings, vae: Mapping[str, Any]) -> nn.Module:
    """Return the network of a diffusers configuration, with random weights."""
    from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

    network: Any = AutoencoderKL.from_config(dict(vae))
    network.scale = float(network.config.scaling_factor)
    return network


def encode(network: Any, images: Tensor) -> Tensor:
    """Return the scaled latents [B, c, H / f, W / f] of images [B, C, H, W] in [-1, 1]."""
    return network.encode(images).latent_dist.mode() * network.scale


def decode(network: Any, latents: Tensor) -> Tensor:
    """Return the images of scaled latents, not clipped."""
    return network.decode(latents / network.scale).sample

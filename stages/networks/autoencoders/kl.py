"""The Kullback-Leibler-regularised autoencoder of Stable Diffusion: diffusers' class of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from torch import Tensor, nn


@dataclass(frozen=True)
class Config:
    """The configuration of diffusers' class."""

    vae: Mapping[str, Any]


class FirstStage(nn.Module):
    """Images [B, C, H, W] in [-1, 1] to latents [B, c, H / f, W / f] and back (LDM, Sec. 3.1 and App. G).

    Latents are the means of the encoder's Gaussians, times ``scale``; decoding divides by it.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.network = AutoencoderKL.from_config(dict(config.vae))
        self.scale = float(self.network.config.scaling_factor)  # pyright: ignore

    def encode(self, images: Tensor) -> Tensor:
        """Return the scaled latents of images."""
        return self.network.encode(images).latent_dist.mode() * self.scale  # pyright: ignore

    def decode(self, latents: Tensor) -> Tensor:
        """Return the images of scaled latents, not clipped."""
        return self.network.decode(latents / self.scale).sample  # pyright: ignore

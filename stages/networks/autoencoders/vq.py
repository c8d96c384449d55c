"""The vector-quantised autoencoder of LDM: diffusers' class of its published first stages."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from diffusers.models.autoencoders.vq_model import VQModel
from torch import Tensor, nn


@dataclass(frozen=True)
class Config:
    """Size of one autoencoder: a level of ``channels`` x multiplier each, the image halved between two levels."""

    image_channels: int
    channels: int
    multipliers: tuple[int, ...]
    res_blocks: int
    groups: int
    latent_channels: int
    codes: int


class FirstStage(nn.Module):
    """Images [B, C, H, W] in [-1, 1] to latents [B, c, H / f, W / f] and back (LDM, Sec. 3.1 and App. G).

    Latents are those before the quantisation, times ``scale``; decoding divides by it and quantises first.
    """

    scale: Tensor

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        levels = len(config.multipliers)
        self.network = VQModel(
            in_channels=config.image_channels, out_channels=config.image_channels,
            down_block_types=("DownEncoderBlock2D",) * levels, up_block_types=("UpDecoderBlock2D",) * levels,
            block_out_channels=tuple(config.channels * multiplier for multiplier in config.multipliers),
            layers_per_block=config.res_blocks, norm_num_groups=config.groups, mid_block_add_attention=False,
            latent_channels=config.latent_channels, vq_embed_dim=config.latent_channels,
            num_vq_embeddings=config.codes,
        )  # fmt: skip
        self.register_buffer("scale", torch.ones(()))

    def encode(self, images: Tensor) -> Tensor:
        """Return the scaled latents of images."""
        return self.network.encode(images).latents * self.scale  # pyright: ignore

    def decode(self, latents: Tensor) -> Tensor:
        """Return the images of scaled latents, not clipped."""
        return self.network.decode(latents / self.scale).sample  # pyright: ignore

    def losses(self, images: Tensor) -> dict[str, Tensor]:
        """Return the mean squared error of the reconstruction, and the loss of codes and commitment (VQ-VAE, Eq. 3).

        LDM's perceptual and adversarial terms are left out: the digits have no texture for them to keep.
        """
        found = self.network.decode(self.network.encode(images).latents)  # pyright: ignore
        return {"mse": (found.sample - images).square().mean(), "vq": found.commit_loss.mean()}  # pyright: ignore

"""The vector-quantised autoencoder of LDM, by diffusers' class, trained on the images of the data set.

Latents are those before the quantisation, times ``scale``; decoding divides by it and quantises first (LDM, Sec. 3.1
and App. G).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from stages.config.networks import TrainedAutoencoderSettings
from stages.config.sections import Int

if TYPE_CHECKING:
    from torch import Tensor, nn


class VqSettings(TrainedAutoencoderSettings):
    """A level of ``channels`` x multiplier each; the image is halved between two levels."""

    method: Literal["vq"]
    channels: Annotated[Int, Field(ge=1)]
    res_blocks: Annotated[Int, Field(ge=1)]
    groups: Annotated[Int, Field(ge=1)]
    latent_channels: Annotated[Int, Field(ge=1)]
    codes: Annotated[Int, Field(ge=2)]

    @model_validator(mode="after")
    def _groups_divide_the_channels(self) -> Self:
        if self.channels % self.groups:
            raise ValueError(f"groups: {self.groups}; must divide channels ({self.channels})")
        return self


def build(settings: VqSettings, image_channels: int) -> nn.Module:
    """Return a network with random weights, and scale 1."""
    import torch
    from diffusers.models.autoencoders.vq_model import VQModel

    levels = len(settings.multipliers)
    network = VQModel(
        in_channels=image_channels,
        out_channels=image_channels,
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        block_out_channels=tuple(settings.channels * multiplier for multiplier in settings.multipliers),
        layers_per_block=settings.res_blocks,
        norm_num_groups=settings.groups,
        mid_block_add_attention=False,
        latent_channels=settings.latent_channels,
        vq_embed_dim=settings.latent_channels,
        num_vq_embeddings=settings.codes,
    )
    network.register_buffer("scale", torch.ones(()))
    return network


def encode(network: Any, images: Tensor) -> Tensor:
    """Return the scaled latents [B, c, H / f, W / f] of images [B, C, H, W] in [-1, 1]."""
    return network.encode(images).latents * network.scale


def decode(network: Any, latents: Tensor) -> Tensor:
    """Return the images of scaled latents, not clipped."""
    return network.decode(latents / network.scale).sample


def losses(network: Any, images: Tensor) -> dict[str, Tensor]:
    """Return the mean squared error of the reconstruction, and the loss of codes and commitment (VQ-VAE, Eq. 3).

    LDM's perceptual and adversarial terms are left out: the digits have no texture for them to keep.
    """
    found = network.decode(network.encode(images).latents)
    return {"mse": (found.sample - images).square().mean(), "vq": found.commit_loss.mean()}

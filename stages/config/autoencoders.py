"""Sections of autoencoders: the first stages of latent models."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from stages.config.sections import Float, Int, Method, Sha256

# The first stage of models that have no autoencoder.
PIXELS = "pixels"


class Autoencoder(Method):
    """What all autoencoders share."""


class Trained(Autoencoder):
    """An autoencoder that is trained on the images of the data set, which have its image channels."""

    multipliers: Annotated[list[Annotated[Int, Field(ge=1)]], Field(min_length=2)]
    iterations: Annotated[Int, Field(ge=1)]
    batch_size: Annotated[Int, Field(ge=1)]
    lr: Annotated[Float, Field(gt=0)]

    @property
    def factor(self) -> int:
        """How many times smaller latents are than images, along each side."""
        return 2 ** (len(self.multipliers) - 1)

    def sizes(self) -> dict[str, Any]:
        """Return the sizes of its network."""
        return self.model_dump(exclude={"method", "iterations", "batch_size", "lr"})


class Vq(Trained):
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


class Kl(Autoencoder):
    """The autoencoder of a local Stable Diffusion folder, as it is."""

    method: Literal["kl"]
    folder: str
    sha256: Sha256

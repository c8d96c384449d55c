"""Settings of the text-conditional U-Net: trained from scratch, or that of a Stable Diffusion folder."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from stages.config.networks import Condition, NetworkSettings, UNetSettings, check_groups, check_heads
from stages.config.sections import Float, Int, Sha256


class TextSettings(UNetSettings):
    """A U-Net that attends to the states of a text encoder, both trained from scratch.

    ``unconditional`` is the share of a batch that gets the empty caption in training, for classifier-free guidance.
    """

    method: Literal["text"]
    groups: Annotated[Int, Field(ge=1)]
    head_channels: Annotated[Int, Field(ge=1)]
    text_width: Annotated[Int, Field(ge=1)]
    text_layers: Annotated[Int, Field(ge=1)]
    unconditional: Annotated[Float, Field(ge=0, lt=1)]

    @property
    def conditioned_on(self) -> Condition:
        return "text"

    @model_validator(mode="after")
    def _heads_and_groups_divide_the_channels(self) -> Self:
        check_groups(self.channels, self.groups)
        check_heads(self.channels, self.multipliers, self.head_channels)
        if self.text_width % self.head_channels:
            raise ValueError(f"head_channels: {self.head_channels} does not divide text_width ({self.text_width})")
        return self


class StableDiffusionSettings(NetworkSettings):
    """U-Net and text encoder of a local Stable Diffusion folder, whose weights training starts from."""

    method: Literal["stable-diffusion"]
    folder: str
    unet_sha256: Sha256
    text_encoder_sha256: Sha256
    unconditional: Annotated[Float, Field(ge=0, lt=1)]
    pretrained: ClassVar = True
    schedule: ClassVar = "stable-diffusion"

    @property
    def module(self) -> str:
        return "text"

    @property
    def conditioned_on(self) -> Condition:
        return "text"

"""Sections of networks: how a denoiser is built, within a recipe."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from stages.config.sections import Float, Int, Method, Sha256

# What a network is told beside the time: one of the classes, or one of the captions of the data set.
Told = Literal["class", "text"]


def check_heads(channels: int, multipliers: list[int], head_channels: int) -> None:
    """Refuse heads of attention that do not divide the widths of a U-Net's levels."""
    widths = [channels * multiplier for multiplier in multipliers]
    if any(width % head_channels for width in widths):
        raise ValueError(f"head_channels: {head_channels} does not divide all of the widths {widths}")


def check_groups(channels: int, groups: int) -> None:
    """Refuse groups of norms that do not divide the channels, or that hold a single one."""
    if channels % groups or channels < 2 * groups:
        # The norm of a single channel takes away what the time embedding adds to it.
        raise ValueError(f"groups: {groups}; must divide channels ({channels}) and be half of them at most")


class Network(Method):
    """What all denoisers share; image size and channels come from the data."""

    predicts_variance: ClassVar[bool] = False

    @property
    def conditioned_on(self) -> int:
        """How many classes the network is told one of; 0 for none."""
        return 0

    @property
    def told(self) -> Told | None:
        """What the network is told beside the time."""
        return "class" if self.conditioned_on else None


class UNet(Network):
    """Sizes of the U-Nets that are trained from the start."""

    channels: Annotated[Int, Field(ge=32, multiple_of=32)]
    multipliers: Annotated[list[Annotated[Int, Field(ge=1)]], Field(min_length=1)]
    res_blocks: Annotated[Int, Field(ge=1)]
    attention_sizes: list[Annotated[Int, Field(ge=1)]]
    dropout: Annotated[Float, Field(ge=0, lt=1)]


class AdmNetwork(UNet):
    method: Literal["adm"]
    head_channels: Annotated[Int, Field(ge=1)]
    classes: Annotated[Int, Field(ge=0)] = 0
    predicts_variance: ClassVar = True

    @property
    def conditioned_on(self) -> int:
        return self.classes

    def settings(self) -> dict[str, Any]:
        """Return the sizes of the network."""
        return self.model_dump(exclude={"method", "classes"}) | {"num_classes": self.classes or None}

    @model_validator(mode="after")
    def _heads_divide_the_channels(self) -> Self:
        check_heads(self.channels, self.multipliers, self.head_channels)
        return self


class DdpmNetwork(UNet):
    method: Literal["ddpm"]
    groups: Annotated[Int, Field(ge=1)]

    @model_validator(mode="after")
    def _groups_hold_two_channels(self) -> Self:
        check_groups(self.channels, self.groups)
        return self


class TextNetwork(UNet):
    """A U-Net that attends to the states of a text encoder, which is trained along.

    ``unconditional`` is the share of a batch that is told the empty caption, for classifier-free guidance.
    """

    method: Literal["text"]
    groups: Annotated[Int, Field(ge=1)]
    head_channels: Annotated[Int, Field(ge=1)]
    text_width: Annotated[Int, Field(ge=1)]
    text_layers: Annotated[Int, Field(ge=1)]
    unconditional: Annotated[Float, Field(ge=0, lt=1)]

    @property
    def told(self) -> Told:
        return "text"

    @model_validator(mode="after")
    def _heads_and_groups_divide_the_channels(self) -> Self:
        check_groups(self.channels, self.groups)
        check_heads(self.channels, self.multipliers, self.head_channels)
        if self.text_width % self.head_channels:
            raise ValueError(f"head_channels: {self.head_channels} does not divide text_width ({self.text_width})")
        return self


class StableDiffusionNetwork(Network):
    """U-Net and text encoder of a local Stable Diffusion folder, whose weights training starts from."""

    method: Literal["stable-diffusion"]
    folder: str
    unet_sha256: Sha256
    text_encoder_sha256: Sha256
    unconditional: Annotated[Float, Field(ge=0, lt=1)]

    @property
    def module(self) -> str:
        return "text"

    @property
    def told(self) -> Told:
        return "text"

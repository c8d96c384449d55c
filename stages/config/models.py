"""Sections of models: the recipe that trains a network, and the variants of training that differ from it."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from stages.config.sections import Bool, Float, Int, Method, Name, Section, Sha256

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


class Recipe(Section):
    """How a network is built and trained, whatever the variant."""

    network: Annotated[AdmNetwork | DdpmNetwork | TextNetwork | StableDiffusionNetwork, Field(discriminator="method")]
    schedule: Literal["linear", "cosine", "scaled-linear", "stable-diffusion"]
    timesteps: Annotated[Int, Field(ge=2, le=100_000)]
    t_sampling: Literal["uniform", "antithetic", "loss-second-moment"]
    optimizer: Literal["adam", "adamw"]
    iterations: Annotated[Int, Field(ge=0)]
    batch_size: Annotated[Int, Field(ge=1)]
    lr: Annotated[Float, Field(gt=0)]
    warmup: Annotated[Int, Field(ge=0)]
    weight_decay: Annotated[Float, Field(ge=0)]
    clip: Annotated[Float, Field(gt=0)] | None
    ema: Annotated[Float, Field(ge=0, lt=1)]
    flip: Bool
    precision: Literal["fp32", "bf16", "fp16"]

    @model_validator(mode="after")
    def _betas_stay_below_one(self) -> Self:
        if self.schedule == "linear" and self.timesteps <= 20:
            raise ValueError(f"timesteps: {self.timesteps}; the linear schedule needs more than 20")
        return self

    @model_validator(mode="after")
    def _what_is_not_trained_has_weights(self) -> Self:
        folder = isinstance(self.network, StableDiffusionNetwork)
        if not self.iterations and not folder:
            raise ValueError("iterations: 0; allowed are 1 and more, 0 with the weights of a Stable Diffusion folder")
        if folder and self.schedule != "stable-diffusion":
            raise ValueError(f"schedule: {self.schedule}; a Stable Diffusion folder goes with stable-diffusion")
        return self

    @model_validator(mode="after")
    def _adam_has_no_decay_of_its_own(self) -> Self:
        if self.optimizer == "adam" and self.weight_decay:
            raise ValueError(f"weight_decay: {self.weight_decay}; optimizer: adam takes 0, adamw any")
        return self


class Model(Method):
    """What all training variants share; a variant is a subclass with its own settings and the module of its name."""

    recipe: Name
    # Of its training; that of the study where there is none.
    seed: Annotated[Int, Field(ge=0)] | None = None
    published: ClassVar[tuple[str, ...]]
    # The published model that the tables set this one against.
    base: ClassVar[str]
    trains_variance: ClassVar[bool] = False
    decays_weights: ClassVar[bool] = False

    @property
    def encoded_by(self) -> str | None:
        """Name of the autoencoder whose latents it works on; None of pixels."""
        return None

    def settings(self) -> dict[str, float]:
        """Return what the variant's loss takes as keywords."""
        return self.model_dump(exclude={"method", "recipe", "autoencoder", "seed"})

    def coordinate(self) -> str:
        """Return the model as the published tables have it."""
        return self.published[0]


class Adm(Model):
    method: Literal["adm"]
    gamma: Annotated[Float, Field(ge=0)]
    published: ClassVar = ("adm", "adm-ip")
    base: ClassVar = "adm"
    trains_variance: ClassVar = True

    def coordinate(self) -> str:
        return self.published[self.gamma > 0]


class Ddpm(Model):
    method: Literal["ddpm"]
    gamma: Annotated[Float, Field(ge=0)]
    published: ClassVar = ("ddpm", "ddpm-ip")
    base: ClassVar = "ddpm"

    def coordinate(self) -> str:
        return self.published[self.gamma > 0]


class DdpmY(Model):
    method: Literal["ddpm-y"]
    gamma: Annotated[Float, Field(ge=0)]
    published: ClassVar = ("ddpm-y",)
    base: ClassVar = "adm"
    trains_variance: ClassVar = True


class AdmGp(Model):
    method: Literal["adm-gp"]
    penalty: Annotated[Float, Field(ge=0)]
    published: ClassVar = ("adm-gp",)
    base: ClassVar = "adm"
    trains_variance: ClassVar = True


class AdmWd(Model):
    """Its recipe must have weight_decay."""

    method: Literal["adm-wd"]
    published: ClassVar = ("adm-wd",)
    base: ClassVar = "adm"
    trains_variance: ClassVar = True
    decays_weights: ClassVar = True


class Ldm(Model):
    """On the latents of the autoencoder that it names."""

    method: Literal["ldm"]
    autoencoder: Name
    published: ClassVar = ("ldm",)
    base: ClassVar = "ldm"

    @property
    def encoded_by(self) -> str | None:
        return self.autoencoder


class Text(Model):
    """Told captions; on pixels, or on the latents of the autoencoder that it names. Its loss is LDM's."""

    method: Literal["text"]
    autoencoder: Name | None = None
    published: ClassVar = ("text-to-image",)
    base: ClassVar = "text-to-image"

    @property
    def module(self) -> str:
        return "ldm"

    @property
    def encoded_by(self) -> str | None:
        return self.autoencoder

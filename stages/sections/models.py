"""Sections of models: the recipe that trains a network, and the variants of training that differ from it."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from stages.sections.base import Bool, Float, Int, Method, Name, Section


def check_heads(channels: int, multipliers: list[int], head_channels: int) -> None:
    """Refuse heads of attention that do not divide the widths of a U-Net's levels."""
    widths = [channels * multiplier for multiplier in multipliers]
    if any(width % head_channels for width in widths):
        raise ValueError(f"head_channels: {head_channels} does not divide all of the widths {widths}")


class Network(Method):
    """What all denoisers share; image size and channels come from the data."""

    channels: Annotated[Int, Field(ge=32, multiple_of=32)]
    multipliers: Annotated[list[Annotated[Int, Field(ge=1)]], Field(min_length=1)]
    res_blocks: Annotated[Int, Field(ge=1)]
    attention_sizes: list[Annotated[Int, Field(ge=1)]]
    dropout: Annotated[Float, Field(ge=0, lt=1)]
    predicts_variance: ClassVar[bool] = False

    @property
    def conditioned_on(self) -> int:
        """How many classes the network is told one of; 0 for none."""
        return 0


class AdmNetwork(Network):
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


class DdpmNetwork(Network):
    method: Literal["ddpm"]
    groups: Annotated[Int, Field(ge=1)]

    @model_validator(mode="after")
    def _groups_hold_two_channels(self) -> Self:
        if self.channels % self.groups or self.channels < 2 * self.groups:
            # The norm of a single channel takes away what the time embedding adds to it.
            raise ValueError(
                f"groups: {self.groups}; must divide channels ({self.channels}) and be half of them at most"
            )
        return self


class Recipe(Section):
    """How a network is built and trained, whatever the variant."""

    network: Annotated[AdmNetwork | DdpmNetwork, Field(discriminator="method")]
    schedule: Literal["linear", "cosine", "scaled-linear"]
    timesteps: Annotated[Int, Field(ge=2, le=100_000)]
    t_sampling: Literal["uniform", "antithetic", "loss-second-moment"]
    optimizer: Literal["adam", "adamw"]
    iterations: Annotated[Int, Field(ge=1)]
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
    def _adam_has_no_decay_of_its_own(self) -> Self:
        if self.optimizer == "adam" and self.weight_decay:
            raise ValueError(f"weight_decay: {self.weight_decay}; optimizer: adam takes 0, adamw any")
        return self


class Model(Method):
    """What all training variants share; a variant is a subclass with its own settings and the module of its name."""

    recipe: Name
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
        return self.model_dump(exclude={"method", "recipe", "autoencoder"})

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

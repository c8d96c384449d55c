"""Sections of models: a recipe, and the objective that it is trained on."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from stages.config.sections import Float, Int, Method, Name


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

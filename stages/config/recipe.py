"""Recipes: how a network is built and trained, whatever the objective."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from stages.config.networks import AdmNetwork, DdpmNetwork, StableDiffusionNetwork, TextNetwork
from stages.config.sections import Bool, Float, Int, Section


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

"""Recipes: how a network is built and trained, whatever the objective."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self, Union

from pydantic import Field, model_validator

from stages.config.networks import NetworkSettings, network_settings
from stages.config.sections import Bool, Float, Int, Section

if TYPE_CHECKING:
    AnyNetwork = NetworkSettings
else:
    # The settings class is chosen by the method, among those found in stages/networks.
    AnyNetwork = Annotated[Union[tuple(network_settings().values())], Field(discriminator="method")]  # noqa: UP007


class Recipe(Section):
    """How a network is built and trained, whatever the objective."""

    network: AnyNetwork
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
    def _pretrained_weights_or_iterations(self) -> Self:
        if not self.iterations and not self.network.pretrained:
            raise ValueError("iterations: 0; allowed are 1 and more, 0 with a network that has pretrained weights")
        if self.network.schedule not in (None, self.schedule):
            raise ValueError(
                f"schedule: {self.schedule}; network.method: {self.network.method} takes {self.network.schedule}"
            )
        return self

    @model_validator(mode="after")
    def _adam_has_no_decay_of_its_own(self) -> Self:
        if self.optimizer == "adam" and self.weight_decay:
            raise ValueError(f"weight_decay: {self.weight_decay}; optimizer: adam takes 0, adamw any")
        return self

"""Settings of the ADM U-Net."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from stages.config.networks import UNetSettings, check_heads
from stages.config.sections import Bool, Int


class AdmSettings(UNetSettings):
    """Settings of the ADM U-Net; the defaults of the optional ones are those of the published CIFAR-10 network.

    Attention has heads of ``head_channels`` channels, or, where that is null, ``heads`` heads. ``attention_order`` is
    how the rows of the query-key-value projection are arranged. ``learn_sigma`` adds the variance to the output.
    """

    method: Literal["adm"]
    head_channels: Annotated[Int, Field(ge=1)] | None
    classes: Annotated[Int, Field(ge=0)] = 0
    heads: Annotated[Int, Field(ge=1)] = 1
    learn_sigma: Bool = True
    attention_order: Literal["qkv-first", "heads-first"] = "qkv-first"

    @property
    def predicts_variance(self) -> bool:
        return self.learn_sigma

    @property
    def num_classes(self) -> int:
        return self.classes

    @model_validator(mode="after")
    def _heads_divide_the_channels(self) -> Self:
        if self.head_channels is not None:
            check_heads(self.channels, self.multipliers, self.head_channels)
        elif any(self.channels * multiplier % self.heads for multiplier in self.multipliers):
            widths = [self.channels * multiplier for multiplier in self.multipliers]
            raise ValueError(f"heads: {self.heads} does not divide all of the widths {widths}")
        return self

"""Settings of the DDPM U-Net."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from stages.config.networks import UNetSettings, check_groups
from stages.config.sections import Int


class DdpmSettings(UNetSettings):
    """Settings of the DDPM U-Net; ``groups`` are those of its norms, 32 as published."""

    method: Literal["ddpm"]
    groups: Annotated[Int, Field(ge=1)]

    @model_validator(mode="after")
    def _groups_hold_two_channels(self) -> Self:
        check_groups(self.channels, self.groups)
        return self

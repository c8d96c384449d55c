"""Sections of fixes: what is done against exposure bias while sampling, and what the published tables call it."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from stages.sections.base import Int, Method

# In place of a number: the paper's own value for the data set and step count, which the plan looks up.
PUBLISHED = "published"


def _number_or_published(value: Any) -> Any:
    if value == PUBLISHED:
        return value
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if isinstance(value, bool) or not isfinite(number):
        raise ValueError(f"a number, or the word {PUBLISHED}")
    return number


LookedUp = Annotated[float | Literal["published"], BeforeValidator(_number_or_published)]


class Fix(Method):
    """What all fixes share; a method is a subclass with its own settings and the module of its name."""

    published: ClassVar[tuple[str, ...]]

    def coordinate(self) -> str:
        """Return the fix as the published tables have it."""
        return self.published[0]

    def looked_up(self) -> list[str]:
        """Return the settings that stand for the paper's own values."""
        return [name for name, value in self.settings().items() if value == PUBLISHED]

    def resolved(self, values: Mapping[str, float]) -> Self:
        """Return the section with numbers in place of what it looks up."""
        return self.model_copy(update=dict(values))


class NoFix(Fix):
    method: Literal["none"]
    published: ClassVar = ("none",)


class EpsilonScaling(Fix):
    method: Literal["epsilon-scaling"]
    b: LookedUp
    k: LookedUp
    published: ClassVar = ("es", "es-linear")

    @model_validator(mode="after")
    def _scales_stay_positive(self) -> Self:
        if self.b != PUBLISHED and float(self.b) <= 0:
            raise ValueError(f"b: {self.b}: must be greater than 0")
        if self.k != PUBLISHED and float(self.k) < 0:
            raise ValueError(f"k: {self.k}: must be 0 or greater")
        return self

    def coordinate(self) -> str:
        return "es" if self.k == 0 else "es-linear"


class TimeShift(Fix):
    method: Literal["time-shift"]
    window: Annotated[Int, Field(ge=0)]
    cutoff: Annotated[Int, Field(ge=0)]
    update_time: Literal["scheduled", "shifted"]
    cutoff_on: Literal["current", "next"]
    published: ClassVar = ("ts",)

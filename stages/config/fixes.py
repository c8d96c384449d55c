"""Sections of fixes: what is done against exposure bias while sampling, and what the published tables call it."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from stages.config.sections import Int, Method

# In place of a number: the paper's own value for the data set and step count, or the one that a search found for this
# model, sampler and step count. The plan looks both up.
PUBLISHED, TUNED = "published", "tuned"


def _number_or_word(value: Any) -> Any:
    if value in (PUBLISHED, TUNED):
        return value
    if isinstance(value, bool | str) or not isinstance(value, int | float) or not isfinite(value):
        raise ValueError(f"a number, or the word {PUBLISHED} or {TUNED}")
    return float(value)


def _time_or_tuned(value: Any) -> Any:
    if value != TUNED and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
        raise ValueError(f"a whole number of 0 or more, or the word {TUNED}")
    return value


LookedUp = Annotated[float | Literal["published", "tuned"], BeforeValidator(_number_or_word)]
Times = Annotated[Int | Literal["tuned"], BeforeValidator(_time_or_tuned)]


class Fix(Method):
    """What all fixes share; a method is a subclass with its own settings and the module of its name."""

    published: ClassVar[tuple[str, ...]]

    @property
    def moves_steps(self) -> bool:
        """Whether steps start or lead elsewhere than the grid says."""
        return False

    def coordinate(self) -> str:
        """Return the fix as the published tables have it."""
        return self.published[0]

    def looked_up(self) -> list[str]:
        """Return the settings that stand for the paper's own values."""
        return [name for name, value in self.settings().items() if value == PUBLISHED]

    def tuned(self) -> list[str]:
        """Return the settings that stand for values that a search found."""
        return [name for name, value in self.settings().items() if value == TUNED]

    def resolved(self, values: Mapping[str, float]) -> Self:
        """Return the section with numbers in place of what it looks up; its own numbers stay."""
        words = {*self.looked_up(), *self.tuned()}
        return self.model_copy(update={name: value for name, value in values.items() if name in words})


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
        if isinstance(self.b, float) and self.b <= 0:
            raise ValueError(f"b: {self.b}: must be greater than 0")
        if isinstance(self.k, float) and self.k < 0:
            raise ValueError(f"k: {self.k}: must be 0 or greater")
        return self

    def coordinate(self) -> str:
        return "es" if self.k == 0 else "es-linear"


class TimeShift(Fix):
    method: Literal["time-shift"]
    window: Times
    cutoff: Times
    update_time: Literal["scheduled", "shifted"]
    cutoff_on: Literal["current", "next"]
    published: ClassVar = ("ts",)

    @property
    def moves_steps(self) -> bool:
        return self.update_time == "shifted"


class ReleasedTimeShift(Fix):
    """What the four released codes of Time-Shift have in common."""

    window: Annotated[Int, Field(ge=0)]
    cutoff: Annotated[Int, Field(ge=0)]
    published: ClassVar = ("ts",)

    @property
    def moves_steps(self) -> bool:
        return True


class TimeShiftA(ReleasedTimeShift):
    method: Literal["time-shift-a"]


class TimeShiftB(ReleasedTimeShift):
    method: Literal["time-shift-b"]


class TimeShiftC(ReleasedTimeShift):
    method: Literal["time-shift-c"]


class TimeShiftD(ReleasedTimeShift):
    method: Literal["time-shift-d"]

    @property
    def moves_steps(self) -> bool:
        return False

"""Base classes of the settings of samplers, fixes and training objectives, and what a time grid says about itself.

A method is one file in a folder of ``stages/methods``. Its settings class stands in that file and subclasses one of the
classes here; ``stages.config.registry`` collects them.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self

from pydantic import BeforeValidator, Field, model_validator

from stages.config.registry import method_module, method_names
from stages.config.sections import Int, Method, Name

# What published numbers may need beyond their coordinates.
GUIDED = "classifier guidance"
CLASSIFIER_FREE = "classifier-free guidance"
FROM_IMAGES = "a start from noised images"

Prediction = Literal["noise", "velocity"]

# In place of a number: the paper's own value for the data set and step count, or the value that a search found for this
# model, sampler and step count. The plan looks both up.
PUBLISHED = "published"
TUNED = "tuned"


class MethodSettings(Method):
    """A section of params.yaml that names a method and sets it."""

    @property
    def module(self) -> str:
        """Name of the module of this method: the file that its settings class stands in."""
        return type(self).__module__.rpartition(".")[2]


class Spacing(NamedTuple):
    """What params.yaml and the published tables need to know about a time grid; each grid's file has one.

    Attributes:
        published: what the published tables call the grid; empty where they print none.
        methods: the sampler methods that the grid is reserved for; empty for all.
        clipped: whether the grid is for samplers that clip x0 only.
    """

    published: str
    methods: tuple[str, ...] = ()
    clipped: bool = False


def spacing_of(name: str) -> Spacing:
    """Return what the time grid of a name says about itself."""
    return method_module("grids", name).SPACING


class SamplerSettings(MethodSettings):
    """Settings that all samplers share; the fields of a subclass are the keywords of its ``sample`` function."""

    spacing: str
    # What the published tables call the method.
    published: ClassVar[tuple[str, ...]]
    # Whether a step may start or lead elsewhere than the grid says.
    follows_shifts: ClassVar[bool] = True

    @property
    def grid_module(self) -> str:
        """Name of the module of its time grid."""
        return self.spacing.replace("-", "_")

    @property
    def clips(self) -> bool:
        """Whether x0 is clipped to [-1, 1] in each step."""
        return False

    @property
    def least_steps(self) -> int:
        """The smallest number of grid times that it can work with."""
        return 1

    def nfe(self, times: int) -> int:
        """Return the number of network evaluations per image along a grid of so many times."""
        return times

    @property
    def takes(self) -> str | None:
        """What it takes besides noise, a key of ``stages.sampling.inputs.INPUTS``; None for nothing."""
        return None

    @property
    def need(self) -> str | None:
        """What published numbers that it stands for need beyond their coordinates."""
        return None

    @property
    def guidance(self) -> float | None:
        """The scale of classifier-free guidance; None without it."""
        return None

    @property
    def needs_variance(self) -> bool:
        """Whether the network must predict a variance too."""
        return False

    def settings(self) -> dict[str, Any]:
        """Return the keywords of the sampler's function."""
        return self.model_dump(exclude={"method", "spacing"})

    def coordinates(self) -> dict[str, str]:
        """Return sampler, spacing and eta as the published tables have them."""
        return {"sampler": self.published[0], "spacing": spacing_of(self.spacing).published, "eta": ""}

    @model_validator(mode="after")
    def _grid_fits(self) -> Self:
        spacings = {name: spacing_of(name) for name in method_names("grids")}
        served = [name for name, grid in spacings.items() if not grid.methods or self.method in grid.methods]
        allowed = [name for name in served if self.clips or not spacings[name].clipped]
        if self.spacing not in allowed:
            # A grid that starts at T - 1 lets an x0 that is not clipped explode under the cosine schedule.
            reason = "is for samplers that clip x0" if self.spacing in served else "is no grid of this sampler"
            raise ValueError(f"spacing: {self.spacing} {reason}; allowed are {', '.join(allowed)}")
        return self


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


# Types of settings that may be looked up: a real number, and a number of training timesteps.
LookedUp = Annotated[float | Literal["published", "tuned"], BeforeValidator(_number_or_word)]
Times = Annotated[Int | Literal["tuned"], BeforeValidator(_time_or_tuned)]


class FixSettings(MethodSettings):
    """Settings that all fixes share; the fields of a subclass are the keywords of its ``make`` function.

    The file of a fix whose settings may be ``tuned`` also has ``search``, which tries values, and ``NEUTRAL``, the
    values of these settings that change nothing; or it names in ``searched_as`` the method whose file has them.
    """

    # What the published tables call the method.
    published: ClassVar[tuple[str, ...]]
    # The method that its values are searched for as; its own where there is none.
    searched_as: ClassVar[str | None] = None

    @property
    def moves_steps(self) -> bool:
        """Whether steps start or lead elsewhere than the grid says."""
        return False

    def coordinate(self) -> str:
        """Return the fix as the published tables have it."""
        return self.published[0]

    def looked_up(self) -> list[str]:
        """Return the names of the settings that stand for the paper's own values."""
        return [name for name, value in self.settings().items() if value == PUBLISHED]

    def tuned(self) -> list[str]:
        """Return the names of the settings that stand for values that a search finds."""
        return [name for name, value in self.settings().items() if value == TUNED]

    def resolved(self, values: Mapping[str, float]) -> Self:
        """Return the section with numbers in place of the words; its own numbers stay."""
        words = {*self.looked_up(), *self.tuned()}
        return self.model_copy(update={name: value for name, value in values.items() if name in words})


class ModelSettings(MethodSettings):
    """A section of a model: a recipe, and the objective that it is trained on.

    The fields of a subclass are the keywords of its ``loss`` function.
    """

    recipe: Name
    # Of its training; the seed of the study where there is none.
    seed: Annotated[Int, Field(ge=0)] | None = None
    # What the published tables call the model.
    published: ClassVar[tuple[str, ...]]
    # The published model that the tables compare this one with.
    base: ClassVar[str]
    trains_variance: ClassVar[bool] = False
    # What the network is trained to predict; samplers take the noise that a velocity stands for.
    predicts: ClassVar[Prediction] = "noise"
    decays_weights: ClassVar[bool] = False

    @property
    def encoded_by(self) -> str | None:
        """Name of the autoencoder whose latents it works on; None for models of pixels."""
        return None

    def settings(self) -> dict[str, float]:
        """Return the keywords of the objective's function."""
        return self.model_dump(exclude={"method", "recipe", "autoencoder", "seed"})

    def coordinate(self) -> str:
        """Return the model as the published tables have it."""
        return self.published[0]

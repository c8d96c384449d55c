"""Sections of samplers: how each is set, how many steps it needs, how often it evaluates the network, what the
published tables call it."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from stages.config.sections import Bool, Float, Method
from stages.diffusion.time_grid import TimeGrid, time_grid

Spacing = Literal["respaced", "uniform", "quadratic", "pndm", "ts-dpm", "ldm"]
# The mean square of a model's predictions, by training time; images to learn from; or a classifier of noised images.
Takes = Literal["moments", "images", "guide"]
GUIDED, CLASSIFIER_FREE = "classifier guidance", "classifier-free guidance"
# How the published tables print a grid that goes by a repository's own convention.
PRINTED = {"pndm": "uniform", "ts-dpm": "uniform"}


class Sampler(Method):
    """What all samplers share; a method is a subclass with its own settings and the module of its name."""

    spacing: str
    published: ClassVar[tuple[str, ...]]
    # Whether a step may start and lead elsewhere than the grid says.
    follows_shifts: ClassVar[bool] = True

    @property
    def grid_module(self) -> str:
        """Name of the module of its grid."""
        return self.spacing.replace("-", "_")

    @property
    def least_steps(self) -> int:
        """The fewest grid steps that keep every evaluation at a time of the schedule."""
        return 1

    def grid(self, steps: int, timesteps: int) -> TimeGrid:
        """Return the time grid of a nominal step count.

        Raises:
            ValueError: the grid does not exist or is too short for this sampler.
        """
        grid = time_grid(self.spacing, steps, timesteps)
        if len(grid.times) < self.least_steps:
            raise ValueError(f"{self.method} needs at least {self.least_steps} grid steps, not {len(grid.times)}")
        return grid

    def nfe(self, grid: TimeGrid) -> int:
        """Return the network evaluations per image along a grid."""
        return len(grid.times)

    @property
    def takes(self) -> Takes | None:
        """What it takes beside noise."""
        return None

    @property
    def need(self) -> str | None:
        """What published numbers need that it stands for, beyond its coordinates."""
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
        """Return what the sampler's function takes as keywords; its grid is told apart."""
        return self.model_dump(exclude={"method", "spacing"})

    def coordinates(self) -> dict[str, str]:
        """Return sampler, spacing and eta as the published tables have them."""
        return {"sampler": self.method, "spacing": PRINTED.get(self.spacing, self.spacing), "eta": ""}


class Ddpm(Sampler):
    """Of ``start: data``, images are noised up to the grid's first time, and the grid is all of the first times."""

    method: Literal["ddpm"]
    spacing: Spacing | Literal["first"]
    variance: Literal["small", "large", "learned"]
    start: Literal["noise", "data"] = "noise"
    published: ClassVar = ("ddpm",)

    @model_validator(mode="after")
    def _images_are_noised_within_the_chain(self) -> Self:
        if (self.start == "data") != (self.spacing == "first"):
            raise ValueError(f"start: {self.start}: spacing: first goes with start: data, all others with noise")
        return self

    @property
    def takes(self) -> Takes | None:
        return "images" if self.start == "data" else None

    @property
    def need(self) -> str | None:
        return "a start from noised images" if self.start == "data" else None

    def settings(self) -> dict[str, Any]:
        return self.model_dump(exclude={"method", "spacing", "start"})

    @property
    def needs_variance(self) -> bool:
        return self.variance == "learned"


class Ddim(Sampler):
    method: Literal["ddim"]
    spacing: Spacing
    eta: Annotated[Float, Field(ge=0, le=1)]
    clip: Bool
    published: ClassVar = ("ddim", "ddim-clipped", "ddpm")

    @model_validator(mode="after")
    def _unclipped_starts_below_the_top(self) -> Self:
        if not self.clip and self.spacing == "respaced":
            # That grid starts at T - 1, where an unclipped x0 of the cosine schedule explodes.
            raise ValueError(
                "spacing: respaced needs clip: true; else allowed are uniform, quadratic, pndm, ts-dpm, ldm"
            )
        return self

    def coordinates(self) -> dict[str, str]:
        """Return its coordinates in published tables; those of the DDPM network call unclipped DDIM at eta 1 DDPM."""
        name = "ddim-clipped" if self.clip else "ddpm" if self.eta == 1 else "ddim"
        return super().coordinates() | {"sampler": name, "eta": f"{self.eta:g}"}


class Pndm(Sampler):
    method: Literal["pndm"]
    spacing: Literal["uniform", "quadratic", "pndm", "ts-dpm"]
    order: Literal[2, 4]
    published: ClassVar = ("s-pndm", "f-pndm")

    @property
    def least_steps(self) -> int:
        return {2: 2, 4: 4}[self.order]

    def nfe(self, grid: TimeGrid) -> int:
        return len(grid.times) + {2: 1, 4: 9}[self.order]

    def coordinates(self) -> dict[str, str]:
        return super().coordinates() | {"sampler": {2: "s-pndm", 4: "f-pndm"}[self.order]}


class DpmSolver(Sampler):
    method: Literal["dpm-solver"]
    spacing: Literal["dpm-solver"]
    published: ClassVar = ("dpm-solver-2",)

    def coordinates(self) -> dict[str, str]:
        return super().coordinates() | {"sampler": "dpm-solver-2", "spacing": ""}


class Deis(Sampler):
    method: Literal["deis"]
    spacing: Literal["deis"]
    order: Literal[2]
    published: ClassVar = ("deis-tab2",)
    follows_shifts: ClassVar = False

    def coordinates(self) -> dict[str, str]:
        return super().coordinates() | {"sampler": "deis-tab2", "spacing": ""}


class AnalyticDdim(Sampler):
    method: Literal["analytic-ddim"]
    spacing: Literal["respaced"]
    published: ClassVar = ("analytic-ddim",)

    @property
    def takes(self) -> Takes:
        return "moments"

    def coordinates(self) -> dict[str, str]:
        return super().coordinates() | {"spacing": "", "eta": "0"}


class Guided(Sampler):
    """A sampler that a classifier guides to labels; at scale 0 it is the one of its module."""

    spacing: Spacing
    scale: Annotated[Float, Field(ge=0)]

    @property
    def takes(self) -> Takes:
        return "guide"

    @property
    def need(self) -> str:
        return GUIDED


class GuidedDdpm(Guided):
    method: Literal["guided-ddpm"]
    variance: Literal["small", "large", "learned"]
    published: ClassVar = ("ddpm",)

    @property
    def module(self) -> str:
        return "ddpm"

    @property
    def needs_variance(self) -> bool:
        return self.variance == "learned"

    @property
    def least_steps(self) -> int:
        return 1 if self.variance == "small" else 2

    def coordinates(self) -> dict[str, str]:
        return super().coordinates() | {"sampler": "ddpm"}


class GuidedDdim(Guided):
    method: Literal["guided-ddim"]
    eta: Annotated[Float, Field(ge=0, le=1)]
    published: ClassVar = ("ddim-clipped",)

    @property
    def module(self) -> str:
        return "ddim"

    def settings(self) -> dict[str, Any]:
        return super().settings() | {"clip": True}

    def coordinates(self) -> dict[str, str]:
        return super().coordinates() | {"sampler": "ddim-clipped", "eta": f"{self.eta:g}"}


class CfgDdim(Sampler):
    """DDIM along the predictions of classifier-free guidance: scale 1 is the conditional model, 0 the unconditional."""

    method: Literal["cfg-ddim"]
    spacing: Literal["uniform", "quadratic", "pndm", "ts-dpm", "ldm"]
    eta: Annotated[Float, Field(ge=0, le=1)]
    scale: Annotated[Float, Field(ge=0)]
    published: ClassVar = ("ddim", "ddpm")

    @property
    def module(self) -> str:
        return "ddim"

    @property
    def need(self) -> str:
        return CLASSIFIER_FREE

    @property
    def guidance(self) -> float:
        return self.scale

    def nfe(self, grid: TimeGrid) -> int:
        return 2 * len(grid.times)

    def settings(self) -> dict[str, Any]:
        return {"eta": self.eta}

    def coordinates(self) -> dict[str, str]:
        return super().coordinates() | {"sampler": "ddpm" if self.eta == 1 else "ddim", "eta": f"{self.eta:g}"}

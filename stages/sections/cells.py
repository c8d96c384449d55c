"""The plan's entries: one per cell and one per model, as cells.yaml holds them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from stages.sections.base import Int, Name, Section


class Cell(Section):
    """One cell: names of params sections, a step count, and the modules that do the work.

    ``input`` is the file under data/ that its sampler takes beside noise; the model's where it takes none. ``values``
    are the settings of its fix that the plan looked up, in the published tables or in tuned.yaml.
    """

    model: Name
    sampler: Name
    fix: Name
    steps: Annotated[Int, Field(ge=1)]
    network: str
    first_stage: str
    sampler_module: str
    grid_module: str
    fix_module: str
    input: str
    values: dict[str, int | float]

    @property
    def key(self) -> str:
        """What names its files and its DVC stages; derived, never parsed."""
        return f"{self.model}-{self.sampler}-{self.fix}-{self.steps}"

    @property
    def axes(self) -> dict[str, str | int]:
        """Its place on the four axes."""
        return {"model": self.model, "sampler": self.sampler, "fix": self.fix, "steps": self.steps}


class Searched(Section):
    """One cell's entry in tuned.yaml: the values found, and every trial behind them.

    ``settings`` is a digest of all that the trials were made with.
    """

    values: dict[str, int | float]
    settings: str
    trials: list[dict[str, int | float | bool]]


class PlannedModel(Section):
    """One model to train: its recipe, modules of its variant, network and first stage, and when its weights are kept.

    ``input`` is the file under data/ of its autoencoder; the data set where it has none. ``reverse_steps`` are the
    deterministic chains that its diagnosis walks back.
    """

    recipe: Name
    variant: str
    network: str
    first_stage: str
    input: str
    reverse_steps: list[Annotated[Int, Field(ge=1)]]
    keep: list[Annotated[Int, Field(ge=1)]]


class PlannedAutoencoder(Section):
    """One autoencoder to train: the module of its network."""

    first_stage: str

"""Entries of the plan for each stage: one per model, autoencoder and cell, as in cells.json."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from stages.config.sections import Int, Name, Section


class Cell(Section):
    """One cell: names of params sections, a step count, and the modules that do the work.

    ``input`` is the file under data/ that its sampler takes besides noise, or the model's if it takes none. ``values``
    are the settings of its fix that the plan looked up in the published tables or in tuned.yaml.
    """

    model: Name
    sampler: Name
    fix: Name
    steps: Annotated[Int, Field(ge=1)]
    network: str
    autoencoder: str
    sampler_module: str
    grid_module: str
    fix_module: str
    input: str
    values: dict[str, int | float]

    @property
    def key(self) -> str:
        """The name in its files and its DVC stages; never parsed."""
        return f"{self.model}-{self.sampler}-{self.fix}-{self.steps}"

    @property
    def axes(self) -> dict[str, str | int]:
        """Its coordinates on the four axes."""
        return {"model": self.model, "sampler": self.sampler, "fix": self.fix, "steps": self.steps}


# Where the best value of a setting lies in the range that was searched. Off: without the fix FID is as low, or lower.
# Below the range: it is, at a value below those that the paper looks at. At an edge, values beyond it were not tried.
Place = Literal["inside", "lower edge", "upper edge", "off", "below the range"]


class Searched(Section):
    """One cell's entry in tuned.yaml: the values found, where each lies in its range, and all trials.

    ``settings`` is a digest of all settings of the trials. ``places`` is empty in entries of before it was recorded.
    """

    values: dict[str, int | float]
    places: dict[str, Place] = Field(default_factory=dict)
    settings: str
    trials: list[dict[str, int | float | bool]]


class PlannedModel(Section):
    """One model to train: its recipe, and the modules of its objective, network and autoencoder.

    ``input`` is the file under data/ of its autoencoder, or the data set if it has none. ``reverse_steps`` are the step
    counts of the deterministic chains that its diagnosis reverses, ``keep`` the iterations of its EMA snapshots.
    """

    recipe: Name
    objective: str
    network: str
    autoencoder: str
    input: str
    reverse_steps: list[Annotated[Int, Field(ge=1)]]
    keep: list[Annotated[Int, Field(ge=1)]]


class PlannedAutoencoder(Section):
    """One autoencoder to train: the module of its network."""

    autoencoder: str


class Planned(Section):
    """The entries of each stage that dvc.yaml repeats, by name; each field has the name of its stage.

    ``evaluate`` runs once for each entry of ``sample``. ``dataset`` and ``feature_network`` are modules that the other
    stages find by name. ``images`` is the file or folder that the data set is read from, or the registry of data sets
    where params.yaml names none.
    """

    dataset: str
    images: str
    feature_network: str
    autoencoder: dict[str, PlannedAutoencoder]
    train: dict[str, PlannedModel]
    moments: dict[str, PlannedModel]
    diagnose: dict[str, PlannedModel]
    guide: dict[str, PlannedModel]
    sample: dict[str, Cell]
    trajectory: dict[str, Cell]

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

    ``input`` is the file under data/ of its autoencoder, or the data set if it has none. ``keep`` are the iterations of
    its EMA snapshots.
    """

    recipe: Name
    objective: str
    network: str
    autoencoder: str
    input: str
    keep: list[Annotated[Int, Field(ge=1)]]


class PlannedScaling(Section):
    """Epsilon Scaling in the diagnosis of a model: by the values of a cell of the plan.

    ``sampler`` is the name that the diagnosis has for the cell's sampler; ``values`` are those that the plan looked up.
    """

    sampler: str
    steps: Annotated[Int, Field(ge=1)]
    values: dict[str, int | float]


class PlannedDiagnosis(Section):
    """One model to diagnose.

    ``guide`` is the file under data/ of the classifier that guides it, or the model's own if none does. ``fix`` and
    ``guided`` are the params sections of Epsilon Scaling and of the guided sampler; where the plan has no cell of these
    for the model, they are the section ``diagnose``, which has no part in it. ``reverse_steps`` are the step counts of
    the deterministic chains that are reversed, ``pair_steps`` those of the chains that pairs of images are shown of.
    """

    network: str
    autoencoder: str
    guide: str
    fix: Name
    guided: Name
    reverse_steps: list[Annotated[Int, Field(ge=1)]]
    pair_steps: list[Annotated[Int, Field(ge=1)]]
    scalings: list[PlannedScaling]


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
    diagnose: dict[str, PlannedDiagnosis]
    guide: dict[str, PlannedModel]
    sample: dict[str, Cell]
    trajectory: dict[str, Cell]

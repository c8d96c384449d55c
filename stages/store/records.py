"""Records of results, and logs of runs.

A record is typed, carries a digest of its content, and names by sha256 the files that it describes and those that they
were made from. What differs between machines (times, devices, versions) is logged apart, so that a reproduction leaves
every record as it is.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from stages.config.errors import InputError
from stages.config.fixed import Diagnose, Evaluate, Labels
from stages.config.params import Extractor
from stages.config.sections import Float, Int, Name, Section, Sha256
from stages.store.files import read_json, write_json
from stages.store.paths import RUNS

R = TypeVar("R", bound=BaseModel)
Count = Annotated[Int, Field(ge=0)]
Shape = tuple[Count, Count, Count]


class DatasetRecord(Section):
    """The data set; ``shape`` is height, width, channels."""

    dataset: Name
    n: Count
    shape: Shape
    source: str
    sha256: Sha256
    preview_sha256: Sha256


class ExtractorRecord(Section):
    """The feature network; if it was trained here, with its accuracy on test images."""

    network: str
    extractor: Extractor
    sha256: Sha256
    dataset_sha256: Sha256
    test_accuracy: Float | None = None
    n_test: Count | None = None
    n_train: Count | None = None


class Splits(Section):
    """FID of real images by how they are drawn and what they are compared with: means over random draws.

    Attributes:
        count: how many draws; the first is the floor's.
        mean: against the remaining images, with the least and the greatest, ``low`` and ``high``.
        balanced: the same for draws that keep the shares of the classes.
        whole: of the random draws against all images, as cells are; these have the drawn ones among them.
        labelled: the same for draws with the labels of class-conditional cells, None if a class has too few images.
    """

    count: Count
    mean: Float
    low: Float
    high: Float
    balanced: Float
    whole: Float
    labelled: Float | None


class Floor(Section):
    """The scores of real images against other real images, by metric, and how FID varies with the split."""

    model_config = ConfigDict(extra="allow", frozen=True)
    __pydantic_extra__: dict[str, Float] = Field(init=False)  # pyright: ignore

    n_fake: Count
    n_real: Count
    splits: Splits


class ReferenceRecord(Section):
    """The real images of all scores, the number of generated images per score, and the section ``evaluate``."""

    reference: Name
    n_real: Count
    n_fake: Count
    evaluate: Evaluate
    shape: Shape
    sha256: Sha256
    dataset_sha256: Sha256
    network_sha256: Sha256
    floor: Floor | None


class AutoencoderRecord(Section):
    """A trained autoencoder: its mean squared error over all images in [-1, 1], and that of the mean image."""

    autoencoder: Name
    section: dict[str, Any]
    seed: Count
    n: Count
    parameters: Count
    scale: Annotated[Float, Field(gt=0)]
    mse: Float
    mean_image_mse: Float
    sha256: Sha256
    dataset_sha256: Sha256


# The share of the initial weights above which an EMA has not warmed up.
COLD_EMA = 0.01


class ModelRecord(Section):
    """A trained model: all settings of its training, and its losses during training.

    ``initial_share`` is that of the initial weights in the EMA, decay^updates, which has no bias correction; None where
    training starts from pretrained weights. ``input_sha256`` is the digest of its autoencoder, or of the data set if it
    has none.
    """

    model: Name
    parameters: Count
    losses: list[dict[str, Float]]
    initial_share: Annotated[Float, Field(ge=0, le=1)] | None
    training: dict[str, Any]
    sha256: Sha256
    snapshot_sha256: Sha256
    dataset_sha256: Sha256
    input_sha256: Sha256

    @property
    def has_cold_ema(self) -> bool:
        """Whether the weights are still those before training to a share that shows in samples."""
        return self.initial_share is not None and self.initial_share > COLD_EMA

    @model_validator(mode="after")
    def _losses_to_the_end(self) -> Self:
        # Pretrained weights that are not trained further have no losses.
        ends = (self.losses[-1].get("iteration") if self.losses else 0) == self.training.get("iterations")
        if not ends or any(entry.keys() != self.losses[0].keys() for entry in self.losses):
            raise ValueError("losses: not of the run that training describes")
        return self


class MomentsRecord(Section):
    """The estimate of the mean square of a model's noise predictions by training time, over ``images`` images."""

    model: Name
    images: Count
    seed: Count
    precision: str
    sha256: Sha256
    model_sha256: Sha256
    dataset_sha256: Sha256


class Score(Section):
    """A score with the margin of its 95 % interval."""

    value: Float
    margin: Float


class ReverseError(Score):
    """The distance of images from their reconstructions by a deterministic chain of ``steps`` steps."""

    steps: Count
    n: Count


class AgainstFormula(Score):
    """A measured value, and the value of the formula."""

    formula: Float


class Curve(Section):
    """Values of a measure along a chain; the fix ``control`` marks the values that others are compared with.

    Margins are half the widths of 95 % intervals over images; None for measures without intervals.
    """

    measure: str
    sampler: str
    steps: Count
    fix: str
    at: list[Float]
    values: list[Float]
    margins: list[Annotated[Float, Field(ge=0)]] | None

    @model_validator(mode="before")
    @classmethod
    def _values_are_finite(cls, curve: Any) -> Any:
        if not isinstance(curve, dict):
            return curve
        for name in ("values", "margins"):
            found = curve.get(name)
            if isinstance(found, list) and any(isinstance(each, float) and not math.isfinite(each) for each in found):
                chain = f"the {curve.get('sampler')} chain under {curve.get('fix')}"
                raise InputError(
                    f"{curve.get('measure')} of {chain} is not finite; check the params of the fix and of the model"
                )
        return curve

    @model_validator(mode="after")
    def _a_value_each(self) -> Self:
        if len(self.at) != len(self.values):
            raise ValueError(f"values: {len(self.values)} at {len(self.at)} places")
        if self.margins is not None and len(self.margins) != len(self.values):
            raise ValueError(f"margins: {len(self.margins)} of {len(self.values)} values")
        return self


class DiagnosisRecord(Section):
    """The diagnosis of a model, with its settings and the checksums of its inputs.

    ``scalings`` are the settings of Epsilon Scaling by sampler and steps, ``guided`` those of the guided sampler.
    ``reverse`` is delta_bar of deterministic chains; ``formulas`` is ES Table 1 at the training time ``formulas_at``.
    ``images_sha256`` is the digest of the file of the images that it shows.
    """

    model: Name
    diagnose: Diagnose
    seed: Count
    precision: str
    scalings: dict[str, dict[str, Float]]
    guided: dict[str, Any] | None
    model_sha256: Sha256
    guide_sha256: Sha256
    dataset_sha256: Sha256
    images_sha256: Sha256
    reverse: list[ReverseError]
    formulas: dict[Literal["training_mean", "training_variance", "sampling_mean", "sampling_variance"], AgainstFormula]
    formulas_at: Count
    curves: list[Curve]


class GuideRecord(Section):
    """The classifier that guides a model: its training, and its accuracy on test images by training time."""

    model: Name
    parameters: Count
    classes: Count
    iterations: Count
    loss: Float
    accuracy: dict[str, Float]
    n_test: Count
    n_train: Count
    training: dict[str, Any]
    sha256: Sha256
    dataset_sha256: Sha256


class CellRecord(Section):
    """A record of one cell."""

    model: Name
    sampler: Name
    fix: Name
    steps: Count


class DrawnRecord(CellRecord):
    """How the images of a cell were drawn; ``labels`` is how theirs were chosen, None for images without labels."""

    n: Count
    precision: str
    labels: Labels | None
    seed: Count
    sampler_params: dict[str, Any]
    fix_params: dict[str, Any]
    model_sha256: Sha256


class SampleRecord(DrawnRecord):
    """A cell's images; ``input_sha256`` is the digest of the file of what its sampler takes besides noise."""

    nfe: Count
    timesteps: list[Count | Annotated[Float, Field(ge=0)]]
    input_sha256: Sha256
    sha256: Sha256
    preview_sha256: Sha256


class Distance(Score):
    """A score of a set of images, such as a Frechet distance, with its jackknife replicates."""

    replicates: list[Float]


class ScoreRecord(CellRecord):
    """The scores of a cell's images by metric, and how they were measured."""

    model_config = ConfigDict(extra="allow", frozen=True)
    __pydantic_extra__: dict[str, Distance | Score] = Field(init=False)  # pyright: ignore

    n_fake: Count
    n_real: Count
    reference: Name
    feature_network: str
    evaluate: Evaluate
    samples_sha256: Sha256
    reference_sha256: Sha256
    fid: Distance

    @model_validator(mode="after")
    def _one_replicate_a_group(self) -> Self:
        for name in ("fid", *(self.__pydantic_extra__ or {})):
            found = getattr(self, name)
            if isinstance(found, Distance) and len(found.replicates) != self.evaluate.jackknife_groups:
                raise ValueError(f"{name}: {len(found.replicates)} replicates")
        return self


class TrajectoryPoint(Distance):
    """FID of the EMA snapshot after ``iteration`` iterations of training."""

    iteration: Count


class TrajectoryRecord(DrawnRecord):
    """FID against training iterations, how the snapshots were sampled and how the images were scored."""

    evaluate: Evaluate
    snapshot_sha256: Sha256
    reference_sha256: Sha256
    network_sha256: Sha256
    points: Annotated[list[TrajectoryPoint], Field(min_length=1)]

    @model_validator(mode="after")
    def _points_in_order(self) -> Self:
        iterations = [point.iteration for point in self.points]
        groups = {len(point.replicates) for point in self.points}
        if iterations != sorted(set(iterations)) or groups != {self.evaluate.jackknife_groups}:
            raise ValueError("points: not in order, or with another number of replicates")
        return self


def write_record(path: Path, record: BaseModel) -> None:
    """Write a record."""
    write_json(path, record.model_dump(mode="json"))


def read_record(path: Path, kind: type[R]) -> R:
    """Return the record of one kind that a file holds.

    Raises:
        InputError: the file is missing, damaged, or of another kind or version.
    """
    try:
        return kind.model_validate(read_json(path))
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = ".".join(map(str, fault["loc"]))
        raise InputError(
            f"{path}: no record of this kind ({where}: {fault['msg'].lower()}); delete it and run dvc repro"
        ) from None


def log_run(name: str, started: float) -> None:
    """Write the log of a stage that started at ``started`` of the monotonic clock; DVC does not track it."""
    import torch

    from stages.config.runtime import pick_device, versions

    write_json(
        RUNS / f"{name}.json",
        {
            "seconds": round(time.monotonic() - started, 1),
            "device": str(pick_device()),
            "threads": torch.get_num_threads(),
            "versions": versions("numpy"),
        },
    )


def read_environments(names: Iterable[str]) -> list[dict[str, Any]]:
    """Return the distinct devices and versions in the logs of these runs; empty if none of them ran here."""
    paths = [RUNS / f"{name}.json" for name in names]
    logs = [read_json(path) for path in paths if path.is_file()]
    found = {tuple(sorted({"device": log["device"], **log["versions"]}.items())) for log in logs}
    return [dict(environment) for environment in sorted(found)]

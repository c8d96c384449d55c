"""Provenance: every record must match the current params and the checksums of its inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel

from stages.config.entries import Cell, Planned
from stages.config.params import Params
from stages.store.paths import (
    DATA,
    DATASET,
    autoencoder_path,
    diagnosis_images_path,
    guide_path,
    model_path,
    moments_path,
    preview_path,
)
from stages.store.records import (
    AutoencoderRecord,
    DatasetRecord,
    DiagnosisRecord,
    ExtractorRecord,
    GuideRecord,
    ModelRecord,
    MomentsRecord,
    ReferenceRecord,
    SampleRecord,
    ScoreRecord,
    TrajectoryRecord,
)


@dataclass(frozen=True)
class Results:
    """The records of everything that is planned.

    ``samples``, ``scores`` and ``previews`` are by cell, ``autoencoders`` by their names, all others by model.
    ``previews`` holds the checksum of each preview; that of the real images is ``real``. ``diagnosis_images`` holds
    those of the images of each diagnosis.
    """

    dataset: DatasetRecord
    extractor: ExtractorRecord
    reference: ReferenceRecord
    autoencoders: dict[str, AutoencoderRecord]
    models: dict[str, ModelRecord]
    moments: dict[str, MomentsRecord]
    guides: dict[str, GuideRecord]
    samples: dict[str, SampleRecord]
    scores: dict[str, ScoreRecord]
    diagnoses: dict[str, DiagnosisRecord]
    trajectories: dict[str, TrajectoryRecord]
    previews: dict[str, str]
    diagnosis_images: dict[str, str]


class Mismatch(NamedTuple):
    """A record that is not of the current params or inputs: what differs, and the stage that wrote it."""

    line: str
    stage: str


def provenance_mismatches(results: Results, params: Params, planned: Planned) -> Iterator[Mismatch]:
    """Yield one entry for each record that does not match the current params or the checksums of its inputs."""
    dataset = results.dataset
    extractor = results.extractor
    reference = results.reference
    inputs = _input_checksums(results)

    yield from _mismatches("dataset", "prepare", dataset, {"dataset": params.prepare.dataset})
    yield from _mismatches(
        "extractor", "extractor", extractor, {"extractor": params.extractor, "dataset_sha256": dataset.sha256}
    )
    expected: dict[str, Any] = {
        "reference": dataset.dataset,
        "n_fake": params.sample.n,
        "evaluate": params.evaluate,
        "dataset_sha256": dataset.sha256,
        "network_sha256": extractor.sha256,
    }
    yield from _mismatches("reference", "reference", reference, expected)

    for name, autoencoder in results.autoencoders.items():
        expected = {
            "section": params.autoencoders[name].model_dump(),
            "seed": params.seed,
            "dataset_sha256": dataset.sha256,
        }
        yield from _mismatches(f"autoencoder {name}", f"autoencoder@{name}", autoencoder, expected)
    for name, model in results.models.items():
        expected = {
            "model": name,
            "training": params.training(name),
            "dataset_sha256": dataset.sha256,
            "input_sha256": inputs[planned.train[name].input],
        }
        yield from _mismatches(f"model {name}", f"train@{name}", model, expected)
    for name, diagnosis in results.diagnoses.items():
        expected = {
            "model": name,
            "diagnose": params.diagnose,
            "seed": params.seed,
            "precision": params.sample.precision,
            "model_sha256": results.models[name].sha256,
            "guide_sha256": inputs[planned.diagnose[name].guide],
            "dataset_sha256": dataset.sha256,
        }
        yield from _mismatches(f"diagnosis of {name}", f"diagnose@{name}", diagnosis, expected)
    for name, moments in results.moments.items():
        expected = {
            "model": name,
            "images": params.moments.images,
            "seed": params.seed,
            "precision": params.sample.precision,
            "model_sha256": results.models[name].sha256,
            "dataset_sha256": dataset.sha256,
        }
        yield from _mismatches(f"moments of {name}", f"moments@{name}", moments, expected)
    for name, guide in results.guides.items():
        expected = {"model": name, "training": params.guiding(name), "dataset_sha256": dataset.sha256}
        yield from _mismatches(f"guide of {name}", f"guide@{name}", guide, expected)

    for key, cell in planned.sample.items():
        sample = results.samples[key]
        expected = {**_sampling(cell, params, results), "input_sha256": inputs[cell.input]}
        yield from _mismatches(f"images of {key}", f"sample@{key}", sample, expected)
        expected = {
            **cell.axes,
            "n_fake": params.sample.n,
            "evaluate": params.evaluate,
            "reference": dataset.dataset,
            "n_real": reference.n_real,
            "reference_sha256": reference.sha256,
            "samples_sha256": sample.sha256,
        }
        yield from _mismatches(f"scores of {key}", f"evaluate@{key}", results.scores[key], expected)
    for name, cell in planned.trajectory.items():
        expected = {
            **_sampling(cell, params, results),
            "evaluate": params.evaluate,
            "snapshot_sha256": results.models[name].snapshot_sha256,
            "reference_sha256": reference.sha256,
            "network_sha256": extractor.sha256,
        }
        yield from _mismatches(f"trajectory of {name}", f"trajectory@{name}", results.trajectories[name], expected)

    recorded = {"real": dataset.preview_sha256}
    recorded |= {key: sample.preview_sha256 for key, sample in results.samples.items()}
    for key, checksum in recorded.items():
        if results.previews[key] != checksum:
            stage = "prepare" if key == "real" else f"sample@{key}"
            yield Mismatch(f"{preview_path(key)}: not the picture of these images", stage)
    for name, diagnosis in results.diagnoses.items():
        if results.diagnosis_images[name] != diagnosis.images_sha256:
            yield Mismatch(f"{diagnosis_images_path(name)}: not the images of this diagnosis", f"diagnose@{name}")


def _input_checksums(results: Results) -> dict[str, str]:
    """Return the recorded checksums of the files that the plan names as inputs, by their paths under data/."""
    files = {DATASET: results.dataset.sha256}
    files |= {autoencoder_path(name): record.sha256 for name, record in results.autoencoders.items()}
    files |= {model_path(name): record.sha256 for name, record in results.models.items()}
    files |= {moments_path(name): record.sha256 for name, record in results.moments.items()}
    files |= {guide_path(name): record.sha256 for name, record in results.guides.items()}
    return {Path(path).relative_to(DATA).as_posix(): checksum for path, checksum in files.items()}


def _sampling(cell: Cell, params: Params, results: Results) -> dict[str, Any]:
    """Return the expected fields of the record of images sampled for a cell."""
    return {
        **cell.axes,
        **params.sample.model_dump(),
        "labels": params.labels(cell),
        "seed": params.seed,
        "sampler_params": params.samplers[cell.sampler].model_dump(),
        "fix_params": params.fixes[cell.fix].resolved(cell.values).model_dump(),
        "model_sha256": results.models[cell.model].sha256,
    }


def _mismatches(name: str, stage: str, record: BaseModel, expected: Mapping[str, Any]) -> Iterator[Mismatch]:
    """Yield an entry about the first field of a record that is not as expected."""
    for field, value in expected.items():
        found = getattr(record, field)
        if found != value:
            yield Mismatch(f"{name}: {_first_difference(field, found, value)}", stage)
            return


def _first_difference(name: str, found: Any, expected: Any) -> str:
    """Return what differs first between two values, down to the innermost key."""
    if isinstance(found, BaseModel) and isinstance(expected, BaseModel):
        return _first_difference(name, found.model_dump(), expected.model_dump())
    if isinstance(found, Mapping) and isinstance(expected, Mapping):
        for key in {**expected, **found}:
            if found.get(key) != expected.get(key):
                return _first_difference(str(key), found.get(key), expected.get(key))
        return name
    if name.endswith("sha256"):
        return f"made with another {name.removesuffix('_sha256')} than the one whose record is here"
    return f"made with {name} = {found!r}, now {expected!r}"

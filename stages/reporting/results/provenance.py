"""Whether results belong together: made with the params of now, and each from the files that the others tell of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel

from stages.config.entries import Cell
from stages.config.params import Params
from stages.store.record_types import (
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


class Results(NamedTuple):
    """The records of a study; ``samples`` and ``scores`` by cell, ``autoencoders`` by their names, others by model."""

    dataset: DatasetRecord
    extractor: ExtractorRecord
    reference: ReferenceRecord
    models: dict[str, ModelRecord]
    samples: dict[str, SampleRecord]
    scores: dict[str, ScoreRecord]
    diagnoses: dict[str, DiagnosisRecord]
    trajectories: dict[str, TrajectoryRecord]
    moments: dict[str, MomentsRecord]
    guides: dict[str, GuideRecord]
    autoencoders: dict[str, AutoencoderRecord]


def strangers(
    results: Results, params: Params, cells: Mapping[str, Cell], followed: Mapping[str, Cell]
) -> Iterator[str]:
    """Yield what in the results is of another study, other params or other files, a line each."""
    data, extractor, reference = results.dataset, results.extractor, results.reference
    yield from _unlike("dataset", {"dataset": params.prepare.dataset}, data)
    yield from _unlike("extractor", {"extractor": params.extractor, "dataset_sha256": data.sha256}, extractor)
    made = {"reference": data.dataset, "dataset_sha256": data.sha256, "network_sha256": extractor.sha256}
    yield from _unlike("reference", made, reference)
    yield from _trained(results, params)
    for name, diagnosis in results.diagnoses.items():
        made = {
            "model": name, "diagnose": params.diagnose, "seed": params.seed, "precision": params.sample.precision,
            "model_sha256": results.models[name].sha256, "dataset_sha256": data.sha256,
        }  # fmt: skip
        yield from _unlike(f"diagnosis of {name}", made, diagnosis)
    for name, moments in results.moments.items():
        yield from _unlike(f"moments of {name}", _moments(name, params, results), moments)
    for name, guide in results.guides.items():
        made = {"model": name, "training": params.guiding(name), "dataset_sha256": data.sha256}
        yield from _unlike(f"guide of {name}", made, guide)
    for key, cell in cells.items():
        yield from _unlike(f"images of {key}", _imaging(cell, params, results), results.samples[key])
        made = {
            **cell.axes, "n_fake": params.sample.n, "evaluate": params.evaluate, "reference": data.dataset,
            "n_real": reference.n_real, "reference_sha256": reference.sha256,
            "samples_sha256": results.samples[key].sha256,
        }  # fmt: skip
        yield from _unlike(f"scores of {key}", made, results.scores[key])
    for name, cell in followed.items():
        yield from _unlike(f"trajectory of {name}", _following(cell, params, results), results.trajectories[name])


def _trained(results: Results, params: Params) -> Iterator[str]:
    """Yield what is wrong with autoencoders and models."""
    data = results.dataset
    for name, autoencoder in results.autoencoders.items():
        made = {"section": params.autoencoders[name].model_dump(), "seed": params.seed, "dataset_sha256": data.sha256}
        yield from _unlike(f"autoencoder {name}", made, autoencoder)
    for name, model in results.models.items():
        encoder = params.models[name].encoded_by
        made = {
            "model": name, "training": params.training(name), "dataset_sha256": data.sha256,
            "input_sha256": results.autoencoders[encoder].sha256 if encoder else data.sha256,
        }  # fmt: skip
        yield from _unlike(f"model {name}", made, model)


def _moments(name: str, params: Params, results: Results) -> dict[str, Any]:
    return {
        "model": name, "images": params.moments.images, "seed": params.seed, "precision": params.sample.precision,
        "model_sha256": results.models[name].sha256, "dataset_sha256": results.dataset.sha256,
    }  # fmt: skip


def _input(cell: Cell, params: Params, results: Results) -> str:
    """Return the digest of what a cell's sampler takes beside noise."""
    takes = params.samplers[cell.sampler].takes
    if takes == "images":
        return results.dataset.sha256
    return {None: results.models, "moments": results.moments, "guide": results.guides}[takes][cell.model].sha256


def _sampling(cell: Cell, params: Params, results: Results) -> dict[str, Any]:
    return {
        **cell.axes, **params.sample.model_dump(), "seed": params.seed,
        "sampler_params": params.samplers[cell.sampler].model_dump(),
        "fix_params": params.fixes[cell.fix].resolved(cell.values).model_dump(),
        "model_sha256": results.models[cell.model].sha256,
    }  # fmt: skip


def _imaging(cell: Cell, params: Params, results: Results) -> dict[str, Any]:
    return {**_sampling(cell, params, results), "input_sha256": _input(cell, params, results)}


def _following(cell: Cell, params: Params, results: Results) -> dict[str, Any]:
    return {
        **_sampling(cell, params, results), "evaluate": params.evaluate,
        "kept_sha256": results.models[cell.model].kept_sha256, "reference_sha256": results.reference.sha256,
        "network_sha256": results.extractor.sha256,
    }  # fmt: skip


def _unlike(what: str, expected: Mapping[str, Any], record: Any) -> Iterator[str]:
    for name, value in expected.items():
        if (found := getattr(record, name)) != value:
            yield f"{what}: {_first_difference(name, found, value)}"
            return


def _first_difference(name: str, found: Any, expected: Any) -> str:
    if isinstance(found, BaseModel) and isinstance(expected, BaseModel):
        return _first_difference(name, found.model_dump(), expected.model_dump())
    if isinstance(found, Mapping) and isinstance(expected, Mapping):
        key = next((key for key in {**expected, **found} if found.get(key) != expected.get(key)), None)
        return _first_difference(str(key), found.get(key), expected.get(key)) if key is not None else name
    if name.endswith("sha256"):
        return f"made with another {name.removesuffix('_sha256')} than the one whose record is here"
    return f"made with {name} = {found!r}, now {expected!r}"

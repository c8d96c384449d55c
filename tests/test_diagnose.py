"""The diagnosis of a model: its record, equal bytes, no trace of the batch size, faults in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stages.__main__ import main
from stages.store.files import read_npz, sha256
from stages.store.paths import DATASET, diagnosis_images_path, diagnosis_path
from stages.store.records import DiagnosisRecord, read_record
from tests.toy import toy_params, write_params, write_study

MODEL = "adm"
RECORD = diagnosis_path(MODEL)


def params(**changes: Any) -> dict[str, Any]:
    """A toy study whose plan has a deterministic chain, and Epsilon Scaling for both samplers of its model."""
    found = toy_params() | {"tables": ["ip-6"], "max_steps": 100}
    found["grid"] = {"models": [MODEL], "samplers": ["ddpm", "ddim"], "fixes": ["es"], "steps": [4, 8]}
    found["ddpm"] |= {"variance": "learned"}
    found["adm-recipe"] |= {"timesteps": 100}
    found["diagnose"] |= {"steps": [4, 8], "cutoff": 30} | changes
    return found


# Measures that go by leaps where a state moves a little.
COUNTED = (
    "shift",
    "chosen",
    "nearest",
    "rejected",
    "histogram",
    "step_shift",
    "window",
    "variance_density",
    "ratio_fit",
)


@pytest.fixture
def trained(project: Path) -> Path:
    write_study(params())
    assert main(["prepare"]) == main(["train", MODEL]) == 0
    return project


def test_record_has_every_measure_whatever_the_batch_size(trained: Path) -> None:
    assert main(["diagnose", MODEL]) == 0
    first, record = RECORD.read_bytes(), read_record(RECORD, DiagnosisRecord)
    assert [(each.steps, each.n) for each in record.reverse] == [(100, 20)]
    assert {curve.measure.partition("_")[0] for curve in record.curves} == {
        "delta",
        "eps",
        "power",
        "nu",
        "rejected",
        "Delta",
        "variance",
        "error",
        "coupling",
        "nearest",
        "shift",
        "chosen",
        "gradient",
        "histogram",
        "step",
        "window",
        "ratio",
        "scaling",
    }
    assert {curve.fix for curve in record.curves} == {"none", "control", "gaussian", "es", "ts"}
    assert {curve.sampler for curve in record.curves} == {"", "ddpm", "ddpm-small", "ddim"}
    assert {curve.steps for curve in record.curves} == {4, 8}
    assert record.scalings == {f"{name} {n}": {"b": 1.017, "k": 0} for name in ("ddpm", "ddim") for n in (4, 8)}
    assert main(["diagnose", MODEL]) == 0
    assert RECORD.read_bytes() == first
    write_study(params() | {"runtime": params()["runtime"] | {"batch_size": 7}})
    assert main(["diagnose", MODEL]) == 0
    again = read_record(RECORD, DiagnosisRecord)
    assert again.reverse[0].value == pytest.approx(record.reverse[0].value, rel=1e-4)
    for before, after in zip(record.curves, again.curves, strict=True):
        if not before.measure.startswith(COUNTED):
            assert after.values == pytest.approx(before.values, rel=1e-2, abs=1e-4), before.measure


def test_images_are_there_to_be_shown(trained: Path) -> None:
    assert main(["diagnose", MODEL]) == 0
    path = diagnosis_images_path(MODEL)
    assert read_record(RECORD, DiagnosisRecord).images_sha256 == sha256(path)
    pairs, steps, states, predicted, times = read_npz(
        path, "pairs", "pairs_steps", "chain_states", "chain_x0", "chain_times"
    )
    assert steps.tolist() == [100]
    assert pairs.shape == (8, 2, 8, 8, 1)
    assert states.shape == predicted.shape == (2, 4, 5, 8, 8, 1)
    assert {array.dtype for array in (pairs, states, predicted)} == {np.dtype(np.uint8)}
    assert times.tolist() == [0, 25, 50, 75]
    (images,) = read_npz(DATASET, "images")
    # As all images they are cut, not rounded, to whole values.
    distances = np.abs(pairs[:, None, 0].astype(int) - images).max(axis=(2, 3, 4))
    assert (distances.min(axis=1) <= 1).all(), "the first of each is an image of the data"


def test_a_class_conditional_model_is_diagnosed_plain_and_guided(project: Path) -> None:
    model = "adm-class"
    study = params() | {"tables": []}
    study["grid"] = {"models": [model], "samplers": ["ddpm", "ddpm-guided"], "fixes": ["none", "es"], "steps": [4]}
    study["ddpm-guided"] |= {"scale": 3.0}
    write_study(study)
    assert main(["prepare"]) == main(["train", model]) == main(["guide", model]) == main(["diagnose", model]) == 0
    record = read_record(diagnosis_path(model), DiagnosisRecord)
    assert record.guided == {"scale": 3.0, "variance": study["ddpm-guided"]["variance"]}
    assert set(record.scalings) == {"ddpm 4", "ddpm-guided 4"}
    found = {(c.measure, c.sampler, c.fix): c.values for c in record.curves}
    for measure in ("delta", "eps_norm", "power"):
        for fix in ("none", "es", "control"):
            assert (measure, "ddpm-guided", fix) in found
        assert found[measure, "ddpm-guided", "none"] != found[measure, "ddpm", "none"]
    write_study(study | {"runtime": study["runtime"] | {"batch_size": 7}})
    assert main(["diagnose", model]) == 0
    again = read_record(diagnosis_path(model), DiagnosisRecord)
    for before, after in zip(record.curves, again.curves, strict=True):
        if not before.measure.startswith(COUNTED):
            assert after.values == pytest.approx(before.values, rel=1e-2, abs=1e-4), before.measure


def test_a_model_that_is_not_diagnosed_is_one_line(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_study(params())
    assert main(["diagnose", "text"]) == 2
    assert "cells.json: 'text' is not diagnosed; allowed are adm" in capsys.readouterr().err


def test_another_seed_is_another_diagnosis(trained: Path) -> None:
    assert main(["diagnose", MODEL]) == 0
    first = read_record(RECORD, DiagnosisRecord)
    write_study(params() | {"seed": 5})
    assert main(["diagnose", MODEL]) == 0
    assert read_record(RECORD, DiagnosisRecord).reverse != first.reverse


def test_steps_that_no_grid_holds_are_one_line(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_params(params(steps=[70]))
    assert main(["diagnose", MODEL]) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("diagnose: ")]
    assert "diagnose.steps: the uniform grid of 100 cannot hold 70 steps" in line


def test_a_damaged_data_set_is_one_line(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    DATASET.write_bytes(DATASET.read_bytes()[:-20])
    assert main(["diagnose", MODEL]) == 2
    assert "dataset.npz" in capsys.readouterr().err
    assert not RECORD.exists()

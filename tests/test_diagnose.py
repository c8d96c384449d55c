"""The diagnosis of a model: its record, equal bytes, no trace of the batch size, faults in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stages.__main__ import main
from stages.store.paths import DATASET, diagnosis_path
from stages.store.records import DiagnosisRecord, read_record
from tests.toy import toy_params, write_params, write_study

MODEL = "adm-ip"
RECORD = diagnosis_path(MODEL)


def params(**changes: Any) -> dict[str, Any]:
    """A toy study whose plan has a deterministic chain, at more training times than these steps."""
    found = toy_params() | {"tables": ["ip-6"], "max_steps": 100}
    found["diagnose"] |= changes
    return found


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
    }
    assert {curve.fix for curve in record.curves} == {"none", "control", "gaussian", "es 0.99", "es 1.01", "ts"}
    assert main(["diagnose", MODEL]) == 0
    assert RECORD.read_bytes() == first
    write_study(params() | {"runtime": params()["runtime"] | {"batch_size": 7}})
    assert main(["diagnose", MODEL]) == 0
    again = read_record(RECORD, DiagnosisRecord)
    assert again.reverse[0].value == pytest.approx(record.reverse[0].value, rel=1e-4)
    for before, after in zip(record.curves, again.curves, strict=True):
        if not before.measure.startswith(("shift", "nearest", "rejected")):
            assert after.values == pytest.approx(before.values, rel=1e-2, abs=1e-4), before.measure


def test_another_seed_is_another_diagnosis(trained: Path) -> None:
    assert main(["diagnose", MODEL]) == 0
    first = read_record(RECORD, DiagnosisRecord)
    write_study(params() | {"seed": 5})
    assert main(["diagnose", MODEL]) == 0
    assert read_record(RECORD, DiagnosisRecord).reverse != first.reverse


def test_steps_that_no_grid_holds_are_one_line(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_params(params(steps=80))
    assert main(["diagnose", MODEL]) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("diagnose: ")]
    assert "diagnose.steps: the uniform grid of 1000 cannot hold 80 steps" in line


def test_a_damaged_data_set_is_one_line(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    DATASET.write_bytes(DATASET.read_bytes()[:-20])
    assert main(["diagnose", MODEL]) == 2
    assert "dataset.npz" in capsys.readouterr().err
    assert not RECORD.exists()

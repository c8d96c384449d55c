"""ES's Table 1 beside what was measured, and a diagnosis in long form."""

from __future__ import annotations

import pytest

from stages.reporting.results.diagnoses import diagnosed_scores, diagnosis_table
from stages.reporting.results.symbolic import formula_settings
from stages.store.record_types import DiagnosisRecord
from tests.reporting.results.studies import committed, edited, rows_of

RECORD = DiagnosisRecord.model_validate({
    "model": "adm", "diagnose": edited().diagnose, "seed": 0, "precision": "fp32", "model_sha256": "0" * 64,
    "dataset_sha256": "0" * 64, "formulas_at": 473,
    "reverse": [{"steps": 100, "value": 0.05, "margin": 0.001, "n": 500}],
    "formulas": {
        "training_mean": {"value": -0.001, "margin": 0.002, "formula": 0},
        "training_variance": {"value": 0.5, "margin": 0.01, "formula": 0.5},
        "sampling_mean": {"value": 0.004, "margin": 0.002, "formula": 0},
        "sampling_variance": {"value": 0.625, "margin": 0.01, "formula": 0.51},
    },
    "curves": [
        {"measure": "delta", "sampler": "ddim", "fix": "none", "at": [0, 50], "values": [0.5, 0.25],
         "margins": [0.02, 0.01]},
        {"measure": "nearest", "sampler": "ddim", "fix": "none", "at": [0], "values": [-3], "margins": None},
    ],
})  # fmt: skip


def test_every_formula_has_its_measurement_beside_it() -> None:
    rows = rows_of(committed(), "es-1")
    found = formula_settings(committed().rows, RECORD)
    assert list(found) == [row.row.key for row in rows]
    assert list(found.values()) == [
        "mean of x_t - sqrt(alpha_bar_t) x_0 = -0.001 ± 0.002 (adm, t = 473)",
        "0.500 ± 0.010, by the formula 0.500 (adm, t = 473)",
        "mean of x_t - sqrt(alpha_bar_t) x_0 = 0.004 ± 0.002 (adm, t = 473)",
        "0.625 ± 0.010, by the formula 0.510 (adm, t = 473)",
    ]


def test_long_form_has_a_row_a_value() -> None:
    table = diagnosis_table({"adm": RECORD})
    assert table.drop(columns="margin").to_numpy().tolist() == [
        ["adm", "ddim", "none", "delta", 0, 0.5], ["adm", "ddim", "none", "delta", 50, 0.25],
        ["adm", "ddim", "none", "nearest", 0, -3], ["adm", "ddpm", "none", "delta_bar", 99, 0.05],
    ]  # fmt: skip
    assert table["margin"].tolist() == pytest.approx([0.02, 0.01, float("nan"), 0.001], nan_ok=True)
    score = diagnosed_scores([RECORD])["adm @ 100"]["delta_bar"]
    assert (score["value"], score["margin"], score["n"]) == (0.05, 0.001, 500)


@pytest.mark.parametrize(("field", "told"), [("values", "1 at 2 places"), ("margins", "1 of 2 values")])
def test_a_curve_without_a_value_for_each_place_is_refused(field: str, told: str) -> None:
    content = RECORD.model_dump()
    content["curves"][0][field] = [1.0]
    with pytest.raises(ValueError, match=told):
        DiagnosisRecord.model_validate(content)

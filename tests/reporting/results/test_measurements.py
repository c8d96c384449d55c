"""Measured numbers by cell and metric, the table of scores, and a diagnosis in long form."""

from __future__ import annotations

import pytest

from stages.plan.result_files import Timed, Times
from stages.reporting.results.measurements import (
    Measurement,
    diagnosis_in_git,
    diagnosis_key,
    diagnosis_table,
    measurements,
    metric_names,
)
from stages.store.records import DiagnosisRecord
from tests.reporting.results.studies import committed, made_up_diagnosis, made_up_score

KEY, CELL = next(iter(committed().stages.sample.items()))


def test_numbers_of_a_cell_are_its_scores_and_its_time() -> None:
    timed = Timed(ms=7.5, margin=0.1, images=100, rounds=9, overhead=None)
    times = Times(environment={}, cells={KEY: timed, "another": timed})
    found = measurements({KEY: made_up_score(CELL, 3.0)}, [made_up_diagnosis()], times)
    assert set(found) == {KEY, diagnosis_key("adm", 100)}
    assert found[KEY]["fid"] == Measurement(3.0, 0.4, 1500)
    assert found[KEY]["recall"] == Measurement(0.6, 0.03, 1500)
    assert found[KEY]["time_ms"] == Measurement(7.5, 0.1, 100)
    assert found["adm @ 100"] == {"delta_bar": Measurement(0.05, 0.001, 500)}


def test_metrics_are_those_of_the_records_in_the_order_of_tables() -> None:
    plain = made_up_score(CELL, 3.0)
    record = made_up_score(CELL, 3.0, inception_score={"value": 9.5, "margin": 0.1})
    assert metric_names([plain]) == ["fid", "sfid", "precision", "recall"]
    assert metric_names([plain, record]) == ["fid", "sfid", "inception_score", "precision", "recall"]
    assert measurements({KEY: record}, [], Times(environment={}, cells={}))[KEY]["inception_score"] == (9.5, 0.1, 1500)


def test_long_form_has_a_row_a_value() -> None:
    table = diagnosis_table({"adm": made_up_diagnosis()})
    assert table.drop(columns="margin").to_numpy().tolist() == [
        ["adm", "ddim", 20, "none", "delta", 0, 0.5],
        ["adm", "ddim", 20, "none", "delta", 50, 0.25],
        ["adm", "ddim", 20, "none", "nearest", 0, -3],
        ["adm", "ddpm", 20, "none", "delta_bar", 99, 0.05],
    ]
    assert table["margin"].tolist() == pytest.approx([0.02, 0.01, float("nan"), 0.001], nan_ok=True)


def test_long_form_is_as_exact_as_plots_and_has_the_finest_band_alone() -> None:
    content = made_up_diagnosis().model_dump()
    curve = content["curves"][0]
    bands = [{**curve, "measure": f"power_{band}"} for band in (2, 10)]
    content["curves"] = [{**curve, "values": [0.123456, 1234.56], "margins": [0.0123, 5.678]}, *bands]
    table = diagnosis_table({"adm": DiagnosisRecord.model_validate(content)})
    assert table["value"].tolist()[:2] == [0.1235, 1235]
    assert table["margin"].tolist()[:2] == [0.012, 5.7]
    assert set(table["measure"]) == {"delta", "power_10", "delta_bar"}


def test_the_table_in_git_has_shapes_of_some_models_alone() -> None:
    table = diagnosis_table({"adm": made_up_diagnosis(), "adm-ip": made_up_diagnosis()})
    kept = diagnosis_in_git(table, ["adm"]).groupby("model")["measure"].agg(set).to_dict()
    assert kept == {"adm": {"delta", "nearest", "delta_bar"}, "adm-ip": {"delta", "delta_bar"}}


@pytest.mark.parametrize(("field", "message"), [("values", "1 at 2 places"), ("margins", "1 of 2 values")])
def test_a_curve_without_a_value_for_each_place_is_refused(field: str, message: str) -> None:
    content = made_up_diagnosis().model_dump()
    content["curves"][0][field] = [1.0]
    with pytest.raises(ValueError, match=message):
        DiagnosisRecord.model_validate(content)

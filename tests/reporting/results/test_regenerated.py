"""The published tables with the study's block: places, values, reasons, and how much of each table there is."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

from stages.plan.planning import PlannedRow
from stages.plan.result_files import Timed, Times
from stages.reporting.results.measurements import Measurement, diagnosis_key, measurements
from stages.reporting.results.regenerated import Number, Table, regenerate, row_with_reason
from tests.reporting.results.studies import committed, made_up, made_up_score, planned, put

COVERAGE = {
    "ip-1": "partly",
    "ip-2": "published only",
    "ip-3": "partly",
    "ip-4": "partly",
    "ip-5": "partly",
    "ip-6": "partly",
    "ip-7": "partly",
    "ip-8": "published only",
    "ip-9": "measured",
    "ip-10": "measured",
    "es-1": "measured",
    "es-2": "measured",
    "es-3": "measured",
    "es-4": "measured",
    "es-5": "measured",
    "es-6": "measured",
    "es-7": "lost",
    "ts-1": "measured",
    "ts-2": "measured",
    "ts-3": "measured",
    "ts-4": "measured",
    "ts-5": "measured",
    "ts-6": "measured",
    "ts-7": "measured",
    "ts-8": "measured",
    "ts-9": "measured",
    "ts-10": "measured",
}
VALUES = {key: float(i + 1) for i, key in enumerate(committed().stages.sample)}


@cache
def tables() -> dict[str, Table]:
    scores = {key: made_up_score(cell, VALUES[key]) for key, cell in committed().stages.sample.items()}
    timed = Timed(ms=7.5, margin=0.1, images=100, rounds=9, overhead=None)
    measured = measurements(scores, [], Times(environment={}, cells=dict.fromkeys(scores, timed)))
    measured["adm @ 100"] = {"delta_bar": Measurement(0.06, 0.002, 500)}
    settings = {row.row.key: "ours" for row in committed().rows if row.row.metric == "iterations"}
    found = regenerate(committed().rows, measured, settings, "mine")
    assert len(found) == len({table.id for table in found})
    return {table.id: table for table in found}


def labels(table: str, axis: str) -> list[str]:
    return list(dict.fromkeys(getattr(number, axis) for number in tables()[table].block))


def at(table: str, row: str, column: str, metric: str) -> Number:
    (found,) = (n for n in tables()[table].block if (n.row, n.column, n.metric) == (row, column, metric))
    return found


def test_coverage_of_every_table_at_the_committed_params() -> None:
    assert {name: table.coverage for name, table in tables().items()} == COVERAGE


def test_coverage_follows_max_steps() -> None:
    rows = planned(put("max_steps", 1000)).rows
    found = {table.id: table for table in regenerate(rows, everything(rows), {}, "mine")}
    assert {name for name, table in found.items() if table.coverage != COVERAGE[name]} == {
        "ip-1",
        "ip-2",
        "ip-3",
        "ip-4",
        "ip-5",
        "ip-6",
        "ip-7",
        "ip-8",
    }
    assert {found[name].coverage for name in ("ip-1", "ip-2", "ip-3", "ip-4", "ip-5", "ip-7", "ip-8")} == {"measured"}


def everything(rows: list[PlannedRow]) -> dict[str, dict[str, Measurement]]:
    number = Measurement(1.0, 0.1, 9)
    metrics = dict.fromkeys(("fid", "sfid", "precision", "recall", "time_ms"), number)
    diagnosed = {diagnosis_key(row.model, row.row.steps): {"delta_bar": number} for row in rows if row.model}
    beside = {under.cell: metrics for row in rows for under in row.beside if under.cell}
    return {row.cell: metrics for row in rows if row.cell} | beside | diagnosed


def test_every_published_number_is_in_its_table() -> None:
    assert [row for table in tables().values() for row in table.rows] == committed().rows


@pytest.mark.parametrize(
    ("table", "axis", "published", "expected"),
    [
        ("ts-1", "row", "CIFAR-10 | DDIM (quadratic)", "mine | DDIM (quadratic)"),
        ("ts-6", "row", "CelebA | TS-DDIM", "mine | TS-DDIM"),
        ("ip-4", "row", "FFHQ 128×128 | ADM-IP", "mine | ADM-IP"),
        ("ip-3", "column", "CIFAR10 32 | sFID", "mine | sFID"),
        ("es-3", "column", "CIFAR-10 32×32 | η=0", "mine | η=0"),
        ("es-5", "column", "LSUN tower 64×64 | recall", "mine | recall"),
        ("ip-9", "column", "CIFAR10 32×32", "mine"),
        ("es-6", "column", "Unconditional | CIFAR-10 32×32", "Unconditional | mine"),
        (
            "es-2",
            "column",
            "Comparison with ADM-IP | Unconditional | CIFAR-10 32×32",
            "Comparison with ADM-IP | Unconditional | mine",
        ),
    ],
)
def test_the_studys_data_set_stands_where_the_papers_stood(
    table: str, axis: str, published: str, expected: str
) -> None:
    assert published in {getattr(row.row, axis) for row in tables()[table].rows}
    assert expected in labels(table, axis)
    assert published not in labels(table, axis)


@pytest.mark.parametrize("table", ["ip-2", "ip-5", "ip-7", "ts-2", "ts-5", "ts-7", "es-1"])
def test_a_table_of_one_data_set_keeps_its_labels(table: str) -> None:
    rows = [row.row for row in tables()[table].rows]
    assert [(n.row, n.column, n.metric) for n in tables()[table].block] == [(r.row, r.column, r.metric) for r in rows]


@pytest.mark.parametrize("table", COVERAGE)
def test_the_other_labels_and_the_metrics_are_those_published(table: str) -> None:
    found = tables()[table]
    for axis, other in (("row", "column"), ("column", "row")):
        if "mine" not in " | ".join(labels(table, axis)).split(" | "):
            assert labels(table, axis) == list(dict.fromkeys(getattr(row.row, axis) for row in found.rows)), other
    assert {n.metric for n in found.block} == {row.row.metric for row in found.rows}
    # The rows of IP 4 differ in their step counts, which stand in one column.
    assert len({(n.row, n.column, n.metric, n.steps) for n in found.block}) == len(found.block) <= len(found.rows)


def test_a_measured_number_has_value_margin_and_n() -> None:
    number = at("ts-1", "mine | TS-DDIM (uniform)", "20 steps", "fid")
    cell = "ddpm-net-ddim-ts-dpm-ts-20"
    assert number == Number("mine | TS-DDIM (uniform)", "20 steps", "fid", "20", cell, VALUES[cell], 0.4, 1500, "", "")
    number = at("ts-7", "ADM w/ DDIM", "5 steps | Recall", "recall")
    assert (number.value, number.margin, number.n, number.reason) == (0.6, 0.03, 1500, "")


def test_a_number_under_a_further_reading_stands_beside_the_block() -> None:
    table = tables()["es-2"]
    assert not any(number.reading for number in table.block)
    assert {number.reading for number in table.beside} == {"variance small"}
    assert {number.steps for number in table.beside} == {"20", "50"}
    number = next(number for number in table.beside if number.cell == "adm-ddpm-small-es-50")
    default = next(other for other in table.block if (other.row, other.column) == (number.row, number.column))
    assert (default.cell, default.value) == ("adm-ddpm-es-50", VALUES["adm-ddpm-es-50"])
    assert number == default._replace(
        cell="adm-ddpm-small-es-50", value=VALUES["adm-ddpm-small-es-50"], reading="variance small"
    )


def test_a_further_reading_without_its_cell_loses_it() -> None:
    row = next(row for row in committed().rows if row.cell == "adm-ddpm-es-50" and row.row.table == "6")
    (under,) = row.beside
    measured = {str(row.cell): {"fid": Measurement(1.0, 0.1, 9)}}
    found = row_with_reason(row, {str(row.cell): None}, measured)
    assert (found.cell, found.beside[0].cell) == (row.cell, None)
    assert found.beside[0].reason == "not in cells.json; run python -m stages plan"
    both = measured | {str(under.cell): {"fid": Measurement(1.0, 0.1, 9)}}
    assert row_with_reason(row, both, both) == row


def test_an_absent_number_has_its_reason() -> None:
    number = at("ip-3", "1,000 | ADM-IP (ours)", "mine | FID", "fid")
    assert number.reason == "1000 steps: beyond max_steps (100), 1,000,000 image-evaluations"
    assert (number.value, number.margin, number.n, number.cell, number.setting) == (None, None, None, None, "")


def test_a_setting_has_the_studys_own_or_says_there_is_none() -> None:
    assert at("ip-9", "Training iterations", "mine", "iterations").setting == "ours"
    assert at("ip-9", "Training iterations", "mine", "iterations").reason == ""
    number = at("ip-9", "Dropout", "mine", "dropout")
    assert (number.setting, number.reason, number.value) == ("", "the study has no such setting", None)


def test_every_number_has_a_value_or_a_setting_or_a_reason() -> None:
    for table in tables().values():
        for number in table.block:
            assert [number.value is not None, bool(number.setting), bool(number.reason)].count(True) == 1, number


def test_counts_and_reasons_add_up() -> None:
    for table in tables().values():
        assert sum(table.counts.values()) == len(table.rows)
        absent = [row.reason for row in table.rows if row.status == "absent"]
        assert table.reasons == Counter(absent)
        assert list(table.reasons) == list(dict.fromkeys(absent))
    assert tables()["es-7"].counts == {"lost": 18}
    assert tables()["es-7"].reasons == {"lost in the source": 18}
    assert tables()["es-6"].counts == {"measured": 35, "setting": 25}


def test_conditional_numbers_have_a_place_of_their_own() -> None:
    """Else they would fall together with those of plain models, the first of which is shown."""
    block = tables()["es-5"].block
    assert len(block) == 12
    assert {number.column for number in block if number.metric == "recall"} == {
        "mine | recall",
        "mine, class-conditional | recall",
        "mine, class-conditional, guided | recall",
    }


def test_of_two_data_sets_the_number_that_is_there_is_shown() -> None:
    common = {"model": "adm", "sampler": "ddim", "steps": "5", "metric": "fid", "value": "1"}
    first = made_up(**common, dataset="imagenet64", row="ImageNet | ADM")
    second = made_up(**common, dataset="cifar10", row="CIFAR-10 | ADM")
    rows = [
        PlannedRow(first, "absent", None, "needs a guide: not built yet", ()),
        PlannedRow(second, "measured", "c", "", ()),
    ]
    (table,) = regenerate(rows, everything(rows), {}, "mine")
    assert table.block == [Number("mine | ADM", "5 steps", "fid", "5", "c", 1.0, 0.1, 9, "", "")]
    assert regenerate(rows[::-1], everything(rows), {}, "mine")[0].block == table.block
    assert table.coverage == "partly"


def test_a_number_whose_cell_is_not_there_or_was_not_timed_is_absent() -> None:
    cells = committed().stages.sample
    row = next(row for row in committed().rows if row.cell and row.row.metric == "fid")
    timed = next(row for row in committed().rows if row.cell and row.row.metric == "time_ms")
    diagnosed = next(row for row in committed().rows if row.model)
    complete = everything(committed().rows)
    scores = {key: {name: found[name] for name in found if name != "time_ms"} for key, found in complete.items()}
    assert [row_with_reason(each, cells, complete) for each in (row, timed, diagnosed)] == [row, timed, diagnosed]
    assert row_with_reason(timed, cells, scores).reason == "not timed yet; run python -m stages times"
    for missing in (row_with_reason(row, {}, complete), row_with_reason(diagnosed, cells, {})):
        assert (missing.status, missing.cell, missing.model) == ("absent", None, None)
        assert missing.reason == "not in cells.json; run python -m stages plan"

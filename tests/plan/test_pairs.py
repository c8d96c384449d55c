"""Pairs: what the tables set against one another, with all that they print of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from stages.auditing.tables.rows import FaultyFile, Row
from stages.plan.pairs import Pair, Printed, base_models, published_pairs, study_pairs, unpublished_pairs
from stages.plan.planning import PlannedReading, PlannedRow, table_id
from stages.plan.published_tables import PublishedMethod, Reading, read_methods
from tests.reporting.results.studies import committed, edited, made_up, planned, published, put


def row(value: str, cell: str | None = "", **columns: str) -> PlannedRow:
    """A planned number of 5 steps of DDIM on CIFAR-10; its cell is named after model and fix."""
    defaults = {"dataset": "cifar10", "model": "adm", "sampler": "ddim", "fix": "none", "steps": "5", "metric": "fid"}
    found: Row = made_up(**(defaults | columns), value=value)
    name = f"{found.model}-ddim-{found.fix}-{found.steps}" if cell == "" else cell
    return PlannedRow(found, "measured" if name else "absent", name, "" if name else "why", ())


def pairs_of(rows: Sequence[PlannedRow]) -> list[Pair]:
    return published_pairs(rows, published().methods)


def only(*rows: PlannedRow) -> Pair:
    (pair,) = pairs_of(rows)
    return pair


def test_a_pair_has_its_cells_and_the_printed_change_in_percent() -> None:
    pair = only(row("8.0"), row("6.0", fix="ts"))
    assert pair == Pair(
        paper="ip",
        axis="fix",
        metric="fid",
        base_cell="adm-ddim-none-5",
        changed_cell="adm-ddim-ts-5",
        base="none",
        changed="ts",
        printed=(Printed("ip-1", "cifar10", -25.0),),
        default_cell="adm-ddim-ts-5",
    )
    assert pair.direction == -1


@pytest.mark.parametrize(("second", "direction"), [("7.9", -1), ("8.1", 1), ("8.0", 0)])
def test_direction_of_one_data_set(second: str, direction: int) -> None:
    assert only(row("8.0"), row(second, fix="ts")).direction == direction


@pytest.mark.parametrize(("second", "direction"), [("4.0", -1), ("6.0", 0), ("5.0", 0)])
def test_every_data_set_counts_for_the_direction(second: str, direction: int) -> None:
    other = {"dataset": "celeba64", "column": "other"}
    pair = only(row("8.0"), row("6.0", fix="ts"), row("5.0", **other), row(second, **other, fix="ts"))
    assert [(p.dataset, round(p.percent, 6)) for p in pair.printed] == [
        ("cifar10", -25.0),
        ("celeba64", round(100 * (float(second) / 5 - 1), 6)),
    ]
    assert pair.direction == direction


def test_pairs_are_within_a_table_and_merged_over_tables() -> None:
    base = row("8.0")
    changed = row("6.0", fix="ts")
    second = [row("4.0", table="2"), row("5.0", table="2", fix="ts")]
    assert pairs_of([base, row("6.0", fix="ts", table="2")]) == []
    assert only(base, changed, *second).printed == (Printed("ip-1", "cifar10", -25.0), Printed("ip-2", "cifar10", 25.0))
    assert only(base, changed, row("8.0", table="2"), row("6.0", table="2", fix="ts")).direction == -1
    assert len(pairs_of([base, changed, *(p._replace(row=p.row._replace(paper="es")) for p in second)])) == 2


def test_the_same_printed_twice_counts_once() -> None:
    again = {"column": "again"}
    pair = only(row("8.0"), row("6.0", fix="ts"), row("6.0", fix="ts", **again))
    assert pair.printed == (Printed("ip-1", "cifar10", -25.0),)


@pytest.mark.parametrize(
    "change",
    [
        {"steps": "9"},
        {"metric": "sfid"},
        {"dataset": "celeba64"},
        {"sampler": "ddpm"},
        {"eta": "1"},
        {"model": "ddpm"},
        {"spacing": "uniform"},
    ],
)
def test_no_pair_where_anything_else_differs(change: dict[str, str]) -> None:
    assert pairs_of([row("8.0"), row("6.0", fix="ts", **change)]) == []


def test_both_numbers_need_a_cell_and_replicates() -> None:
    assert pairs_of([row("8.0", cell=None), row("6.0", fix="ts")]) == []
    assert pairs_of([row("8.0"), row("6.0", fix="ts", cell=None)]) == []
    assert pairs_of([row("0.8", metric="recall"), row("0.6", fix="ts", metric="recall")]) == []
    assert only(row("8.0", metric="sfid"), row("6.0", fix="ts", metric="sfid")).metric == "sfid"


@pytest.mark.parametrize(
    ("changed", "others", "bases"),
    [
        (
            {"fix": "es-linear"},
            [{}, {"fix": "es"}, {"fix": "ts"}],
            {("es", "none"), ("es-linear", "none"), ("es-linear", "es"), ("ts", "none")},
        ),
        ({"model": "adm-ip"}, [{}, {"model": "ddpm"}], {("adm-ip", "adm")}),
        ({"model": "ddpm-ip"}, [{}, {"model": "ddpm"}], {("ddpm-ip", "ddpm")}),
        ({"model": "adm-ip", "fix": "ts"}, [{}, {"fix": "ts"}], {("adm-ip", "adm"), ("ts", "none")}),
        ({"fix": "ts"}, [{"fix": "es"}], set()),
    ],
)
def test_bases(changed: dict[str, str], others: list[dict[str, str]], bases: set[tuple[str, str]]) -> None:
    pairs = pairs_of([row("8.0", **other) for other in others] + [row("6.0", **changed)])
    assert {(pair.changed, pair.base) for pair in pairs} == bases
    assert all(pair.axis == ("model" if pair.changed.endswith("-ip") else "fix") for pair in pairs)


def test_pairs_of_the_committed_plan() -> None:
    pairs = [pair for pair in pairs_of(committed().rows) if not pair.reading]
    cells = committed().stages.sample
    assert len(pairs) == 88
    assert len({(p.paper, p.metric, p.base_cell, p.changed_cell) for p in pairs}) == len(pairs)
    printed: dict[tuple[str, str, Any], str] = {
        (table_id(p.row), p.row.dataset, p.cell): p.row.value for p in committed().rows if p.row.metric == "fid"
    }
    for pair in pairs:
        base = cells[pair.base_cell].axes
        changed = cells[pair.changed_cell].axes
        assert [axis for axis in base if base[axis] != changed[axis]] == [pair.axis]
        for found in pair.printed if pair.metric == "fid" else ():
            before, after = (float(printed[found.table, found.dataset, c]) for c in (pair.base_cell, pair.changed_cell))
            assert found.percent == pytest.approx(100 * (after - before) / before)
    mixed = [pair for pair in pairs if not pair.direction]
    assert [(p.base_cell, p.changed_cell) for p in mixed] == [
        ("ddpm-net-ddim-ts-dpm-none-50", "ddpm-net-ddim-ts-dpm-ts-50")
    ]
    assert [(p.table, p.dataset) for p in mixed[0].printed] == [
        ("ts-1", "cifar10"),
        ("ts-1", "celeba64"),
        ("ts-5", "lsun-bedroom256"),
    ]
    worse = [pair for pair in pairs if pair.direction > 0]
    assert {(p.changed, p.changed_cell) for p in worse} == {
        ("adm-ip", "adm-ip-15-ddim-clipped-none-5"),
        ("adm-ip", "adm-ip-15-ddim-clipped-none-10"),
        ("ddpm-y", "ddpm-y-ddpm-none-80"),
        ("ddpm-y", "ddpm-y-ddpm-none-100"),
    }


def under(planned: PlannedRow, setting: str, value: str, cell: str | None) -> PlannedRow:
    """The number with a further reading and its cell."""
    reading = Reading("ip/1", setting, value, "beside", "why", "where", frozenset([planned.row.key]))
    return planned._replace(beside=(*planned.beside, PlannedReading(reading, cell, "" if cell else "why")))


def cells_by_reading(*rows: PlannedRow) -> list[tuple[str, str, str]]:
    return [(pair.reading, pair.base_cell, pair.changed_cell) for pair in pairs_of(rows)]


def test_a_further_reading_pairs_the_cells_of_both_numbers_under_it() -> None:
    base = under(row("8.0", "a"), "sampler.variance", "small", "a-small")
    changed = under(row("6.0", "b", fix="ts"), "sampler.variance", "small", "b-small")
    assert cells_by_reading(base, changed) == [("", "a", "b"), ("variance small", "a-small", "b-small")]
    pairs = pairs_of([base, changed])
    assert pairs[0]._replace(base_cell="a-small", changed_cell="b-small", reading="variance small") == pairs[1]


def test_a_number_that_was_not_measured_under_a_reading_has_no_pair_there() -> None:
    base = under(row("8.0", "a"), "sampler.variance", "small", "a-small")
    changed = under(row("6.0", "b", fix="ts"), "sampler.variance", "small", None)
    assert cells_by_reading(base, changed) == [("", "a", "b")]
    measured = under(row("6.0", "b", fix="ts"), "sampler.variance", "small", "b-small")
    assert cells_by_reading(row("8.0", "a"), measured) == [("", "a", "b")], "the base has another variance"


def test_a_reading_of_what_is_changed_is_none_of_its_base() -> None:
    shifted = under(row("6.0", "b", fix="ts"), "fix.update_time", "shifted", "b-shifted")
    assert cells_by_reading(row("8.0", "a"), shifted) == [("", "a", "b"), ("update_time shifted", "a", "b-shifted")]
    gamma = under(row("6.0", "c", model="adm-ip"), "model.gamma", "0.15", "c-15")
    assert cells_by_reading(row("8.0", "a"), gamma) == [("", "a", "c"), ("gamma 0.15", "a", "c-15")]


def test_further_readings_of_the_committed_plan_are_of_cells_under_them() -> None:
    pairs = [pair for pair in pairs_of(committed().rows) if pair.reading]
    cells = committed().stages.sample
    params = edited()
    assert {pair.reading for pair in pairs} == {"variance small"}
    assert len(pairs) == 14
    for pair in pairs:
        for key in (pair.base_cell, pair.changed_cell):
            assert getattr(params.samplers[cells[key].sampler], "variance", "") == "small"
            assert cells[key].steps <= 50


def test_a_method_is_compared_with_the_bases_that_its_record_names() -> None:
    mine = PublishedMethod("fix", "mine", "my method", ("none", "es"))
    numbers = [row("8.0"), row("7.0", fix="es"), row("6.0", fix="mine")]
    assert pairs_of(numbers) == pairs_of(numbers[:2]), "no record of mine"
    found = published_pairs(numbers, [mine])
    assert [(pair.changed, pair.base) for pair in found] == [("mine", "none"), ("mine", "es")]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("sampler,es,Epsilon Scaling,none", "methods.csv:2: axis 'sampler': must be one of fix, model"),
        ("fix,es,,none", "methods.csv:2: name, phrase and bases must not be empty"),
        ("fix,es,Epsilon Scaling,none\nfix,es,again,none", "methods.csv:3: fix 'es' occurs twice"),
    ],
)
def test_a_faulty_record_of_a_method_is_refused(tmp_path: Path, line: str, message: str) -> None:
    assert read_methods(tmp_path) == []
    (tmp_path / "methods.csv").write_text(f"axis,name,phrase,bases\n{line}\n")
    with pytest.raises(FaultyFile, match=re.escape(message)):
        read_methods(tmp_path)


OWN = {"method": "epsilon-scaling", "b": 1.2, "k": 0.0}
FREE = {"models": ["adm", "adm-ip-20"], "samplers": ["ddim"], "fixes": ["none", "mine"], "steps": [7, 9]}


def own_pairs(**changes: Any) -> list[Pair]:
    """The pairs that no paper prints, of a study with a fix of its own, a free grid, and these models changed."""
    edits = [put("tables", []), put("mine", OWN), put("grid", [FREE])]
    edits += [put(path.replace("_", "-"), value) for path, value in changes.items()]
    params = edited(*edits)
    plan = planned(*edits)
    return study_pairs(plan.rows, published().methods, params, plan.stages.sample)


def test_a_fix_and_a_model_that_no_paper_prints_are_paired_with_their_bases() -> None:
    found = own_pairs()
    assert {(pair.paper, pair.metric, pair.printed, pair.direction) for pair in found} == {("", "fid", (), 0)}
    assert [(pair.axis, pair.base_cell, pair.changed_cell) for pair in found if pair.changed_cell.endswith("-9")] == [
        ("fix", "adm-ddim-none-9", "adm-ddim-mine-9"),
        ("model", "adm-ddim-none-9", "adm-ip-20-ddim-none-9"),
        ("fix", "adm-ip-20-ddim-none-9", "adm-ip-20-ddim-mine-9"),
        ("model", "adm-ddim-mine-9", "adm-ip-20-ddim-mine-9"),
    ]
    assert {(pair.base, pair.changed) for pair in found} == {("none", "mine"), ("adm", "adm-ip-20")}
    assert len(found) == 8


def test_a_cell_without_its_base_has_no_pair() -> None:
    assert own_pairs(grid=[FREE | {"fixes": ["mine"], "models": ["adm"]}]) == []
    assert {pair.axis for pair in own_pairs(grid=[FREE | {"fixes": ["none"]}])} == {"model"}
    other_recipe = edited().models["adm-ip-20"].model_dump() | {"recipe": "adm-wd-recipe"}
    assert {pair.axis for pair in own_pairs(adm_ip_20=other_recipe)} == {"fix"}


def test_a_pair_that_a_paper_prints_stands_there_alone() -> None:
    rows = committed().rows
    cells = committed().stages.sample
    printed = pairs_of(rows)
    own = unpublished_pairs(printed, edited(), cells)
    assert study_pairs(rows, published().methods, edited(), cells) == [*printed, *own]
    both = {(pair.base_cell, pair.changed_cell) for pair in printed if pair.metric == "fid"}
    assert both.isdisjoint((pair.base_cell, pair.changed_cell) for pair in own)
    assert len({(pair.base_cell, pair.changed_cell) for pair in own}) == len(own)


def test_a_model_of_another_training_seed_repeats_a_pair_and_makes_none() -> None:
    seeds = {f"{name}-1": edited().models[name].model_dump() | {"seed": 1} for name in ("adm", "adm-ip-20")}
    grid = FREE | {"models": ["adm", "adm-ip-20", *seeds], "fixes": ["none"]}
    found = own_pairs(grid=[grid], **seeds)
    assert {(pair.base, pair.changed) for pair in found} == {("adm", "adm-ip-20")}


def test_the_base_of_a_model_is_the_first_of_its_recipe_and_seed_without_its_change() -> None:
    assert base_models(edited(), list(edited().models))["ddpm-y"] == "adm"
    assert "adm-wd" not in base_models(edited(), list(edited().models)), "trained by another recipe"

"""Pairs: what the tables set against one another, with all that they print of it."""

from __future__ import annotations

from typing import Any

import pytest

from stages.auditing.tables.rows import Row
from stages.plan.pairs import Pair, Printed, published_pairs
from stages.plan.planning import PlannedRow, table_id
from tests.reporting.results.studies import committed, made_up


def row(value: str, cell: str | None = "", **columns: str) -> PlannedRow:
    """A planned number of 5 steps of DDIM on CIFAR-10; its cell is named after model and fix."""
    defaults = {"dataset": "cifar10", "model": "adm", "sampler": "ddim", "fix": "none", "steps": "5", "metric": "fid"}
    found: Row = made_up(**(defaults | columns), value=value)
    name = f"{found.model}-ddim-{found.fix}-{found.steps}" if cell == "" else cell
    return PlannedRow(found, "measured" if name else "absent", name, "" if name else "why", ())


def only(*rows: PlannedRow) -> Pair:
    (pair,) = published_pairs(rows)
    return pair


def test_a_pair_has_its_cells_and_the_printed_change_in_percent() -> None:
    pair = only(row("8.0"), row("6.0", fix="ts"))
    assert pair == Pair(
        "ip", "fix", "fid", "adm-ddim-none-5", "adm-ddim-ts-5", "none", "ts", (Printed("ip-1", "cifar10", -25.0),)
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
        ("cifar10", -25.0), ("celeba64", round(100 * (float(second) / 5 - 1), 6)),
    ]  # fmt: skip
    assert pair.direction == direction


def test_pairs_are_within_a_table_and_merged_over_tables() -> None:
    base, changed = row("8.0"), row("6.0", fix="ts")
    second = [row("4.0", table="2"), row("5.0", table="2", fix="ts")]
    assert published_pairs([base, row("6.0", fix="ts", table="2")]) == []
    assert only(base, changed, *second).printed == (Printed("ip-1", "cifar10", -25.0), Printed("ip-2", "cifar10", 25.0))
    assert only(base, changed, row("8.0", table="2"), row("6.0", table="2", fix="ts")).direction == -1
    assert len(published_pairs([base, changed, *(p._replace(row=p.row._replace(paper="es")) for p in second)])) == 2


def test_the_same_printed_twice_counts_once() -> None:
    again = {"column": "again"}
    pair = only(row("8.0"), row("6.0", fix="ts"), row("6.0", fix="ts", **again))
    assert pair.printed == (Printed("ip-1", "cifar10", -25.0),)


@pytest.mark.parametrize(
    "change",
    [{"steps": "9"}, {"metric": "sfid"}, {"dataset": "celeba64"}, {"sampler": "ddpm"}, {"eta": "1"}, {"model": "ddpm"},
     {"spacing": "uniform"}],
)  # fmt: skip
def test_no_pair_where_anything_else_differs(change: dict[str, str]) -> None:
    assert published_pairs([row("8.0"), row("6.0", fix="ts", **change)]) == []


def test_both_numbers_need_a_cell_and_replicates() -> None:
    assert published_pairs([row("8.0", cell=None), row("6.0", fix="ts")]) == []
    assert published_pairs([row("8.0"), row("6.0", fix="ts", cell=None)]) == []
    assert published_pairs([row("0.8", metric="recall"), row("0.6", fix="ts", metric="recall")]) == []
    assert only(row("8.0", metric="sfid"), row("6.0", fix="ts", metric="sfid")).metric == "sfid"


@pytest.mark.parametrize(
    ("changed", "others", "bases"),
    [
        ({"fix": "es-linear"}, [{}, {"fix": "es"}, {"fix": "ts"}], {("es", "none"), ("es-linear", "none"),
                                                                    ("es-linear", "es"), ("ts", "none")}),
        ({"model": "adm-ip"}, [{}, {"model": "ddpm"}], {("adm-ip", "adm")}),
        ({"model": "ddpm-ip"}, [{}, {"model": "ddpm"}], {("ddpm-ip", "ddpm")}),
        ({"model": "adm-ip", "fix": "ts"}, [{}, {"fix": "ts"}], {("adm-ip", "adm"), ("ts", "none")}),
        ({"fix": "ts"}, [{"fix": "es"}], set()),
    ],
)  # fmt: skip
def test_bases(changed: dict[str, str], others: list[dict[str, str]], bases: set[tuple[str, str]]) -> None:
    pairs = published_pairs([row("8.0", **other) for other in others] + [row("6.0", **changed)])
    assert {(pair.changed, pair.base) for pair in pairs} == bases
    assert all(pair.axis == ("model" if pair.changed.endswith("-ip") else "fix") for pair in pairs)


def test_pairs_of_the_committed_plan() -> None:
    pairs, cells = published_pairs(committed().rows), committed().stages.sample
    assert len(pairs) == 88
    assert len({(p.paper, p.metric, p.base_cell, p.changed_cell) for p in pairs}) == len(pairs)
    printed: dict[tuple[str, str, Any], str] = {
        (table_id(p.row), p.row.dataset, p.cell): p.row.value for p in committed().rows if p.row.metric == "fid"
    }
    for pair in pairs:
        base, changed = cells[pair.base_cell].axes, cells[pair.changed_cell].axes
        assert [axis for axis in base if base[axis] != changed[axis]] == [pair.axis]
        for found in pair.printed if pair.metric == "fid" else ():
            before, after = (float(printed[found.table, found.dataset, c]) for c in (pair.base_cell, pair.changed_cell))
            assert found.percent == pytest.approx(100 * (after - before) / before)
    mixed = [pair for pair in pairs if not pair.direction]
    assert [(p.base_cell, p.changed_cell) for p in mixed] == [("ddpm-net-ddim-none-50", "ddpm-net-ddim-ts-50")]
    assert [(p.table, p.dataset) for p in mixed[0].printed] == [
        ("ts-1", "cifar10"), ("ts-1", "celeba64"), ("ts-5", "lsun-bedroom256"),
    ]  # fmt: skip
    worse = [pair for pair in pairs if pair.direction > 0]
    assert {(p.changed, p.changed_cell) for p in worse} == {
        ("adm-ip", "adm-ip-ddim-clipped-none-5"), ("adm-ip", "adm-ip-ddim-clipped-none-10"),
        ("ddpm-y", "ddpm-y-ddpm-none-80"), ("ddpm-y", "ddpm-y-ddpm-none-100"),
    }  # fmt: skip

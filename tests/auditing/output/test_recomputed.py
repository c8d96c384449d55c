"""Findings spelled out: ranges, selected rows, outer bounds, and what speaks against a count."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stages.auditing.output.findings import finding_record
from stages.auditing.output.summary import spelled_out
from stages.auditing.tables.rows import Row
from tests.auditing.claims.test_comparisons import ROWS
from tests.auditing.claims.test_verdicts import findings, row

BOTH = "a = toy/1 fix=none; b = toy/1? fix=ts"


def record(
    operands: str, formula: str, relation: str, stated: str, quantifier: str = "", rows: list[Row] = ROWS
) -> dict[str, Any]:
    (finding,) = findings(rows, operands, formula, relation, stated, quantifier)
    return finding_record(finding)


def test_a_range_shows_both_ends() -> None:
    """100 (1 - 6.30 / 6.10) is -3.279, 100 (1 - 4.00 / 8.00) is 50."""
    found = record(BOTH, "100 * (1 - b / a)", "ranges over", "10.0 to 50.0")
    assert found["sum"] == "100 × (1 − 6.30 / 6.10) to 100 × (1 − 4.00 / 8.00)"
    assert [found[key] for key in ("recomputed", "low", "high")] == ["−3.279 to 50.000", "−3.446", "50.094"]
    assert found["headline"] == "−3.279 to 50.000, stated 10.0 to 50.0"
    assert spelled_out(found)[0].endswith("by the printed digits; stated 10.0 to 50.0")
    found = record("b = toy/1 fix=ts", "b", "ranges over", "2.0 to 6.3")
    assert (found["sum"], found["recomputed"], found["headline"]) == (
        "2.00 to 6.30",
        "",
        "2.00 to 6.30, stated 2.0 to 6.3",
    )


def test_a_selected_row_shows_what_it_was_selected_from() -> None:
    found = record("a = toy/1 fix=none steps=10,20,50", "argmin(a).steps", "=", "50")
    assert (found["sum"], found["recomputed"]) == ("argmin(8.00, 6.00, 6.10).steps", "20")
    assert found["headline"] == "recomputed 20, stated 50"
    rows = [row("1.0", steps=steps) for steps in ("5", "10", "20")]
    found = record("a = toy/1 steps=5,10", "argmax(a).steps", "=", "10", "", rows)
    assert (found["verdict"], found["recomputed"]) == ("consistent", "5 or 10")


def test_an_outer_bound_is_said_to_be_one() -> None:
    rows = [row("0.4", fix="x", column="x"), row("0.1", fix="y", column="y")]
    formula = "a * (1 - a) * (2 - a) + a ** 2 * b - a * b"
    operands = "a = toy/1 fix=x; b = toy/1 fix=y"
    found = record(operands, formula, "=", "0.36", "", rows)
    assert found["outer"] == "an outer bound"
    assert "by the printed digits (an outer bound); stated 0.36" in spelled_out(found)[0]
    assert record(operands, "2 * a * b / (a + b)", "=", "0.16", "", rows)["outer"] == ""
    (tie,) = record(operands, formula, ">", "0.37", "all", rows)["ties"]
    assert tie.endswith("; by an outer bound)")


def test_what_speaks_against_a_count_is_what_holds_or_what_does_not() -> None:
    for quantifier, examples in (
        ("all", ["6.30, not < 6.10"]),
        ("none", ["4.00 < 8.00", "3.00 < 6.00"]),
        ("at most 1 of 3", ["4.00 < 8.00", "3.00 < 6.00"]),
    ):
        found = record(BOTH, "b", "<", "a", quantifier)
        assert [example.partition(" (")[0] for example in found["counter_examples"]] == examples
        assert found["held"] == "2 of 3"


def test_a_percent_sign_is_said_once() -> None:
    rows = [row("8.00", fix="none"), row("4.00", fix="ts")]
    (finding,) = findings(rows, BOTH, "100 * (1 - b / a)", "=", "40.0%", "")
    claim = finding.claim._replace(kind="improvement")
    assert finding_record(finding._replace(claim=claim))["headline"] == "recomputed 50.0 %, stated 40.0 %"


@pytest.mark.parametrize("value", ["1e99", "1" * 100, "0." + "1" * 98, "1e-99", "<1e-99", "+9.9e99 ± 1e99"])
def test_no_number_is_too_long_to_be_shown(value: str) -> None:
    """Up to 4,000 digits are computed with, and shown; more are no finding that ends the run."""
    rows = [row(value, fix="ts")]
    for formula in ("a", "a * a", "a ** 20", "a ** -20", "sqrt(a)", "a ** 20 * a ** 20 * a ** 20", "1 / a"):
        for relation, stated in (("=", value), ("<", "1e-99"), ("ranges over", "1 to 1e99")):
            assert json.dumps(record("a = toy/1 fix=ts", formula, relation, stated, "", rows))

"""Verdicts of each word of a claim: ranges, counts, pairs of rows, selected rows, trends along any coordinate."""

from __future__ import annotations

import pytest

from stages.auditing.claims.verdicts import Finding
from stages.auditing.tables.rows import FaultyFile, Row
from tests.auditing.claims.test_verdicts import findings, judged, row

# Three step counts of two methods, and one step count more of the second.
ROWS = [
    row(value, fix=fix, steps=steps, column=steps)
    for fix, values in (("none", "8.00 6.00 6.10"), ("ts", "4.00 3.00 6.30 2.00"))
    for value, steps in zip(values.split(), ("10", "20", "50", "100"), strict=False)
]
PAIR = "a = toy/1 fix=none; b = toy/1? fix=ts"
ALL = "a = toy/1 fix=none steps=10,20,50; b = toy/1? fix=ts steps=10,20,50,100"


def finding(
    operands: str, formula: str, relation: str, stated: str = "", quantifier: str = "", rows: list[Row] = ROWS
) -> Finding:
    (found,) = findings(rows, operands, formula, relation, stated, quantifier)
    return found


@pytest.mark.parametrize(
    ("first", "relation", "stated", "verdict"),
    [
        ("3.71", "!=", "3.72", "consistent"),
        ("3.71", "!=", "3.71", "rounding"),
        ("5", "!=", "5.0", "rounding"),
        ("3.71", "within", "3.2 to 7.1", "consistent"),
        # 7.14 rounds to 7.1; 7.154 does so in two steps; what is printed as 7.17 does not.
        ("7.14", "within", "3.2 to 7.1", "consistent"),
        ("7.154", "within", "3.2 to 7.1", "rounding"),
        ("7.17", "within", "3.2 to 7.1", "inconsistent"),
        ("3.0", "within", "3.2 to 7.1", "inconsistent"),
        ("<0.001", "<", "0.05", "consistent"),
        ("12.5%", "=", "12.5", "consistent"),
        ("+3.2", "=", "3.2", "consistent"),
        ("3.21 ± 0.05", "=", "3.2", "consistent"),
    ],
)
def test_closed_cases(first: str, relation: str, stated: str, verdict: str) -> None:
    assert judged(first, "0", "a + exact(b)", relation, stated).verdict == verdict


def test_settings_differ_or_do_not() -> None:
    for stated, verdict in (("10", "wording"), ("20", "consistent")):
        assert finding("a = toy/1 fix=none steps=10", "a.steps", "!=", stated).verdict == verdict


def test_f1_is_judged_by_its_exact_range() -> None:
    """Of 0.90 and 0.80 it is from 0.84204 to 0.85208; two independent mentions would reach 0.836 and 0.859."""
    for stated, verdict in (("0.847", "consistent"), ("0.8518", "rounding"), ("0.857", "inconsistent")):
        found = judged("0.90", "0.80", "2 * a * b / (a + b)", "=", stated)
        assert (found.verdict, found.comparisons[0].outer) == (verdict, False)


def test_a_spread_is_measured_and_must_be_there() -> None:
    rows = [row("3.21 ± 0.05", fix="ts"), row("3.00", fix="none")]
    assert finding("a = toy/1 fix=ts", "a.spread", "=", "0.05", rows=rows).verdict == "consistent"
    assert finding("a = toy/1 fix=ts", "a.spread", "=", "0.054", rows=rows).verdict == "consistent"
    with pytest.raises(FaultyFile, match=r"a.spread of toy/1 \[; \] fid: '3.00' has no spread"):
        finding("a = toy/1 fix=none", "a.spread", "=", "0.05", rows=rows)


@pytest.mark.parametrize(
    ("stated", "verdict", "held"),
    [
        ("2.00 to 6.3", "consistent", ["yes"] * 4),
        ("2.00 to 6.4", "inconsistent", ["yes", "yes", "no", "yes"]),
        ("1.5 to 6.30", "inconsistent", ["yes", "yes", "yes", "no"]),
        ("2.0054 to 6.30", "rounding", ["yes", "yes", "yes", "possible"]),
    ],
)
def test_a_range_is_checked_at_both_ends(stated: str, verdict: str, held: list[str]) -> None:
    found = finding("b = toy/1 fix=ts", "b", "ranges over", stated)
    assert (found.verdict, [c.held for c in found.comparisons]) == (verdict, held)


def test_a_range_over_a_lost_number_is_unverifiable() -> None:
    rows = [*ROWS, row("", fix="ts", steps="5")]
    found = finding("b = toy/1 fix=ts", "b", "ranges over", "2.00 to 6.30", rows=rows)
    assert (found.verdict, found.reason) == ("unverifiable", "toy/1 [; ] fid is lost")


@pytest.mark.parametrize(
    ("quantifier", "verdict"),
    [
        ("2 of 3", "consistent"),
        ("at least 2 of 3", "consistent"),
        ("at least 1 of 3", "consistent"),
        ("at most 2 of 3", "consistent"),
        ("3 of 3", "inconsistent"),
        ("1 of 3", "inconsistent"),
        ("at most 1 of 3", "inconsistent"),
        ("at least 3 of 3", "inconsistent"),
        ("2 of 4", "inconsistent"),
        ("most", "consistent"),
        ("all", "wording"),
        ("none", "wording"),
    ],
)
def test_counts_are_counted(quantifier: str, verdict: str) -> None:
    """Better at 10 and 20 steps, worse at 50."""
    found = finding(PAIR, "b", "<", "a", quantifier)
    assert found.verdict == verdict
    assert found.reason == ("stated of 4 comparisons; there are 3" if quantifier == "2 of 4" else "")


def test_ties_and_lost_numbers_leave_a_count_open() -> None:
    values = {"a": ("1.00", "2.00"), "b": ("1.00", "1.00"), "c": ("1.00", "0.50")}
    rows = [row(v, fix=fix, dataset=d) for d, pair in values.items() for fix, v in zip(("x", "y"), pair, strict=True)]
    pair = "a = toy/1 fix=x; b = toy/1 fix=y"
    verdicts = {
        text: finding(pair, "a", "<", "b", text, rows).verdict for text in ("1 of 3", "2 of 3", "3 of 3", "none")
    }
    assert verdicts == {"1 of 3": "consistent", "2 of 3": "rounding", "3 of 3": "inconsistent", "none": "wording"}
    lost = [*rows, row("", fix="x", dataset="d"), row("1.00", fix="y", dataset="d")]
    verdicts = {
        text: finding(pair, "a", "<", "b", text, lost).verdict for text in ("1 of 4", "at least 1 of 4", "4 of 4")
    }
    assert verdicts == {"1 of 4": "unverifiable", "at least 1 of 4": "consistent", "4 of 4": "inconsistent"}


def test_rows_under_one_function_are_paired() -> None:
    """Gains of 50, 50 and -3.28 per cent; the row at 100 steps has no counterpart."""
    for formula, stated in (
        ("max(100 * (1 - b / a))", "50.0"),
        ("min(100 * (1 - b / a))", "-3.3"),
        ("mean(100 * (1 - b / a))", "32.2"),
        ("sum(a - b)", "6.80"),
    ):
        found = finding(ALL, formula, "=", stated)
        assert found.verdict == "consistent"
        assert [(name, lost.steps) for name, lost in found.unmatched] == [("b", "100")]
    assert finding(ALL, "mean(a) - mean(b)", "=", "2.8750").unmatched == []


def test_an_operand_of_one_row_is_part_of_every_pair() -> None:
    operands = "a = toy/1 fix=none steps=10; b = toy/1 fix=ts steps=10,20,50,100"
    found = finding(operands, "max(a / b)", "=", "4.00")
    assert (found.verdict, found.unmatched) == ("consistent", [])
    (comparison,) = found.comparisons
    assert comparison.spelled == "max(8.00 / 4.00, 8.00 / 3.00, 8.00 / 6.30, 8.00 / 2.00)"


def test_a_row_that_is_left_over_is_not_taken_for_one_of_every_pair() -> None:
    """Of the second only the row at 100 steps is there for data set y, so that nothing pairs."""
    rows = [row(n, fix="none", steps=n, dataset=d) for n in ("10", "20") for d in "xy"]
    rows += [row(n, fix="ts", steps=n, dataset="x") for n in ("10", "20")] + [
        row("1", fix="ts", steps="100", dataset="y")
    ]
    found = finding(
        "a = toy/1? fix=none steps=10,20; b = toy/1? fix=ts steps=10,20,100", "max(a / b)", "=", "1", "", rows
    )
    assert {r.dataset for c in found.comparisons for some in c.group.values() for r in some} == {"x"}
    assert len(found.unmatched) == 3


def test_several_under_one_function_are_not_paired_with_several() -> None:
    rows = [row(f"{n}.0", fix=fix, column=f"{n}") for fix in ("none", "ts") for n in (1, 2)]
    with pytest.raises(FaultyFile, match="pairs several rows with several"):
        finding("a = toy/1 fix=none; b = toy/1 fix=ts", "max(a - b)", "=", "0.0", "", rows)
    assert (
        finding("a = toy/1 fix=none; b = toy/1 fix=ts", "max(a) - max(b)", "=", "0.0", "", rows).verdict == "consistent"
    )


@pytest.mark.parametrize(
    ("formula", "relation", "stated", "verdict"),
    [
        ("argmin(a).steps", "=", "20", "consistent"),
        ("argmin(a).steps", "=", "20.0", "consistent"),
        ("argmax(a).steps", "=", "10", "consistent"),
        ("argmin(a).steps", "=", "50", "inconsistent"),
        ("argmin(a).steps", "is", "20", "consistent"),
        ("argmin(a).fix", "is", "None", "consistent"),
        ("argmax(a).fix", "is", "ts", "inconsistent"),
    ],
)
def test_the_row_with_the_least_value_tells_its_coordinate(
    formula: str, relation: str, stated: str, verdict: str
) -> None:
    assert finding("a = toy/1 fix=none steps=10,20,50", formula, relation, stated).verdict == verdict


def test_rows_that_may_be_the_least_are_candidates() -> None:
    """3.70 and 3.70 tie; 3.695 may be more than either; 3.71 is not less than 3.70 by any rounding."""
    values = {"5": "3.70", "10": "3.70", "20": "3.705", "50": "3.71", "100": "3.8"}
    rows = [row(value, steps=steps) for steps, value in values.items()]
    verdicts = {
        steps: finding(f"a = toy/1 steps={','.join(values)}", "argmin(a).steps", "=", steps, "", rows).verdict
        for steps in values
    }
    assert verdicts == {
        "5": "consistent",
        "10": "consistent",
        "20": "rounding",
        "50": "inconsistent",
        "100": "inconsistent",
    }


def test_two_selections_may_agree() -> None:
    operands = "a = toy/1 fix=none steps=10,20; b = toy/1 fix=ts steps=10,20,50"
    assert finding(operands, "argmin(a).steps", "=", "argmin(b).steps").verdict == "consistent"
    assert finding(operands, "argmax(a).steps", "=", "argmax(b).steps").verdict == "inconsistent"
    with pytest.raises(FaultyFile, match="'none' is not a number"):
        finding("a = toy/1 fix=none steps=10,20", "argmin(a).fix", "=", "20")


def test_a_trend_runs_along_any_coordinate() -> None:
    """500K is before 1M; words stand in order of the file."""
    rows = [row(v, model=m, steps="5") for m, v in (("1M", "2.0"), ("500K", "3.0"), ("2000000", "1.0"))]
    found = finding("a = toy/1 steps=5", "a", "falls with model", "", "all", rows)
    assert [(c.spelled, c.stated) for c in found.comparisons] == [("3.0", "2.0"), ("2.0", "1.0")]
    rows = [row(v, model=m) for m, v in (("small", "3.0"), ("base", "2.0"), ("large", "1.0"))]
    assert finding("a = toy/1", "a", "falls with model", "", "2 of 2", rows).verdict == "consistent"
    assert finding("a = toy/1", "a", "rises with model", "", "none", rows).verdict == "consistent"
    assert finding("a = toy/1", "a", "rises with model", "", "1 of 2", rows).verdict == "inconsistent"
    with pytest.raises(FaultyFile, match=r"several rows of one sequence have model 1\.0"):
        finding("a = toy/1", "a", "rises with model", "", "all", [row("1", model="1"), row("2", model="1.0")])


def test_a_trend_over_what_cannot_be_computed_is_unverifiable() -> None:
    rows = [row(v, steps=steps) for steps, v in (("5", "3.0"), ("10", "0.0"))]
    found = finding("a = toy/1", "1 / a", "falls with steps", "", "all", rows)
    assert (found.verdict, found.reason) == ("unverifiable", "the divisor may be 0: 1 / 3.0, then 1 / 0.0")


def test_one_row_under_two_names_is_one_number() -> None:
    """The number at 100 steps is the least of all, so that nothing lies between the two."""
    operands = "a = toy/1 fix=ts steps=100; o = toy/1 fix=ts steps=10,20,50,100"
    (comparison,) = finding(operands, "a - min(o)", "=", "0.0").comparisons
    assert comparison.left is not None
    assert comparison.left.rounded.low == comparison.left.rounded.high == 0

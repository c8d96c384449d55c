"""Proposed claims: their operands are those that most printed numbers fit, and the audit judges every one."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.auditing.claims.claims import parse_claims
from stages.auditing.claims.verdicts import Finding, judge
from stages.auditing.importer.decisions import Decision
from stages.auditing.importer.interpret.number_rows import numbers_of
from stages.auditing.importer.propose.audit_folder import contents
from stages.auditing.importer.read.grids import Cell, Table
from stages.auditing.output.findings import warnings
from stages.auditing.tables.rows import Papers, parse_metrics, parse_table
from stages.auditing.tables.schema import parse_schema


def table_of(rows: str, number: str = "1", head: int = 1) -> Table:
    """A table from lines of cells separated by bars, those with a star in bold."""
    cells = [[text.strip() for text in line.split("|")] for line in rows.strip().splitlines()]
    grid = [
        [Cell(text.removeprefix("*"), text.startswith("*"), i, j) for j, text in enumerate(row)]
        for i, row in enumerate(cells)
    ]
    return Table(number, "", "", "toy.csv", "toy.csv", grid, head)


def proposed(*tables: Table) -> tuple[list[Finding], list[Decision]]:
    """The findings of all claims proposed, as the audit reads and judges them, and what is to decide."""
    numbers = {table.number: numbers_of(table)[0] for table in tables}
    content = contents("toy", numbers)
    files = content.files
    schema = parse_schema("schema.yaml", files["schema.yaml"])
    metrics = parse_metrics("metrics.csv", files["metrics.csv"])
    papers = Papers({"toy": parse_table("toy.csv", files["toy.csv"], metrics, schema)}, schema, metrics)
    claims = parse_claims("claims.csv", files["claims.csv"], schema)
    findings = [finding for claim in claims for finding in judge(claim, papers)]
    assert len({finding.id for finding in findings}) == len(findings)
    assert warnings(findings) == []
    return findings, content.decisions


def messages_of(findings: list[Finding]) -> list[tuple[str, str, str]]:
    return [(finding.claim.kind, finding.claim.check, finding.verdict) for finding in findings]


def test_improvements_are_over_the_base_that_most_fit() -> None:
    """Over base: 1 - 6 / 8 = 25 %, 1 - 2 / 8 = 75 %; 1 - 5 / 8 is 37.5 %, printed 40."""
    findings, decisions = proposed(
        table_of("Method|FID\nother|9.00\nbase|8.00\nx|6.00 (25.0%)\ny|2.00 (75.0%)\nz|5.00 (40.0%)")
    )
    checks = [
        (f"a = toy/1 method=base; b = toy/1 method={name}", verdict)
        for name, verdict in (("x", "consistent"), ("y", "consistent"), ("z", "inconsistent"))
    ]
    assert messages_of(findings) == [
        ("improvement", f"100 * (1 - b / a) = b.improvement; {operands}", verdict) for operands, verdict in checks
    ]
    (base,) = (decision.text for decision in decisions if decision.kind == "base")
    assert base == "improvements of fid are assumed to be over method base by 100 * (1 - b / a): 2 of 3 fit"


def test_improvements_may_be_differences_over_another_column() -> None:
    findings, _ = proposed(table_of("Data|base acc.|our acc.\nx|90.0|91.5 (+1.5)\ny|80.0|81.0 (+1.0)"))
    (first, second) = findings
    assert first.claim == second.claim
    assert first.claim.check == "b - a = b.improvement; a = toy/1 variant=base; b = toy/1 variant=our"
    assert {finding.verdict for finding in findings} == {"consistent"}


def test_a_row_without_improvement_makes_a_claim_of_each_number() -> None:
    findings, _ = proposed(table_of("Method|A FID|B FID\nbase|8.00|4.00\nx|6.00 (25.0%)|2.00"))
    assert messages_of(findings) == [
        (
            "improvement",
            "100 * (1 - b / a) = b.improvement; a = toy/1 method=base variant=a; b = toy/1 method=x variant=a",
            "consistent",
        )
    ]


def test_improvements_with_nothing_to_compare_are_told() -> None:
    findings, decisions = proposed(table_of("Method|FID\nx|6.00 (25.0%)"))
    assert [finding.verdict for finding in findings] == ["unverifiable"]
    assert "1 improvements of fid: there is no row that could be their base" in [d.text for d in decisions]


def test_columns_of_differences_take_the_columns_that_fit() -> None:
    """Δ of the first row is 3.0 - 1.0; of the second 5.0 - 4.5 = 0.5, printed 0.9."""
    findings, decisions = proposed(table_of("Method|A|B|C|Δ\nx|3.0|9.0|1.0|2.0\ny|5.0|9.0|4.5|0.9\nz|7.0|1.0|4.0|3.0"))
    operands = "a = toy/1 setting=a; b = toy/1 setting=c; d = toy/1 setting=delta"
    assert messages_of(findings) == [
        ("difference", f"a - b = d; {operands}", verdict) for verdict in ("consistent", "inconsistent", "consistent")
    ]
    assert "assumed to be a - b with a = A; b = C: 2 of 3 fit" in [decision.text for decision in decisions]


def test_rows_of_differences_and_speed_ups_are_ratios_of_rows() -> None:
    findings, _ = proposed(table_of("Method|time|memory\nslow|8.0|6.0\nfast|2.0|3.0\nspeedup|4.0|2.0"))
    assert (
        messages_of(findings)
        == [
            (
                "difference",
                "a / b = d; a = toy/1 method=slow; b = toy/1 method=fast; d = toy/1 method=speedup",
                "consistent",
            )
        ]
        * 2
    )


def test_averages_leave_out_other_metrics_and_totals_are_sums() -> None:
    """(1 + 2 + 6) / 3 = 3; the column of times is no part of it."""
    findings, _ = proposed(table_of("Task|x|y|z|time|Avg.\na|1.0|2.0|6.0|99.0|3.0\nb|2.0|2.0|2.0|99.0|2.5"))
    assert messages_of(findings) == [
        ("mean", "mean(a) = d; a = toy/1 metric=x,y,z; d = toy/1 metric=avg", verdict)
        for verdict in ("consistent", "inconsistent")
    ]
    findings, _ = proposed(table_of("Part|FID\na|1.0\nb|2.0\nc|6.0\nTotal|9.0"))
    assert messages_of(findings) == [("mean", "sum(a) = d; a = toy/1 part=a,b,c; d = toy/1 part=total", "consistent")]


def test_bold_numbers_are_the_best_of_what_most_of_them_are() -> None:
    columns = "Method|FID|recall\nx|*1.00|0.50\ny|2.00|*0.60\nz|3.00|0.40"
    findings, _ = proposed(table_of(columns))
    assert messages_of(findings) == [
        ("ordering", "a <= min(o); a = toy/1 method=x metric=fid; o = toy/1 metric=fid", "consistent"),
        ("ordering", "a >= max(o); a = toy/1 method=y metric=recall; o = toy/1 metric=recall", "consistent"),
    ]
    findings, _ = proposed(table_of(columns.replace("3.00|0.40", "*0.50|0.40")))
    assert [finding.verdict for finding in findings] == ["wording", "consistent", "consistent"]
    groups = "Data|Method|FID\nA|x|1.00\nA|y|*0.50\nB|x|*7.00\nB|y|8.00"
    findings, _ = proposed(table_of(groups))
    assert [finding.claim.check for finding in findings] == [
        "a <= min(o); a = toy/1 dataset=a method=y; o = toy/1 dataset=a",
        "a <= min(o); a = toy/1 dataset=b method=x; o = toy/1 dataset=b",
    ]
    rows = "Data|x FID|y FID\nA|*1.00|2.00\nB|8.00|*7.00"
    findings, _ = proposed(table_of(rows))
    assert [finding.claim.statement.rpartition("of its ")[2] for finding in findings] == ["row", "row"]
    assert {finding.verdict for finding in findings} == {"consistent"}


def test_bold_that_marks_no_best_or_has_no_direction_is_told() -> None:
    findings, decisions = proposed(table_of("Method|FID\nx|1.00\ny|*2.00\nz|*3.00"))
    assert [finding.verdict for finding in findings] == ["unverifiable"]
    assert "bold numbers: 0 of 2 are the best of their column; bold may mean something else" in [
        d.text for d in decisions
    ]
    _, decisions = proposed(table_of("Method|foo\nx|1.00\ny|*2.00"))
    assert "bold numbers of value: its direction is not known" in [d.text for d in decisions]


def test_numbers_that_two_tables_print_are_compared_where_most_agree() -> None:
    first = table_of("Method|FID\nx|1.00\ny|2.00\nz|3.00")
    second = table_of("Method|FID\nx|1.0\ny|2.50\nz|3.0\nw|4.0", "2")
    findings, _ = proposed(first, second)
    operands = "a = toy/1? metric=fid; b = toy/2? metric=fid"
    assert messages_of(findings) == [
        ("repeated", f"a = b; {operands}", verdict) for verdict in ("consistent", "inconsistent", "consistent")
    ]
    other = table_of("Method|FID\nx|7.00\ny|8.00\nz|3.00", "2")
    findings, decisions = proposed(first, other)
    assert [finding.verdict for finding in findings] == ["unverifiable"]
    assert ("Tables 1 and 2", "fid: of 3 pairs of equal coordinates 1 have the same number; what is missing?") in [
        (d.place, d.text) for d in decisions
    ]


def test_a_base_of_zero_makes_no_fault() -> None:
    findings, decisions = proposed(table_of("Method|FID\nbase|0.00\nx|6.00 (25.0%)"))
    assert all(finding.verdict != "consistent" for finding in findings)
    assert any(decision.kind == "base" for decision in decisions)


LABELS = st.sampled_from(["Ours", "DDIM", "Avg.", "Δ", "total", "gain (%)", "ADM-IP*", 'x, y; "z"', "a = b", "10", "é"])
HEADERS = st.sampled_from(
    ["FID ↓", "acc.", "Avg.", "Δ", "foo", "10 steps", "20", "n", "mean", "speedup", "p", "IS", ""]
)
CELLS = st.one_of(
    st.decimals(-99, 99, places=2).map(str),
    st.sampled_from(["0", "0.00", "5.1 (3.0%)", "4.0 (+1.0)", "*2.5", "*3.0 ± 0.1", "", "--", "OOM", "1.2K", "3 (4)"]),
)


@settings(max_examples=100)
@given(st.data())
def test_whatever_a_table_holds_the_audit_judges_what_is_proposed(data: st.DataObject) -> None:
    width = data.draw(st.integers(1, 4))
    tables = []
    for number in ("1", "2")[: data.draw(st.integers(1, 2))]:
        header = ["Method", *data.draw(st.lists(HEADERS, min_size=width, max_size=width))]
        labels = data.draw(st.lists(LABELS, min_size=1, max_size=5))
        cells = st.lists(CELLS, min_size=width, max_size=width)
        rows = [[label.replace("|", ""), *data.draw(cells)] for label in labels]
        table = table_of("\n".join("|".join(row) for row in [header, *rows]), number)
        if numbers_of(table)[0]:
            tables.append(table)
    if tables:
        findings, _ = proposed(*tables)
        assert findings


@pytest.mark.parametrize("name", ["awkward.tex", "same.md"])
def test_the_tables_of_files_are_judged(name: str) -> None:
    from stages.auditing.importer.read.grids import numbered
    from stages.auditing.importer.read.paper_files import read_tables

    read = read_tables(Path(__file__).parent / name)
    tables, _ = numbered([[table for table in read if isinstance(table, Table)]])
    findings, _ = proposed(*tables)
    assert {finding.verdict for finding in findings} == {"consistent", "inconsistent"}

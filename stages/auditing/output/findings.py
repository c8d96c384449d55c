"""The audit as one record: its findings, groups, tables and candidates, as the page and the files show them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import accumulate
from typing import Any

from stages.auditing.checks.screen import CHECKS
from stages.auditing.checks.table_cells import Candidate
from stages.auditing.claims.claims import SANITY
from stages.auditing.claims.comparisons import Comparison, rows_of
from stages.auditing.claims.instances import lost_rows, near_misses
from stages.auditing.claims.relations import RANGES
from stages.auditing.claims.verdicts import VERDICTS, Finding, Verdict
from stages.auditing.output.finding_groups import finding_groups
from stages.auditing.output.recomputed import OUTER, SIGNS, headline, instance, span_record, speaks_against, sum_record
from stages.auditing.output.spreadsheet import harmless
from stages.auditing.output.table_layout import anchor, table_layout
from stages.auditing.tables.rows import SOURCES, Papers, Row, csv_text

COLUMNS = (
    "id",
    "verdict",
    "paper",
    "where",
    "line",
    "kind",
    "statement",
    "case",
    "basis",
    "check",
    "sum",
    "relation",
    "stated",
    "recomputed",
    "low",
    "high",
    "outer",
    "held",
    "counter_examples",
    "ties",
    "unmatched",
    "operands",
    "explanation",
    "cause",
    "origin",
    "headline",
    "tables",
    "place",
    "places",
)
# Outcomes of sanity checks, which are not verdicts on a paper.
OUTCOMES = ("fails", "undecided", "holds")
OUTCOME_OF: dict[Verdict, str] = {
    "inconsistent": "fails",
    "wording": "fails",
    "rounding": "undecided",
    "unverifiable": "undecided",
    "consistent": "holds",
}
# A page with more published numbers takes minutes to render and to open.
MOST_NUMBERS = 20_000
# The verdicts and outcomes that a claim's cause explains.
WRONG = ("inconsistent", "wording", "fails")


def audit_record(
    findings: Sequence[Finding],
    papers: Papers,
    titles: Mapping[str, str],
    candidates: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Return the content of the audit's page and files as one JSON-compatible record.

    ``candidates`` are the records of the checks that need no claim, as candidate_records returns them.
    """
    records = [finding_record(finding) for finding in findings]
    records.sort(key=lambda record: ((*VERDICTS, *OUTCOMES).index(record["verdict"]), record["basis"]))
    flags = _flags(findings)
    tables = _tables(papers)
    shown = _shown(tables, flags)
    return {
        "titles": dict(titles),
        "counts": counts(records),
        "verdicts": list(VERDICTS),
        "findings": records,
        "sanity": {word: sum(record["verdict"] == word for record in records) for word in OUTCOMES},
        "groups": finding_groups(records),
        "warnings": warnings(findings),
        "tables": [table_layout(rows, papers.metrics, flags) for rows in shown],
        "left_out": len(tables) - len(shown),
        "coverage": coverage(findings, papers),
        "candidates": list(candidates),
    }


def findings_csv(record: Mapping[str, Any]) -> str:
    """Return the text of a CSV file of an audit's findings."""
    rows = []
    for finding in record["findings"]:
        cells = [finding[column] for column in COLUMNS]
        rows.append([harmless("; ".join(cell) if isinstance(cell, list) else str(cell)) for cell in cells])
    return csv_text(COLUMNS, rows)


def _tables(papers: Papers) -> list[list[Row]]:
    """Return the rows of each table or, if it has several parts, of each part, grouped by table."""
    tables: dict[tuple[str, str], dict[str, list[Row]]] = {}
    for paper, content in papers.items():
        if paper != SOURCES:
            for row in content:
                tables.setdefault((row.paper, row.table), {}).setdefault(row.where, []).append(row)
    return [rows for parts in tables.values() for rows in parts.values()]


def _shown(tables: Sequence[list[Row]], flags: Collection[tuple[str, ...]]) -> list[list[Row]]:
    """Return the tables that fit on a page, in their order; those with a marked number are preferred."""
    marked_first = sorted(range(len(tables)), key=lambda i: not any(row.key in flags for row in tables[i]))
    sizes = accumulate(len(tables[i]) for i in marked_first)
    kept = {i for i, size in zip(marked_first, sizes, strict=True) if size <= MOST_NUMBERS}
    return [rows for i, rows in enumerate(tables) if i in kept]


def warnings(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """Return a warning for each claim with rows that are part of no comparison and not marked as partial."""
    claims = {finding.claim.id: finding for finding in findings}
    found = []
    for name, finding in claims.items():
        if lost := lost_rows(finding.claim, finding.unmatched):
            rows = [f"{operand} = {row.value} ({row.label})" for operand, row in lost]
            hints = near_misses(finding.claim, finding.unmatched)
            found.append({"claim": name, "place": finding.claim.place, "rows": rows, "hints": hints})
    return found


def coverage(findings: Sequence[Finding], papers: Papers) -> dict[str, int]:
    """Return the number of values in the papers' tables, and how many of them are part of a check."""
    printed = {row.key for paper, rows in papers.items() if paper != SOURCES for row in rows if row.value}
    used = {row.key for finding in findings for comparison in finding.comparisons for row in rows_of(comparison)}
    return {"printed": len(printed), "checked": len(printed & used)}


def counts(records: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """Return the number of findings of each paper and verdict, without sanity checks."""
    papers = dict.fromkeys(sorted(record["paper"] for record in records))
    return {
        paper: {word: sum(r["paper"] == paper and r["verdict"] == word for r in records) for word in VERDICTS}
        for paper in papers
    }


def verdict_of(finding: Finding) -> str:
    """Return a finding's verdict, or the outcome of a sanity check."""
    return OUTCOME_OF[finding.verdict] if finding.claim.kind == SANITY else finding.verdict


def finding_record(finding: Finding) -> dict[str, Any]:
    """Return one finding as text: the computation with the printed values, the recomputed interval, counter-examples.

    A finding of one comparison has the computation and the interval; one of many comparisons lists those that did not
    hold, and those that the printed digits cannot decide.
    """
    claim = finding.claim
    comparisons = finding.comparisons
    verdict = verdict_of(finding)
    operands = _operands(comparisons)
    record: dict[str, Any] = dict.fromkeys(COLUMNS, "") | {
        "id": finding.id,
        "verdict": verdict,
        "paper": claim.paper,
        "where": claim.where,
        "line": claim.line,
        "kind": claim.kind,
        "statement": claim.statement,
        "case": ", ".join(finding.case),
        "place": claim.place,
        "basis": _basis(comparisons),
        "cause": claim.cause if verdict in WRONG else "",
        "relation": SIGNS.get(claim.relation, claim.relation),
        "stated": claim.stated,
        "unmatched": len(finding.unmatched),
        "check": claim.check if claim.formula else "",
        "operands": list(operands),
        "places": list(operands.values()),
        "counter_examples": [],
        "ties": [],
        "origin": [],
        "explanation": finding.reason,
        "outer": OUTER if any(comparison.outer for comparison in comparisons) else "",
    }
    if finding.verdict != "consistent":
        record["explanation"] = finding.reason or claim.explanation
        record["origin"] = [_source(row) for row in finding.origin]
    if claim.quantifier and finding.verdict != "unverifiable":
        record["held"] = f"{sum(c.held == 'yes' for c in comparisons)} of {len(comparisons)}"
        record["counter_examples"] = [instance(c, claim) for c in comparisons if c.held == speaks_against(claim)]
        record["ties"] = [instance(c, claim) for c in comparisons if c.held == "possible"]
    elif finding.verdict != "unverifiable":
        spans = claim.relation == RANGES
        record |= span_record(comparisons, claim) if spans else sum_record(comparisons[0], claim)
    rows = [row for comparison in comparisons for row in rows_of(comparison) if row.table and not row.of_source]
    record["tables"] = list(dict.fromkeys(anchor(row.paper, row.table) for row in rows))
    record["headline"] = headline(finding, record)
    return record


def _operands(comparisons: Sequence[Comparison]) -> dict[str, str]:
    """Return the operands with their values, and the file and line of each; a number of the text has none."""
    operands = ((name, row) for c in comparisons for name, rows in c.group.items() for row in rows)
    return {f"{name} = {row.value} ({row.label})": row.place for name, row in operands}


def _basis(comparisons: Sequence[Comparison]) -> str:
    rows = (row for comparison in comparisons for row in rows_of(comparison))
    return "sources" if any(row.of_source for row in rows) else "papers"


def _source(row: Row) -> str:
    origin = row.source if row.of_source else row.paper
    return f"{origin}, {row.where}: {row.row}, {row.column}: {row.metric} {row.value}"


def _flags(findings: Sequence[Finding]) -> dict[tuple[str, ...], tuple[str, str]]:
    """Return the gravest verdict against each published number, and the id of the finding with it."""
    flags: dict[tuple[str, ...], tuple[str, str]] = {}
    for finding in sorted(findings, key=lambda f: VERDICTS.index(f.verdict)):
        if finding.verdict not in ("consistent", "unverifiable") and finding.claim.kind != SANITY:
            against = speaks_against(finding.claim) if finding.claim.quantifier else "no"
            for comparison in finding.comparisons:
                if comparison.held not in (against, "possible"):
                    continue
                for row in rows_of(comparison):
                    if row.table:
                        flags.setdefault(row.key, (finding.verdict, finding.id))
    return flags


# Shown per check; a table that repeats itself gives thousands.
MOST_CANDIDATES = 100
# Shown per candidate; a whole table may be one.
MOST_CANDIDATE_ROWS = 6


def candidate_records(candidates: Sequence[Candidate]) -> list[dict[str, Any]]:
    """Return a record of each check that found candidates: its description, their number, and the first of them."""
    records = []
    for check in CHECKS:
        found = [candidate for candidate in candidates if candidate.check == check.name]
        if not found:
            continue
        shown = [
            {"message": candidate.message, "rows": _labels(candidate.rows)} for candidate in found[:MOST_CANDIDATES]
        ]
        records.append(
            {
                "check": check.name,
                "title": check.title,
                "literature": check.literature,
                "limits": check.limits,
                "count": len(found),
                "found": shown,
            }
        )
    return records


def _labels(rows: Sequence[Row]) -> list[str]:
    more = [f"and {len(rows) - MOST_CANDIDATE_ROWS} more"] if len(rows) > MOST_CANDIDATE_ROWS else []
    return [row.label for row in rows[:MOST_CANDIDATE_ROWS]] + more

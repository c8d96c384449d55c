"""Findings of the audit as records: what the page, the CSV and the terminal show of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import accumulate
from typing import Any

from stages.auditing.claims.claims import SANITY
from stages.auditing.claims.comparisons import Comparison
from stages.auditing.claims.instances import lost_rows, near_misses
from stages.auditing.claims.relations import RANGES
from stages.auditing.claims.verdicts import VERDICTS, Finding, Verdict
from stages.auditing.output.finding_groups import finding_groups
from stages.auditing.output.recomputed import OUTER, SIGNS, headline, instance, span_record, speaks_against, sum_record
from stages.auditing.output.table_layout import anchor, table_layout
from stages.auditing.tables.rows import SOURCES, Papers, Row

COLUMNS = (
    "id", "verdict", "paper", "where", "line", "kind", "statement", "case", "basis", "check", "sum", "relation",
    "stated", "recomputed", "low", "high", "outer", "held", "counter_examples", "ties", "unmatched", "operands",
    "explanation", "cause", "origin", "headline", "tables", "place", "places",
)  # fmt: skip
# What comes of a sanity check: no verdict on a paper.
OUTCOMES = ("fails", "undecided", "holds")
OUTCOME_OF: dict[Verdict, str] = {
    "inconsistent": "fails", "wording": "fails", "rounding": "undecided", "unverifiable": "undecided",
    "consistent": "holds",
}  # fmt: skip
# A page of more published numbers takes minutes to make and to open.
MOST_NUMBERS = 20_000
# What a claim's cause speaks of.
WRONG = ("inconsistent", "wording", "fails")


def audit_record(
    findings: Sequence[Finding],
    papers: Papers,
    titles: Mapping[str, str],
    candidates: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Return all that the audit's page and its other files show, in values that JSON can hold.

    ``candidates`` are checks that need no claim: each a check, title, literature, limits, and what it found, each told
    in a sentence with the labels of its rows.
    """
    records = [finding_record(finding) for finding in findings]
    records.sort(key=lambda record: ((*VERDICTS, *OUTCOMES).index(record["verdict"]), record["basis"]))
    flags = _flags(findings)
    tables = _tables(papers)
    shown = _shown(tables, flags)
    return {
        "titles": dict(titles), "counts": counts(records), "verdicts": list(VERDICTS), "findings": records,
        "sanity": {word: sum(record["verdict"] == word for record in records) for word in OUTCOMES},
        "groups": finding_groups(records), "warnings": warnings(findings),
        "tables": [table_layout(rows, papers.metrics, flags) for rows in shown], "left_out": len(tables) - len(shown),
        "coverage": coverage(findings, papers), "candidates": list(candidates),
    }  # fmt: skip


def _tables(papers: Papers) -> list[list[Row]]:
    """Return the rows of each table, or of each of its parts, the parts of a table one after another."""
    tables: dict[tuple[str, str], dict[str, list[Row]]] = {}
    for row in (row for paper, content in papers.items() if paper != SOURCES for row in content):
        tables.setdefault((row.paper, row.table), {}).setdefault(row.where, []).append(row)
    return [rows for parts in tables.values() for rows in parts.values()]


def _shown(tables: Sequence[list[Row]], flags: Collection[tuple[str, ...]]) -> list[list[Row]]:
    """Return the tables that a page can hold, in their order: first those with a number that a finding marks."""
    unmarked = sorted(range(len(tables)), key=lambda i: not any(row.key in flags for row in tables[i]))
    sizes = accumulate(len(tables[i]) for i in unmarked)
    kept = {i for i, size in zip(unmarked, sizes, strict=True) if size <= MOST_NUMBERS}
    return [rows for i, rows in enumerate(tables) if i in kept]


def warnings(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """Return, for each claim with rows that are part of no comparison though its operands could pair them, which."""
    claims = {finding.claim.id: finding for finding in findings}
    found = []
    for name, finding in claims.items():
        if lost := lost_rows(finding.claim, finding.unmatched):
            rows = [f"{operand} = {row.value} ({row.label})" for operand, row in lost]
            hints = near_misses(finding.claim, finding.unmatched)
            found.append({"claim": name, "place": finding.claim.place, "rows": rows, "hints": hints})
    return found


def coverage(findings: Sequence[Finding], papers: Papers) -> dict[str, int]:
    """Return how many numbers the papers' tables print, and how many of them are part of a check."""
    printed = {row.key for paper, rows in papers.items() if paper != SOURCES for row in rows if row.value}
    used = {row.key for f in findings for c in f.comparisons for rows in c.group.values() for row in rows}
    return {"printed": len(printed), "checked": len(printed & used)}


def counts(records: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """Return how many findings each paper has of each verdict, sanity checks apart."""
    papers = dict.fromkeys(sorted(record["paper"] for record in records))
    return {
        paper: {word: sum(r["paper"] == paper and r["verdict"] == word for r in records) for word in VERDICTS}
        for paper in papers
    }


def verdict_of(finding: Finding) -> str:
    """Return a finding's verdict, or what came of a sanity check."""
    return OUTCOME_OF[finding.verdict] if finding.claim.kind == SANITY else finding.verdict


def finding_record(finding: Finding) -> dict[str, Any]:
    """Return one finding as text: its sum with the printed values, the recomputed interval, and what stands against it.

    The sum and the interval are given where the finding rests on one comparison; one over many names those that did
    not hold, and those where the printed digits cannot tell.
    """
    claim, comparisons = finding.claim, finding.comparisons
    verdict = verdict_of(finding)
    operands = _operands(comparisons)
    record: dict[str, Any] = dict.fromkeys(COLUMNS, "") | {
        "id": finding.id, "verdict": verdict, "paper": claim.paper, "where": claim.where, "line": claim.line,
        "kind": claim.kind, "statement": claim.statement, "case": ", ".join(finding.case), "place": claim.place,
        "basis": _basis(comparisons), "cause": claim.cause if verdict in WRONG else "",
        "relation": SIGNS.get(claim.relation, claim.relation), "stated": claim.stated,
        "unmatched": len(finding.unmatched),
        "check": claim.check if claim.formula else "", "operands": list(operands), "places": list(operands.values()),
        "counter_examples": [], "ties": [], "origin": [], "explanation": finding.reason,
        "outer": OUTER if any(comparison.outer for comparison in comparisons) else "",
    }  # fmt: skip
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
    places = (row for c in comparisons for rows in c.group.values() for row in rows if row.table and not row.of_source)
    record["tables"] = list(dict.fromkeys(anchor(row.paper, row.table) for row in places))
    record["headline"] = headline(finding, record)
    return record


def _operands(comparisons: Sequence[Comparison]) -> dict[str, str]:
    """Return the operands with their values, and the file and line of each; none where the prose prints it."""
    operands = ((name, row) for c in comparisons for name, rows in c.group.items() for row in rows)
    return {f"{name} = {row.value} ({row.label})": row.place for name, row in operands}


def _basis(comparisons: Sequence[Comparison]) -> str:
    rows = (row for c in comparisons for rows in c.group.values() for row in rows)
    return "sources" if any(row.of_source for row in rows) else "papers"


def _source(row: Row) -> str:
    origin = row.source if row.of_source else row.paper
    return f"{origin}, {row.where}: {row.row}, {row.column}: {row.metric} {row.value}"


def _flags(findings: Sequence[Finding]) -> dict[tuple[str, ...], tuple[str, str]]:
    """Return the gravest verdict against each published number, with the finding that gives it."""
    flags: dict[tuple[str, ...], tuple[str, str]] = {}
    for finding in sorted(findings, key=lambda f: VERDICTS.index(f.verdict)):
        if finding.verdict not in ("consistent", "unverifiable") and finding.claim.kind != SANITY:
            against = speaks_against(finding.claim) if finding.claim.quantifier else "no"
            shaky = (c for c in finding.comparisons if c.held in (against, "possible"))
            for row in (row for c in shaky for rows in c.group.values() for row in rows if row.table):
                flags.setdefault(row.key, (finding.verdict, finding.id))
    return flags

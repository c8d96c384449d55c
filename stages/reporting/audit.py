"""The audit's record: findings with their sums spelled out, counts, and every published table in its paper's layout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from itertools import groupby
from typing import Any

from stages.papers.numbers import parse_number
from stages.papers.tables import SOURCES, Metric, Row
from stages.papers.verdicts import VERDICTS, Comparison, Finding

COLUMNS = (
    "id", "verdict", "paper", "where", "kind", "statement", "sum", "relation", "stated", "recomputed", "low", "high",
    "held", "basis", "operands", "counter_examples", "explanation", "origin",
)  # fmt: skip
LEVELS = " | "


def audit_record(
    findings: Sequence[Finding], papers: Mapping[str, Sequence[Row]], metrics: Mapping[str, Metric]
) -> dict[str, Any]:
    """Return all that the audit's page and its CSV show, in values that JSON can hold."""
    records = [finding_record(finding) for finding in findings]
    records.sort(key=lambda record: (VERDICTS.index(record["verdict"]), record["basis"]))
    flags = _flags(findings)
    tables = [
        table_layout(list(rows), metrics, flags)
        for paper, content in papers.items()
        if paper != SOURCES
        for _, rows in groupby(content, key=lambda row: (row.table, row.where))
    ]
    return {"counts": counts(records), "verdicts": list(VERDICTS), "findings": records, "tables": tables}


def counts(records: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """Return how many findings each paper has of each verdict."""
    papers = dict.fromkeys(sorted(record["paper"] for record in records))
    return {
        paper: {word: sum(r["paper"] == paper and r["verdict"] == word for r in records) for word in VERDICTS}
        for paper in papers
    }


def finding_record(finding: Finding) -> dict[str, Any]:
    """Return one finding as text: its sum with the printed values, the recomputed interval, and what stands against it.

    The sum and the interval are given where the finding rests on one comparison; one over many names those that did
    not plainly hold.
    """
    claim, comparisons = finding.claim, finding.comparisons
    record = dict.fromkeys(COLUMNS, "") | {
        "id": finding.id, "verdict": finding.verdict, "paper": claim.paper, "where": claim.where, "kind": claim.kind,
        "statement": claim.statement, "relation": claim.relation, "stated": claim.stated,
        "operands": "; ".join(_operands(comparisons)), "basis": _basis(comparisons),
        "explanation": finding.reason,
    }  # fmt: skip
    if finding.verdict != "consistent":
        record["explanation"] = finding.reason or claim.explanation
        record["origin"] = "; ".join(_source(row) for row in finding.origin)
    if len(comparisons) == 1:
        record |= _sum(comparisons[0])
    elif comparisons:
        record["held"] = f"{len(comparisons) - len(finding.shaky)} of {len(comparisons)}"
        record["counter_examples"] = "; ".join(_instance(c, claim.relation) for c in finding.shaky)
    return record


def summary_lines(record: Mapping[str, Any], shown: Sequence[str] = VERDICTS) -> list[str]:
    """Return the audit for a terminal: counts per paper and verdict, then the findings of the verdicts ``shown``."""
    width = max(map(len, VERDICTS)) + 2
    lines = ["paper".ljust(8) + "".join(word.rjust(width) for word in VERDICTS)]
    for paper, words in record["counts"].items():
        lines.append(paper.ljust(8) + "".join(str(words[word]).rjust(width) for word in VERDICTS))
    for finding in record["findings"]:
        if finding["verdict"] in shown:
            lines += ["", f"{finding['verdict']}: {finding['paper']}, {finding['where']}: {finding['statement']}"]
            lines += [f"    {line}" for line in (spelled_out(finding), because(finding)) if line]
            lines.append(f"    [{finding['id']}]")
    return lines


def spelled_out(finding: Mapping[str, str]) -> str:
    """Return a finding's sum in words: the recomputation with its interval against what is stated."""
    if finding["held"]:
        against = f"; not at {finding['counter_examples']}" if finding["counter_examples"] else ""
        return f"holds at {finding['held']}{against}"
    if not finding["recomputed"]:
        return f"{finding['sum']}; stated: {finding['stated']}" if finding["sum"] else ""
    result = "" if finding["sum"] == finding["recomputed"] else f" = {finding['recomputed']}"
    stated = "stated" if finding["relation"] == "=" else f"claimed to be {finding['relation']}"
    exact = finding["low"] == finding["high"]
    interval = "" if exact else f", from {finding['low']} to {finding['high']} by the printed digits"
    return f"{finding['sum']}{result}{interval}; {stated} {finding['stated']}"


def because(finding: Mapping[str, str]) -> str:
    """Return a finding's explanation with its origin."""
    return " - ".join(filter(None, (finding["explanation"], finding["origin"])))


def table_layout(
    rows: Sequence[Row], metrics: Mapping[str, Metric], flags: Mapping[tuple[str, ...], tuple[str, str]]
) -> dict[str, Any]:
    """Return one published table as its paper prints it: header levels, row labels, and the numbers of each cell."""
    columns = list(dict.fromkeys(row.column for row in rows))
    labels = list(dict.fromkeys(row.row for row in rows))
    cells: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in rows:
        verdict, finding = flags.get(row.key, ("", ""))
        number = {
            "metric": row.metric, "heading": metrics[row.metric].heading or row.metric, "value": row.value,
            "improvement": row.improvement, "note": row.note, "verdict": verdict, "finding": finding,
        }  # fmt: skip
        cells.setdefault((row.row, row.column), []).append(number)
    return {
        "paper": rows[0].paper, "table": rows[0].table, "where": rows[0].where,
        "metrics": list(dict.fromkeys(metrics[row.metric].heading or row.metric for row in rows)),
        "head": _spans([column.split(LEVELS) for column in columns]),
        "labels": _depth(labels),
        "body": [
            {"labels": label, "cells": [cells.get((name, column), []) for column in columns]}
            for name, label in zip(labels, _leading(labels), strict=True)
        ],
    }  # fmt: skip


def _operands(comparisons: Sequence[Comparison]) -> list[str]:
    found = (
        f"{name} = {row.value} ({row.label})" for c in comparisons for name, rows in c.group.items() for row in rows
    )
    return list(dict.fromkeys(found))


def _basis(comparisons: Sequence[Comparison]) -> str:
    rows = (row for c in comparisons for rows in c.group.values() for row in rows)
    return "sources" if any(row.table and not row.table.isdigit() for row in rows) else "papers"


def _source(row: Row) -> str:
    return f"{row.source}, {row.where}: {row.row}, {row.column}: {row.metric} {row.value}"


def _sum(comparison: Comparison) -> dict[str, str]:
    record = {"sum": comparison.spelled, "stated": comparison.stated}
    if comparison.left is None:
        return record
    digits = _digits(comparison)
    point, rounded = comparison.left.printed, comparison.left.rounded
    recomputed = comparison.spelled if _is_number(comparison.spelled) else _decimal(point.low, digits, ROUND_HALF_EVEN)
    return record | {
        "recomputed": recomputed, "low": _decimal(rounded.low, digits, ROUND_FLOOR),
        "high": _decimal(rounded.high, digits, ROUND_CEILING),
    }  # fmt: skip


def _instance(comparison: Comparison, relation: str) -> str:
    places = ", ".join(dict.fromkeys(row.label for rows in comparison.group.values() for row in rows))
    word = {"rises": "then", "falls": "then"}.get(relation.split()[0], relation)
    return f"{comparison.spelled} {word} {comparison.stated} ({places})"


def _digits(comparison: Comparison) -> int:
    texts = [row.value for rows in comparison.group.values() for row in rows] + [comparison.stated]
    numbers = [parse_number(text) for text in texts if _is_number(text)]
    return 1 + max((len(str(n.unit.denominator)) - 1 for n in numbers), default=0)


def _is_number(text: str) -> bool:
    try:
        parse_number(text)
    except ValueError:
        return False
    return True


def _decimal(value: Fraction, digits: int, rounding: str) -> str:
    exact = Decimal(value.numerator) / Decimal(value.denominator)
    text = f"{exact.quantize(Decimal(1).scaleb(-digits), rounding=rounding):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _flags(findings: Sequence[Finding]) -> dict[tuple[str, ...], tuple[str, str]]:
    """Return the gravest verdict against each published number, with the finding that gives it."""
    flags: dict[tuple[str, ...], tuple[str, str]] = {}
    for finding in sorted(findings, key=lambda f: VERDICTS.index(f.verdict)):
        if finding.verdict not in ("consistent", "unverifiable"):
            for row in (row for c in finding.shaky for rows in c.group.values() for row in rows if row.table):
                flags.setdefault(row.key, (finding.verdict, finding.id))
    return flags


def _spans(columns: Sequence[Sequence[str]]) -> list[list[dict[str, Any]]]:
    """Return the header's levels, each a list of labels with the number of columns they span."""
    depth = max(map(len, columns))
    padded = [[""] * (depth - len(levels)) + list(levels) for levels in columns]
    head = []
    for level in range(depth):
        # Equal labels are one only under an equal parent.
        parts = groupby(padded, key=lambda levels: levels[: level + 1])
        head.append([{"text": levels[level], "span": len(list(group))} for levels, group in parts])
    return head


def _depth(labels: Sequence[str]) -> int:
    return max(len(label.split(LEVELS)) for label in labels)


def _leading(labels: Sequence[str]) -> list[list[str]]:
    """Return the levels of each row's label, empty where the row above has the same."""
    depth, previous, shown = _depth(labels), [""], []
    for label in labels:
        levels = label.split(LEVELS)
        levels = [""] * (depth - len(levels)) + levels
        shown.append([text if levels[: i + 1] != previous[: i + 1] else "" for i, text in enumerate(levels)])
        previous = levels
    return shown

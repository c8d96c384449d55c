"""Findings of the audit for people: sums spelled out, counts, and a summary for the terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from math import ceil, floor
from typing import Any

from stages.papers.claims import TRENDS, Claim
from stages.papers.formulas import is_printed, operands_of
from stages.papers.numbers import NUMBER, parse_number
from stages.papers.tables import SOURCES, Metric, Row
from stages.papers.verdicts import VERDICTS, Comparison, Finding
from stages.reporting.published import anchor, table_layout

COLUMNS = (
    "id", "verdict", "paper", "where", "kind", "statement", "case", "basis", "check", "sum", "relation", "stated",
    "recomputed", "low", "high", "held", "counter_examples", "ties", "unmatched", "operands", "explanation", "origin",
    "headline", "tables",
)  # fmt: skip
# How many counter-examples a terminal shows.
MOST = 3
SIGNS = {"<=": "≤", ">=": "≥"}
UNVERIFIABLE = "cannot be checked"
# What a verdict says of several cases.
SAYS = {
    "inconsistent": "do not fit", "wording": "say more than the numbers", "rounding": "need more digits than printed",
    "consistent": "fit", "unverifiable": UNVERIFIABLE,
}  # fmt: skip


def audit_record(
    findings: Sequence[Finding],
    papers: Mapping[str, Sequence[Row]],
    metrics: Mapping[str, Metric],
    titles: Mapping[str, str],
) -> dict[str, Any]:
    """Return all that the audit's page and its CSV show, in values that JSON can hold."""
    records = [finding_record(finding) for finding in findings]
    records.sort(key=lambda record: (VERDICTS.index(record["verdict"]), record["basis"]))
    flags = _flags(findings)
    tables: dict[tuple[str, str], dict[str, list[Row]]] = {}
    for row in (row for paper, content in papers.items() if paper != SOURCES for row in content):
        tables.setdefault((row.paper, row.table), {}).setdefault(row.where, []).append(row)
    return {
        "titles": dict(titles), "counts": counts(records), "verdicts": list(VERDICTS), "findings": records,
        "groups": finding_groups(records),
        "tables": [table_layout(rows, metrics, flags) for parts in tables.values() for rows in parts.values()],
        "coverage": coverage(findings, papers),
    }  # fmt: skip


def finding_groups(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the findings in groups of near-identical ones: the cases of a claim, claims of one statement or check.

    A group is of one paper, verdict and basis, and is counted among all findings of its claims. A statement whose
    middle differs from case to case has an ellipsis there.
    """
    groups: list[list[Mapping[str, Any]]] = []
    known: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for record in records:
        kind = record["verdict"], record["basis"], record["paper"]
        keys = [(*kind, name, text) for name, text in _likenesses(record) if text]
        group = next((known[key] for key in keys if key in known), None)
        if group is None:
            groups.append(group := [])
        group.append(record)
        known.update(dict.fromkeys(keys, group))
    return [_group(group, records) for group in groups]


def _likenesses(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [("claim", _stem(record)), ("statement", record["statement"]), ("check", record["check"])]


def _stem(record: Mapping[str, Any]) -> str:
    return record["id"].split(".")[0]


def _group(members: Sequence[Mapping[str, Any]], records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    statement, cases = _shared([member["statement"] for member in members])
    stems = {_stem(member) for member in members}
    total = sum(_stem(record) in stems for record in records)
    first = members[0]
    told = SAYS[first["verdict"]]
    every = "both" if total == 2 else f"all {total}"
    headline = f"{every if total == len(members) else f'{len(members)} of {total}'} cases {told}"
    return {
        "verdict": first["verdict"], "basis": first["basis"], "paper": first["paper"], "statement": statement,
        "headline": headline if len(members) > 1 else first["headline"],
        "where": list(dict.fromkeys(member["where"] for member in members)),
        "one_reason": len({(member["explanation"], *member["origin"]) for member in members}) == 1,
        "members": [
            {"id": member["id"], "case": ", ".join(filter(None, (case, member["case"])))}
            for member, case in zip(members, cases, strict=True)
        ],
    }  # fmt: skip


def _shared(statements: Sequence[str]) -> tuple[str, list[str]]:
    """Return what statements share, and what each has in place of the ellipsis; nothing where they share little."""
    if len(set(statements)) == 1:
        return statements[0], [""] * len(statements)
    words = [statement.split() for statement in statements]
    shortest = min(map(len, words))
    head = next((i for i in range(shortest) if len({tuple(text[: i + 1]) for text in words}) > 1), shortest)
    rest = range(shortest - head)
    tail = next((i for i in rest if len({tuple(text[len(text) - i - 1 :]) for text in words}) > 1), shortest - head)
    if 2 * (head + tail) < shortest:
        return "", list(statements)
    ends = words[0][len(words[0]) - tail :]
    return " ".join([*words[0][:head], "…", *ends]), [" ".join(text[head : len(text) - tail]) for text in words]


def coverage(findings: Sequence[Finding], papers: Mapping[str, Sequence[Row]]) -> dict[str, int]:
    """Return how many numbers the papers' tables print, and how many of them are part of a check."""
    printed = {row.key for paper, rows in papers.items() if paper != SOURCES for row in rows if row.value}
    used = {row.key for f in findings for c in f.comparisons for rows in c.group.values() for row in rows}
    return {"printed": len(printed), "checked": len(printed & used)}


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
    not hold, and those where the printed digits cannot tell.
    """
    claim, comparisons = finding.claim, finding.comparisons
    record: dict[str, Any] = dict.fromkeys(COLUMNS, "") | {
        "id": finding.id, "verdict": finding.verdict, "paper": claim.paper, "where": claim.where, "kind": claim.kind,
        "statement": claim.statement, "case": ", ".join(finding.case), "basis": _basis(comparisons),
        "relation": SIGNS.get(claim.relation, claim.relation), "stated": claim.stated, "unmatched": finding.unmatched,
        "check": claim.check if claim.formula else "", "operands": _operands(comparisons), "counter_examples": [],
        "ties": [], "origin": [], "explanation": finding.reason,
    }  # fmt: skip
    if finding.verdict != "consistent":
        record["explanation"] = finding.reason or claim.explanation
        record["origin"] = [_source(row) for row in finding.origin]
    if claim.quantifier and finding.verdict != "unverifiable":
        record["held"] = f"{sum(c.held == 'yes' for c in comparisons)} of {len(comparisons)}"
        record["counter_examples"] = [_instance(c, claim) for c in comparisons if c.held == "no"]
        record["ties"] = [_instance(c, claim) for c in comparisons if c.held == "possible"]
    elif len(comparisons) == 1:
        record |= _sum(comparisons[0], claim)
    places = (row for c in comparisons for rows in c.group.values() for row in rows if row.table.isdigit())
    record["tables"] = list(dict.fromkeys(anchor(row.paper, row.table) for row in places))
    record["headline"] = _headline(finding, record)
    return record


def summary_lines(record: Mapping[str, Any], shown: Sequence[str] = VERDICTS) -> list[str]:
    """Return the audit for a terminal: counts per paper and verdict, then the findings of the verdicts ``shown``."""
    width = max(map(len, VERDICTS)) + 2
    lines = ["paper".ljust(8) + "".join(word.rjust(width) for word in VERDICTS)]
    for paper, words in record["counts"].items():
        lines.append(paper.ljust(8) + "".join(str(words[word]).rjust(width) for word in VERDICTS))
    for finding in record["findings"]:
        if finding["verdict"] in shown:
            case = f" [{finding['case']}]" if finding["case"] else ""
            lines += ["", f"{finding['verdict']}: {finding['paper']}, {finding['where']}: {finding['statement']}{case}"]
            lines += [f"    {line}" for line in (*spelled_out(finding), because(finding)) if line]
            lines.append(f"    [{finding['id']}]")
    return lines


def spelled_out(finding: Mapping[str, Any]) -> list[str]:
    """Return a finding's sum in lines of words: the recomputation with its interval against what is stated."""
    if finding["held"]:
        lines = [f"holds at {finding['held']}"]
        examples = [f"counter-example: {example}" for example in finding["counter_examples"]]
        examples += [f"too close to tell: {tie}" for tie in finding["ties"]]
        more = [f"and {len(examples) - MOST} more"] if len(examples) > MOST else []
        return lines + examples[:MOST] + more
    if not finding["sum"]:
        return []
    result = f" = {finding['recomputed']}" if finding["recomputed"] else ""
    exact = finding["low"] == finding["high"]
    interval = "" if exact else f", from {finding['low']} to {finding['high']} by the printed digits"
    relation = finding["relation"]
    claimed = "stated" if relation in ("=", "is") else f"claimed to be {relation}"
    return [f"{finding['sum']}{result}{interval}; {claimed} {finding['stated']}", "; ".join(finding["operands"])]


def because(finding: Mapping[str, Any]) -> str:
    """Return a finding's explanation with its origin."""
    return " - ".join(filter(None, (finding["explanation"], "; ".join(finding["origin"]))))


def _headline(finding: Finding, record: Mapping[str, Any]) -> str:
    """Return what was found, in a few words: both numbers, or how often a statement in words holds."""
    if record["held"]:
        ties = f", too close to tell at {len(record['ties'])}" if record["ties"] else ""
        return f"holds at {record['held']}{ties}"
    if not record["sum"]:
        return UNVERIFIABLE
    claim, (comparison,) = finding.claim, finding.comparisons
    # An improvement is a percentage by definition.
    unit = " %" if claim.kind == "improvement" and NUMBER.fullmatch(comparison.stated) else ""
    result, stated = f"{_result(comparison, claim)}{unit}", f"{comparison.stated}{unit}"
    if claim.relation in ("=", "is"):
        first, second = _origins(comparison, claim)
        return f"{first} {result} and {stated}" if first == second else f"{first} {result}, {second} {stated}"
    sign = record["relation"]
    between = {"yes": f" {sign} ", "no": f", not {sign} ", "possible": f", claimed {sign} "}[comparison.held]
    return f"{result}{between}{stated}"


def _origins(comparison: Comparison, claim: Claim) -> tuple[str, str]:
    """Return the words for where the two sides of an equation come from."""
    tables = {row.table for rows in comparison.group.values() for row in rows}
    reference = claim.reference
    second = "printed" if reference is not None and is_printed(reference) else "stated"
    if claim.formula is None or not is_printed(claim.formula):
        return "recomputed", second
    named = [row.table for name in operands_of(claim.formula) for row in comparison.group.get(name, ())]
    if any(table and not table.isdigit() for table in named):
        return "found", second
    return ("printed" if any(named) or not tables else "stated"), second


def _result(comparison: Comparison, claim: Claim) -> str:
    """Return the recomputed number with the stated one's digits, or with the fewest more that tell them apart."""
    if comparison.left is None or claim.formula is None or is_printed(claim.formula):
        return comparison.spelled
    most = _digits(comparison)
    if not NUMBER.fullmatch(comparison.stated):
        return _decimal(comparison.left.printed.low, most, round)
    stated = parse_number(comparison.stated)
    fewest = min(most, len(str(stated.unit.denominator)) - 1)
    value = comparison.left.printed.low
    apart = (digits for digits in range(fewest, most) if round(value * 10**digits) != stated.value * 10**digits)
    digits = fewest if comparison.held == "yes" or value == stated.value else next(apart, most)
    return _decimal(value, digits, round)


def _operands(comparisons: Sequence[Comparison]) -> list[str]:
    found = (
        f"{name} = {row.value} ({row.label})" for c in comparisons for name, rows in c.group.items() for row in rows
    )
    return list(dict.fromkeys(found))


def _basis(comparisons: Sequence[Comparison]) -> str:
    rows = (row for c in comparisons for rows in c.group.values() for row in rows)
    return "sources" if any(row.table and not row.table.isdigit() for row in rows) else "papers"


def _source(row: Row) -> str:
    origin = row.paper if row.table.isdigit() else row.source
    return f"{origin}, {row.where}: {row.row}, {row.column}: {row.metric} {row.value}"


def _sum(comparison: Comparison, claim: Claim) -> dict[str, str]:
    record = {"sum": comparison.spelled, "stated": comparison.stated}
    if comparison.left is None:
        return record
    rounded = comparison.left.rounded
    digits = _digits(comparison) if rounded.low != rounded.high or rounded.low.denominator > 1 else 0
    if claim.formula is not None and not is_printed(claim.formula):
        record["recomputed"] = _decimal(comparison.left.printed.low, digits, round)
    return record | {"low": _decimal(rounded.low, digits, floor), "high": _decimal(rounded.high, digits, ceil)}


def _instance(comparison: Comparison, claim: Claim) -> str:
    formulas = [formula for formula in (claim.formula, claim.reference) if formula is not None]
    order = [name for formula in formulas for name in operands_of(formula)]
    found = sorted(comparison.group.items(), key=lambda item: order.index(item[0]) if item[0] in order else len(order))
    places = ", ".join(dict.fromkeys(row.label for _, rows in found for row in rows))
    if claim.relation in TRENDS:
        return f"{comparison.spelled}, then {comparison.stated} ({places})"
    result = ""
    if comparison.left and claim.formula is not None and not is_printed(claim.formula):
        result = f" = {_decimal(comparison.left.printed.low, _digits(comparison), round)}"
    sign = SIGNS.get(claim.relation, claim.relation)
    no = ", not" if claim.relation in ("=", "is") else f", not {sign}"
    return f"{comparison.spelled}{result}{no if comparison.held == 'no' else f' {sign}'} {comparison.stated} ({places})"


def _digits(comparison: Comparison) -> int:
    """Return how many decimals show half a unit of the comparison's finest number."""
    texts = [row.value for rows in comparison.group.values() for row in rows] + [comparison.stated]
    units = [parse_number(text).unit for text in texts if NUMBER.fullmatch(text)]
    finest = min(units, default=Fraction(1))
    return 0 if finest > 1 else len(str(finest.denominator))


def _decimal(value: Fraction, digits: int, rounding: Callable[[Fraction], int]) -> str:
    scaled = rounding(value * 10**digits)
    text = str(abs(scaled)).rjust(digits + 1, "0")
    return ("−" if scaled < 0 else "") + (f"{text[:-digits]}.{text[-digits:]}" if digits else text)


def _flags(findings: Sequence[Finding]) -> dict[tuple[str, ...], tuple[str, str]]:
    """Return the gravest verdict against each published number, with the finding that gives it."""
    flags: dict[tuple[str, ...], tuple[str, str]] = {}
    for finding in sorted(findings, key=lambda f: VERDICTS.index(f.verdict)):
        if finding.verdict not in ("consistent", "unverifiable"):
            shaky = (c for c in finding.comparisons if c.held in ("no", "possible"))
            for row in (row for c in shaky for rows in c.group.values() for row in rows if row.table):
                flags.setdefault(row.key, (finding.verdict, finding.id))
    return flags

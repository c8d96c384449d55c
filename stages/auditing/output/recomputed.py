"""Computations of the audit as text: the recomputed and the stated number, with enough digits to see a difference."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from math import ceil, floor
from typing import Any

from stages.auditing.claims.claims import Claim
from stages.auditing.claims.comparisons import Comparison, ends_of
from stages.auditing.claims.formulas import is_printed, operands_of
from stages.auditing.claims.relations import RANGES, STATING, parse_quantifier
from stages.auditing.claims.verdicts import Finding
from stages.auditing.tables.numbers import NUMBER, parse_number

SIGNS = {"<=": "≤", ">=": "≥", "!=": "≠"}
UNVERIFIABLE = "cannot be checked"
# The name of a range that may be wider than the true one.
OUTER = "an outer bound"


def headline(finding: Finding, record: Mapping[str, Any]) -> str:
    """Return the finding in a few words: both numbers, or at how many comparisons a statement holds."""
    if record["held"]:
        ties = f", too close to tell at {len(record['ties'])}" if record["ties"] else ""
        return f"holds at {record['held']}{ties}"
    if not record["sum"]:
        return UNVERIFIABLE
    claim = finding.claim
    comparison = finding.comparisons[0]
    if claim.relation == RANGES:
        return f"{record['recomputed'] or record['sum']}, stated {record['stated']}"
    # An improvement is a percentage by definition.
    unit = " %" if claim.kind == "improvement" and NUMBER.fullmatch(comparison.stated) else ""
    result = f"{_result(comparison, claim)}{unit}"
    stated = f"{comparison.stated.rstrip(' %')}{unit}" if unit else comparison.stated
    if claim.relation in STATING:
        first, second = _origins(comparison, claim)
        return f"{first} {result} and {stated}" if first == second else f"{first} {result}, {second} {stated}"
    sign = record["relation"]
    between = {"yes": f" {sign} ", "no": f", not {sign} ", "possible": f", claimed {sign} "}[comparison.held]
    return f"{result}{between}{stated}"


def _origins(comparison: Comparison, claim: Claim) -> tuple[str, str]:
    """Return the words for the origins of the two sides of an equation."""
    tables = {row.table for rows in comparison.group.values() for row in rows}
    reference = claim.reference
    second = "printed" if reference is not None and is_printed(reference) else "stated"
    if claim.formula is None or not is_printed(claim.formula):
        return "recomputed", second
    named = [row for name in operands_of(claim.formula) for row in comparison.group.get(name, ())]
    if any(row.of_source for row in named):
        return "found", second
    return ("printed" if any(row.table for row in named) or not tables else "stated"), second


def _result(comparison: Comparison, claim: Claim) -> str:
    """Return the recomputed number with the stated one's decimals, or with as many more as show the difference."""
    if comparison.left is None or claim.formula is None or is_printed(claim.formula):
        return comparison.result or comparison.spelled
    most = _digits(comparison)
    if not NUMBER.fullmatch(comparison.stated):
        return _decimal(comparison.left.printed.low, most, round)
    stated = parse_number(comparison.stated)
    fewest = min(most, len(str(stated.unit.denominator)) - 1)
    value = comparison.left.printed.low
    apart = (digits for digits in range(fewest, most) if round(value * 10**digits) != stated.value * 10**digits)
    digits = fewest if comparison.held == "yes" or value == stated.value else next(apart, most)
    return _decimal(value, digits, round)


def sum_record(comparison: Comparison, claim: Claim) -> dict[str, str]:
    """Return a comparison's computation, the stated and the recomputed number, and the interval of the latter."""
    record = {"sum": comparison.spelled, "stated": comparison.stated}
    if comparison.left is None:
        return record | ({"recomputed": comparison.result} if comparison.result != comparison.spelled else {})
    rounded = comparison.left.rounded
    digits = _digits(comparison) if rounded.low != rounded.high or rounded.low.denominator > 1 else 0
    if claim.formula is not None and not is_printed(claim.formula):
        record["recomputed"] = _decimal(comparison.left.printed.low, digits, round)
    return record | {"low": _decimal(rounded.low, digits, floor), "high": _decimal(rounded.high, digits, ceil)}


def span_record(comparisons: Sequence[Comparison], claim: Claim) -> dict[str, str]:
    """Return the computations of the least and the largest of many values, the stated range, and the interval."""
    ends = [sum_record(comparisons[place], claim) for place in ends_of(comparisons)]
    joined = {key: " to ".join(end[key] for end in ends) for key in ("sum", "recomputed") if key in ends[0]}
    return joined | {"stated": claim.stated, "low": ends[0]["low"], "high": ends[1]["high"]}


def speaks_against(claim: Claim) -> str:
    """Return which comparisons contradict a quantified claim: those that hold, "yes", or those that do not, "no"."""
    return "yes" if parse_quantifier(claim.quantifier).is_negative else "no"


def instance(comparison: Comparison, claim: Claim) -> str:
    """Return one comparison of a quantified statement as text, with the labels of its numbers."""
    formulas = [formula for formula in (claim.formula, claim.reference) if formula is not None]
    order = [name for formula in formulas for name in operands_of(formula)]
    found = sorted(comparison.group.items(), key=lambda item: order.index(item[0]) if item[0] in order else len(order))
    places = ", ".join(dict.fromkeys(row.label for _, rows in found for row in rows))
    if comparison.outer and comparison.held == "possible":
        places += f"; by {OUTER}"
    if claim.along:
        return f"{comparison.spelled}, then {comparison.stated} ({places})"
    result = f" = {comparison.result}" if comparison.result not in ("", comparison.spelled) else ""
    if comparison.left and claim.formula is not None and not is_printed(claim.formula):
        result = f" = {_decimal(comparison.left.printed.low, _digits(comparison), round)}"
    sign = SIGNS.get(claim.relation, claim.relation)
    no = ", not" if claim.relation in ("=", "is") else f", not {sign}"
    return f"{comparison.spelled}{result}{no if comparison.held == 'no' else f' {sign}'} {comparison.stated} ({places})"


def _digits(comparison: Comparison) -> int:
    """Return the number of decimals that show half a unit of the comparison's finest number."""
    texts = [row.value for rows in comparison.group.values() for row in rows] + [comparison.stated]
    units = [parse_number(text).unit for text in texts if NUMBER.fullmatch(text)]
    finest = min(units, default=Fraction(1))
    return 0 if finest > 1 else len(str(finest.denominator))


def _decimal(value: Fraction, digits: int, rounding: Callable[[Fraction], int]) -> str:
    scaled = rounding(value * 10**digits)
    text = str(abs(scaled)).rjust(digits + 1, "0")
    return ("−" if scaled < 0 else "") + (f"{text[:-digits]}.{text[-digits:]}" if digits else text)

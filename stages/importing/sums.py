"""Sums that fit: which formula over which printed numbers gives a printed one."""

from __future__ import annotations

from collections.abc import Sequence

from stages.importing.records import Instance
from stages.papers.formulas import evaluate, parse_formula
from stages.papers.numbers import PRINTED, ROUNDED, ROUNDED_TWICE, parse_number
from stages.papers.verdicts import Range, compare

# What a difference beside or between two numbers may be, b against the base a.
CHANGES = ("100 * (1 - b / a)", "100 * (b / a - 1)", "b - a", "a - b", "b / a", "a / b")
# Where the base may come second.
OF_TWO = (*CHANGES, "100 * (1 - a / b)", "100 * (a / b - 1)")


def fits(formula: str, instance: Instance, stated: str) -> bool | None:
    """Return whether the formula over printed values rounds to what is stated, or None where it cannot be computed."""
    parsed = parse_formula(formula)

    def read(name: str, _: str) -> list:
        return [parse_number(number.value) for number in instance[name]]

    try:
        left = Range(*(evaluate(parsed, read, slack) for slack in (PRINTED, ROUNDED, ROUNDED_TWICE)))
        number = parse_number(stated)
    except (ZeroDivisionError, ValueError):
        return None
    right = Range(*(number.within(slack) for slack in (PRINTED, ROUNDED, ROUNDED_TWICE)))
    return compare(left, "=", right) != "no"


def count_fits(formula: str, checks: Sequence[tuple[Instance, str]]) -> int:
    """Return how many of the checks, each with what is stated, the formula fits."""
    return sum(fits(formula, instance, stated) is True for instance, stated in checks)

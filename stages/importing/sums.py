"""Sums that fit: which formula over which printed numbers gives a printed one."""

from __future__ import annotations

from collections.abc import Sequence

from stages.importing.records import Instance
from stages.papers.comparisons import SLACKS
from stages.papers.formulas import fill, parse_formula
from stages.papers.numbers import Printed, parse_number
from stages.papers.ranges import enclose
from stages.papers.relations import Range, compare

# What a difference beside or between two numbers may be, b against the base a.
CHANGES = ("100 * (1 - b / a)", "100 * (b / a - 1)", "b - a", "a - b", "b / a", "a / b")
# Where the base may come second.
OF_TWO = (*CHANGES, "100 * (1 - a / b)", "100 * (a / b - 1)")


def fits(formula: str, instance: Instance, stated: str) -> bool | None:
    """Return whether the formula over printed values rounds to what is stated, or None where it cannot be computed."""

    def read(name: str, _: str) -> list[tuple[str, Printed]]:
        return [(f"{name}{i}", parse_number(number.value)) for i, number in enumerate(instance[name])]

    filled = fill(parse_formula(formula), read)
    number = parse_number(stated)
    try:
        left = Range(*(enclose(filled, slack).range for slack in SLACKS))
    except ArithmeticError:
        return None
    return compare(left, "=", Range(*map(number.within, SLACKS))) != "no"


def count_fits(formula: str, checks: Sequence[tuple[Instance, str]]) -> int:
    """Return how many of the checks, each with what is stated, the formula fits."""
    return sum(fits(formula, instance, stated) is True for instance, stated in checks)

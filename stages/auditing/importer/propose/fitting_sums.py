"""Sums that fit: which formula over which printed numbers gives a printed one.

They are worked out here as the audit does, but straight away, since very many are tried; each formula names a number
once, so that its range is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from stages.auditing.claims.relations import Range, compare
from stages.auditing.importer.propose.claim_records import Instance
from stages.auditing.tables.numbers import Interval, mean, parse_number, total

ONE, HUNDRED = (Interval(Fraction(n), Fraction(n)) for n in (1, 100))
# What a difference beside a number may be, b against the base a.
CHANGES: dict[str, Callable[[Interval, Interval], Interval]] = {
    "100 * (1 - b / a)": lambda a, b: HUNDRED * (ONE - b / a),
    "100 * (b / a - 1)": lambda a, b: HUNDRED * (b / a - ONE),
    "b - a": lambda a, b: b - a,
    "a - b": lambda a, b: a - b,
    "b / a": lambda a, b: b / a,
    "a / b": lambda a, b: a / b,
}
# Between two, where the base may come second.
OF_TWO = CHANGES | {
    "100 * (1 - a / b)": lambda a, b: HUNDRED * (ONE - a / b),
    "100 * (a / b - 1)": lambda a, b: HUNDRED * (a / b - ONE),
}
OF_SEVERAL: dict[str, Callable[[Sequence[Interval]], Interval]] = {"mean(a)": mean, "sum(a)": total}


def fits(formula: str, instance: Instance, stated: str) -> bool | None:
    """Return whether a formula over printed values rounds to what is stated, or None where it cannot be computed."""
    number = parse_number(stated)
    try:
        return compare(Range(lambda slack: _value(formula, instance, slack)), "=", Range(number.within)) != "no"
    except ArithmeticError:
        return None


def count_fits(formula: str, checks: Sequence[tuple[Instance, str]]) -> int:
    """Return how many of the checks, each with what is stated, the formula fits."""
    return sum(fits(formula, instance, stated) is True for instance, stated in checks)


def same(first: str, second: str) -> bool:
    """Return whether two printed numbers are printings of one, either of which may have fewer digits."""
    one, two = (Range(parse_number(text).within) for text in (first, second))
    return compare(one, "=", two, mutual=True) != "no"


def _value(formula: str, instance: Instance, slack: Fraction) -> Interval:
    a = [parse_number(number.value).within(slack) for number in instance["a"]]
    if formula in OF_SEVERAL:
        return OF_SEVERAL[formula](a)
    (b,) = (parse_number(number.value).within(slack) for number in instance["b"])
    return OF_TWO[formula](a[0], b)

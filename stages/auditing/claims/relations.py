"""Relations of claims: the words for them, and whether they hold between ranges."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from fractions import Fraction
from functools import cached_property
from typing import Literal

from stages.auditing.tables.numbers import PRINTED, ROUNDED, ROUNDED_TWICE, Interval

ORDER: dict[str, Callable[[Fraction, Fraction], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
# Between two numbers.
COMPARISONS = ("=", "!=", *ORDER)
# Of one number, or all of a claim's, to a stated range such as 3.2 to 7.1.
WITHIN, RANGES = "within", "ranges over"
SPANS = (WITHIN, RANGES)
# Between two texts.
IS = "is"
TREND = re.compile(r"(rises|falls) with ([a-z_]\w*)", re.ASCII)
# Those that state a number or a text, which is right or wrong; the others are words.
STATING = ("=", IS, *SPANS)

Held = Literal["yes", "possible", "no", "lost"]


class Range:
    """A quantity as printed, if its printed numbers were rounded once, and if they were rounded twice.

    ``within`` gives its values when every printed number may be so many units of its last digit off; each is worked out
    when it is asked for.
    """

    def __init__(self, within: Callable[[Fraction], Interval]) -> None:
        self.within = within

    @cached_property
    def printed(self) -> Interval:
        return self.within(PRINTED)

    @cached_property
    def rounded(self) -> Interval:
        return self.within(ROUNDED)

    @cached_property
    def twice(self) -> Interval:
        return self.within(ROUNDED_TWICE)


def trend_of(relation: str) -> tuple[str, str] | None:
    """Return the coordinate that a trend runs along, and how a value stands to the next; none for other relations."""
    match = TREND.fullmatch(relation)
    return (match[2], {"rises": "<", "falls": ">"}[match[1]]) if match else None


def compare(left: Range, relation: str, right: Range, *, mutual: bool = False) -> Held:
    """Return whether the relation holds between the printed numbers, only between numbers behind them, or not at all.

    "=" holds when the left side, computed from the printed numbers, rounds to the right side; ``mutual`` when either
    may be the one with fewer digits, two printings of one number. What is equal in this sense may still differ behind
    the printed digits. An order is possible only between values inside the intervals: rounding never reverses it, so
    that of two printed numbers of equal digits the larger was not smaller.
    """
    if relation == "!=":
        if compare(left, "=", right, mutual=mutual) != "yes":
            return "yes"
        return "no" if left.twice.low == left.twice.high == right.twice.low == right.twice.high else "possible"
    if relation == "=":
        if left.printed.meets(right.rounded) or (mutual and right.printed.meets(left.rounded)):
            return "yes"
        return "possible" if left.twice.meets(right.twice) else "no"
    if relation == WITHIN:
        if right.rounded.low <= left.printed.low and left.printed.high <= right.rounded.high:
            return "yes"
        return "possible" if left.twice.meets(right.twice) else "no"
    below, above = (left, right) if relation.startswith("<") else (right, left)
    if ORDER["<" + relation[1:]](below.printed.high, above.printed.low):
        return "yes"
    return "possible" if below.rounded.low < above.rounded.high else "no"

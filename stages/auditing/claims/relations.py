"""Relations and quantifiers: what a claim may say of its two sides, and at how many comparisons."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from fractions import Fraction
from functools import cached_property
from typing import Literal, NamedTuple

from stages.auditing.tables.numbers import PRINTED, ROUNDED, ROUNDED_TWICE, Interval

ORDER: dict[str, Callable[[Fraction, Fraction], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
# Relations between two numbers.
COMPARISONS = ("=", "!=", *ORDER)
# Relations of one number, or of all numbers of a claim, to a stated range such as 3.2 to 7.1.
WITHIN = "within"
RANGES = "ranges over"
SPANS = (WITHIN, RANGES)
# A relation between two texts.
IS = "is"
TREND = re.compile(r"(rises|falls) with ([a-z_]\w*)", re.ASCII)
# Relations that state a number or a text, which can be false; the others are matters of wording.
STATING = ("=", IS, *SPANS)

Held = Literal["yes", "possible", "no", "lost"]


class Range:
    """The values of a quantity: as printed, if its printed numbers were rounded once, and if they were rounded twice.

    ``within`` returns the values if every printed number may be off by that many units of its last digit; with
    ``outer``, its range may be too wide. Each range is computed on first use.
    """

    def __init__(self, within: Callable[[Fraction], Interval], *, outer: bool = False) -> None:
        self.within = within
        self.outer = outer

    @cached_property
    def printed(self) -> Interval:
        return self.within(PRINTED)

    @cached_property
    def rounded(self) -> Interval:
        return self.within(ROUNDED)

    @cached_property
    def twice(self) -> Interval:
        return self.within(ROUNDED_TWICE)


class Trend(NamedTuple):
    """The coordinate along which a trend runs, and the relation of each value to the next."""

    along: str
    relation: str


def trend_of(relation: str) -> Trend | None:
    """Return the trend that a relation such as "rises with steps" states, or None for other relations."""
    match = TREND.fullmatch(relation)
    if not match:
        return None
    return Trend(along=match[2], relation="<" if match[1] == "rises" else ">")


def compare(left: Range, relation: str, right: Range, *, mutual: bool = False) -> Held:
    """Return whether the relation holds between the printed numbers, possibly between the unrounded ones, or not.

    "=" holds if the left side, computed from the printed numbers, rounds to the right side. With ``mutual``, both sides
    are printings of one number and either may have fewer digits. Numbers that are equal in this sense may still differ
    before rounding. An order is "possible" only between values inside the intervals, since rounding never reverses it:
    of two printed numbers with equally many digits, the larger was not the smaller one.
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
    below = left if relation.startswith("<") else right
    above = right if relation.startswith("<") else left
    if ORDER["<" + relation[1:]](below.printed.high, above.printed.low):
        return "yes"
    return "possible" if below.rounded.low < above.rounded.high else "no"


QUANTIFIER_WORDS = ("all", "most", "none")
QUANTIFIER_COUNT = re.compile(
    r"(?P<bound>(at least |at most )?)(?P<count>\d{1,9}) of (?P<total>[1-9]\d{0,8})", re.ASCII
)
QUANTIFIERS = f"{', '.join(QUANTIFIER_WORDS)}, N of M, at least N of M or at most N of M"


class Quantifier(NamedTuple):
    """How many comparisons must hold: "all", "most", "none", or ``number`` of ``total`` with a word that bounds it."""

    word: str
    number: int = 0
    total: int = 0

    @property
    def is_number(self) -> bool:
        """Whether it states a number, which can be false."""
        return self.word not in QUANTIFIER_WORDS

    @property
    def is_negative(self) -> bool:
        """Whether comparisons that hold count against it, as for "none" and "at most"."""
        return self.word in ("none", "at most")

    def admits(self, held: int, total: int) -> bool:
        """Return whether the statement is true if the relation holds at ``held`` of ``total`` comparisons."""
        match self.word:
            case "all":
                return held == total
            case "most":
                return held > total / 2
            case "none":
                return held == 0
            case "at least":
                return held >= self.number
            case "at most":
                return held <= self.number
            case _:
                return held == self.number


def parse_quantifier(text: str) -> Quantifier:
    """Return the quantifier that a claim states.

    Raises:
        ValueError: the text is not a quantifier, or its number exceeds its total.
    """
    if text in QUANTIFIER_WORDS:
        return Quantifier(text)
    match = QUANTIFIER_COUNT.fullmatch(text)
    if not match:
        raise ValueError(f"quantifier {text!r}: must be empty, {QUANTIFIERS}")
    count = int(match["count"])
    total = int(match["total"])
    if count > total:
        raise ValueError(f"quantifier {text!r}: its number exceeds its total")
    return Quantifier(match["bound"].strip(), count, total)

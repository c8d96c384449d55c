"""Printed numbers: exact decimals, the intervals of values that round to them, and interval arithmetic."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from math import isqrt
from typing import NamedTuple

UNSIGNED = r"(\d{1,3}(,\d{3})+|\d+)(\.\d+)?([eE][-+−]?\d{1,2})?"
NUMBER = re.compile(
    r"(?=.{1,100}\Z)"
    rf"(?P<below>< ?(?![-−]))?(?P<digits>[-+−]?{UNSIGNED})(?P<scale>[kKMB]?)( ?%)?"
    rf"( ?(±|\+-) ?(?P<spread>{UNSIGNED}[kKMB]?)( ?%)?)?",
    re.ASCII,
)
SCALES = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "B": 10**9}
SUCH_AS = "such as 8.00, -74.53, +3.2, 1,000, 500K, 1e-4, 12.5%, 3.21 ± 0.05, <0.001"
# Computed numbers may grow, but not beyond what Python prints.
MOST_DIGITS = 4_000
MOST_BITS = int(MOST_DIGITS * 3.32)
TOO_LONG = f"its numbers grow beyond {MOST_DIGITS:,} digits"

# How far, in units of its last digit, the unrounded value may be from the printed number.
PRINTED = Fraction(0)
ROUNDED = Fraction(1, 2)
# First rounded to one digit more: this adds at most half of a tenth of a unit.
ROUNDED_TWICE = Fraction(11, 20)
# The distance of "<0.001" from its bound, and the error of an irrational root, relative and absolute.
HAIR = Fraction(1, 10**30)


class Printed(NamedTuple):
    """A printed number: its exact value, one unit of its last digit, and the text without the spread.

    Settings and counts have a unit of 0. ``spread`` is the number after a plus-minus sign. With ``below``, the number
    is printed as a bound such as <0.001, and ``value`` is that bound.
    """

    value: Fraction
    unit: Fraction
    text: str
    spread: Printed | None = None
    below: bool = False

    def within(self, slack: Fraction) -> Interval:
        """Return the values at most ``slack`` units of the last digit away, ends included.

        A number printed as <0.001 may be anything from 0 up to, but not including, the bound: such bounds are printed
        of quantities that are not negative, such as probabilities and errors.
        """
        if self.below:
            return Interval(Fraction(0), self.value * (1 - HAIR))
        if not slack:
            return Interval(self.value, self.value)
        return Interval(self.value - slack * self.unit, self.value + slack * self.unit)

    def exact(self) -> Printed:
        """Return the number as a setting or a count, which was not rounded."""
        return self._replace(unit=Fraction(0))


# A folder may repeat one number, such as a setting, in every row.
@lru_cache(maxsize=2**16)
def parse_number(text: str) -> Printed:
    """Return a printed number such as 8.00, -74.53, +3.2, 1,000, 500K, 1e-4, 12.5%, 3.21 ± 0.05 or <0.001.

    k, K, M and B are part of the number: 500K has a unit of a thousand. A percent sign is ignored: 12.5% is 12.5.

    Raises:
        ValueError: the text is not such a number.
    """
    match = NUMBER.fullmatch(text)
    if not match:
        raise ValueError(f"{text[:100]!r} is not a number ({SUCH_AS})")
    value, unit = _decimal(match["digits"], match["scale"])
    if match["below"] and (value <= 0 or match["spread"]):
        raise ValueError(f"{text!r} is not a number: a bound is below a positive number, without a spread")
    spread = parse_number(match["spread"]) if match["spread"] else None
    shown = text[: match.start("spread")].rstrip("±+- ") if spread else text
    return Printed(value, unit, shown, spread, bool(match["below"]))


def parse_span(text: str) -> tuple[Printed, Printed]:
    """Return both ends of a stated range such as ``3.2 to 7.1``.

    Raises:
        ValueError: the text is not two numbers, the smaller first.
    """
    first, _, second = map(str.strip, text.partition(" to "))
    if not (NUMBER.fullmatch(first) and NUMBER.fullmatch(second)):
        raise ValueError(f"{text!r} is not a range (such as 3.2 to 7.1)")
    low = parse_number(first)
    high = parse_number(second)
    if low.below or high.below or low.value > high.value:
        raise ValueError(f"{text!r} is not a range: must be two numbers, the smaller first")
    return low, high


@dataclass(frozen=True, slots=True)
class Interval:
    """All numbers from ``low`` to ``high``, ends included.

    An expression that mentions each operand once gives its exact range; one that mentions an operand twice gives a
    range that may be too wide, but never too narrow.
    """

    low: Fraction
    high: Fraction

    def __add__(self, other: Interval) -> Interval:
        return Interval(self.low + other.low, self.high + other.high)

    def __neg__(self) -> Interval:
        return Interval(-self.high, -self.low)

    def __sub__(self, other: Interval) -> Interval:
        return self + -other

    def __mul__(self, other: Interval) -> Interval:
        corners = [x * y for x in (self.low, self.high) for y in (other.low, other.high)]
        return Interval(min(corners), max(corners))

    def __truediv__(self, other: Interval) -> Interval:
        if other.low <= 0 <= other.high:
            raise ZeroDivisionError("the divisor may be 0")
        return self * Interval(1 / other.high, 1 / other.low)

    def __pow__(self, exponent: int) -> Interval:
        if exponent < 0:
            return Interval(Fraction(1), Fraction(1)) / self**-exponent
        if self.bits * exponent > MOST_BITS:
            raise OverflowError(TOO_LONG)
        ends = (self.low**exponent, self.high**exponent)
        has_minimum_inside = exponent > 0 and exponent % 2 == 0 and self.low < 0 < self.high
        return Interval(Fraction(0) if has_minimum_inside else min(ends), max(ends))

    def __abs__(self) -> Interval:
        ends = (abs(self.low), abs(self.high))
        return Interval(Fraction(0) if self.low < 0 < self.high else min(ends), max(ends))

    @property
    def bits(self) -> int:
        """The number of bits of its longest numerator or denominator."""
        return max(n.bit_length() for end in (self.low, self.high) for n in (end.numerator, end.denominator))

    def meets(self, other: Interval) -> bool:
        """Return whether the two intervals have a number in common."""
        return self.low <= other.high and other.low <= self.high


def root(interval: Interval) -> Interval:
    """Return the range of the square root: exact if it is rational, else rounded outwards at the 30th digit.

    Raises:
        ArithmeticError: the number may be negative.
    """
    if interval.low < 0:
        raise ArithmeticError("the square root may be of a negative number")
    return Interval(_root(interval.low, 0), _root(interval.high, 1))


def least(intervals: Sequence[Interval]) -> Interval:
    """Return the range of the smallest of several numbers."""
    return Interval(min(i.low for i in intervals), min(i.high for i in intervals))


def greatest(intervals: Sequence[Interval]) -> Interval:
    """Return the range of the largest of several numbers."""
    return Interval(max(i.low for i in intervals), max(i.high for i in intervals))


def total(intervals: Sequence[Interval]) -> Interval:
    """Return the range of the sum of several numbers."""
    return sum(intervals, Interval(Fraction(0), Fraction(0)))


def mean(intervals: Sequence[Interval]) -> Interval:
    """Return the range of the mean of several numbers."""
    whole = total(intervals)
    n = len(intervals)
    return Interval(whole.low / n, whole.high / n)


def _root(value: Fraction, up: int) -> Fraction:
    numerator = isqrt(value.numerator)
    denominator = isqrt(value.denominator)
    if numerator**2 == value.numerator and denominator**2 == value.denominator:
        return Fraction(numerator, denominator)
    # At least 30 significant digits, also of small numbers.
    scale = 10 ** (30 + len(f"{value.denominator:x}"))
    return Fraction(isqrt(value.numerator * scale**2 // value.denominator) + up, scale)


def _decimal(digits: str, scale: str) -> tuple[Fraction, Fraction]:
    number = Decimal(digits.replace(",", "").replace("−", "-"))
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    return Fraction(number) * SCALES[scale], Fraction(10) ** exponent * SCALES[scale]

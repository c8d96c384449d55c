"""Printed numbers: exact decimals, the values that round to them, and interval arithmetic over these."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

NUMBER = re.compile(r"(?P<digits>-?(\d{1,3}(,\d{3})+|\d+)(\.\d+)?(e-?\d{1,2})?)(?P<scale>[KM]?)", re.ASCII)
SCALES = {"": 1, "K": 1_000, "M": 1_000_000}

# How far, in units of its last digit, the value behind a printed number may lie from it.
PRINTED = Fraction(0)
ROUNDED = Fraction(1, 2)
# Rounded to one digit more first, then again: at most half of a tenth of a unit is added.
ROUNDED_TWICE = Fraction(11, 20)


class Printed(NamedTuple):
    """A printed number: its exact value, one unit of its last digit, and the text."""

    value: Fraction
    unit: Fraction
    text: str

    def within(self, slack: Fraction) -> Interval:
        """Return the values at most ``slack`` units of the last digit away, ends included."""
        return Interval(self.value - slack * self.unit, self.value + slack * self.unit)


def parse_number(text: str) -> Printed:
    """Return a printed number such as 8.00, -74.53, 1,000, 500K or 1e-4.

    K and M are part of the number: 500K has a unit of a thousand.

    Raises:
        ValueError: the text is no such number.
    """
    match = NUMBER.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} is not a number (such as 8.00, -74.53, 1000, 500K, 1e-4; without + and unit)")
    digits, scale = Decimal(match["digits"].replace(",", "")), SCALES[match["scale"]]
    exponent = digits.as_tuple().exponent
    assert isinstance(exponent, int)
    return Printed(Fraction(digits) * scale, Fraction(10) ** exponent * scale, text)


@dataclass(frozen=True, slots=True)
class Interval:
    """All numbers from ``low`` to ``high``, ends included.

    An expression that mentions each operand once gives its exact range; one that mentions an operand twice gives a
    wider one, never a narrower one.
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

    def meets(self, other: Interval) -> bool:
        """Return whether the two have a number in common."""
        return self.low <= other.high and other.low <= self.high


def least(intervals: Sequence[Interval]) -> Interval:
    """Return the range of the smallest of several numbers."""
    return Interval(min(i.low for i in intervals), min(i.high for i in intervals))


def greatest(intervals: Sequence[Interval]) -> Interval:
    """Return the range of the largest of several numbers."""
    return Interval(max(i.low for i in intervals), max(i.high for i in intervals))


def mean(intervals: Sequence[Interval]) -> Interval:
    """Return the range of the mean of several numbers."""
    n = len(intervals)
    return Interval(sum((i.low for i in intervals), Fraction(0)) / n, sum((i.high for i in intervals), Fraction(0)) / n)

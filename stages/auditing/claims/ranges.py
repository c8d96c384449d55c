"""Ranges of formulas over a box of numbers, exact even if an operand is mentioned twice.

Interval arithmetic treats two mentions of one number as two numbers, so its range is too wide. If the formula is
monotonic in a number, its least value is at one of that number's ends. So the slopes are bounded on the box, numbers
with a slope of constant sign are fixed at the right end, and the box is halved along the others.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any, NamedTuple, TypeVar

from stages.auditing.claims.deviations import deviation
from stages.auditing.claims.formulas import OPERATORS, Filled, whole
from stages.auditing.tables.numbers import MOST_BITS, TOO_LONG, Interval, greatest, least, mean, root, total

# How often a box is halved on which a slope changes its sign.
HALVINGS = 4

ZERO = Interval(Fraction(0), Fraction(0))
ONE = Interval(Fraction(1), Fraction(1))
# The range of a slope; None if it is unbounded.
Slope = Interval | None
T = TypeVar("T")
Function = Callable[[Sequence[T]], T]


class Enclosure(NamedTuple):
    """All values that a formula may have; unless ``exact``, an outer bound of them."""

    range: Interval
    exact: bool


@dataclass(frozen=True, slots=True)
class Quantity:
    """A part of a formula: its range, the range of its slope along each cell, and whether the range is exact."""

    range: Interval
    slopes: Mapping[str, Slope]
    exact: bool

    def __neg__(self) -> Quantity:
        return _composed(-self.range, (self, -ONE))

    def __add__(self, other: Quantity) -> Quantity:
        return _composed(self.range + other.range, (self, ONE), (other, ONE))

    def __sub__(self, other: Quantity) -> Quantity:
        return _composed(self.range - other.range, (self, ONE), (other, -ONE))

    def __mul__(self, other: Quantity) -> Quantity:
        return _composed(self.range * other.range, (self, other.range), (other, self.range))

    def __truediv__(self, other: Quantity) -> Quantity:
        quotient = self.range / other.range
        return _composed(quotient, (self, ONE / other.range), (other, -(self.range / other.range**2)))

    def __pow__(self, exponent: int) -> Quantity:
        slope = _point(exponent) * self.range ** (exponent - 1) if exponent else _point(0)
        return _composed(self.range**exponent, (self, slope))

    def __abs__(self) -> Quantity:
        least_slope = -1 if self.range.low < 0 else 1
        largest_slope = 1 if self.range.high > 0 else -1
        return _composed(abs(self.range), (self, Interval(Fraction(least_slope), Fraction(largest_slope))))


def enclose(filled: Filled, slack: Fraction) -> Enclosure:
    """Return the range of a formula if every printed number may be off by ``slack`` units of its last digit.

    Raises:
        ArithmeticError: a divisor may be 0, a root may be of a negative number, or the numbers grow too long.
    """
    box = {cell: number.within(slack) for cell, number in filled.cells.items()}
    found = _enclosed(filled, box)
    if found.range.bits > MOST_BITS:
        raise OverflowError(TOO_LONG)
    return found


def _enclosed(filled: Filled, box: Mapping[str, Interval]) -> Enclosure:
    if filled.plain:
        return Enclosure(_evaluated(filled.formula, box.__getitem__, _constant, PLAIN), True)
    whole_box = _quantity(filled.formula, box)
    if whole_box.exact:
        return Enclosure(whole_box.range, True)
    low, low_is_outer = _lowest(filled.formula, box, HALVINGS)
    high, high_is_outer = _lowest(ast.UnaryOp(ast.USub(), filled.formula), box, HALVINGS)
    return Enclosure(Interval(low, -high), not (low_is_outer or high_is_outer))


def _lowest(formula: ast.expr, box: Mapping[str, Interval], halvings: int) -> tuple[Fraction, bool]:
    """Return the least value of a formula on a box, and whether it is only an outer bound."""
    quantity = _quantity(formula, box)
    if quantity.exact:
        return quantity.range.low, False
    ends = {cell: _end(box[cell], slope) for cell, slope in quantity.slopes.items()}
    free = [cell for cell, end in ends.items() if end.low < end.high]
    if len(free) < len(ends):
        return _lowest(formula, {**box, **ends}, halvings)
    if not halvings:
        return quantity.range.low, True
    widest = max(free, key=lambda cell: box[cell].high - box[cell].low)
    low = box[widest].low
    high = box[widest].high
    halves = Interval(low, (low + high) / 2), Interval((low + high) / 2, high)
    return min(_lowest(formula, {**box, widest: half}, halvings - 1) for half in halves)


def _end(interval: Interval, slope: Slope) -> Interval:
    """Return the end at which the formula is least, or the whole interval if the slope changes its sign."""
    if slope is not None and slope.low >= 0:
        return Interval(interval.low, interval.low)
    if slope is not None and slope.high <= 0:
        return Interval(interval.high, interval.high)
    return interval


def _quantity(formula: ast.expr, box: Mapping[str, Interval]) -> Quantity:
    def of_cell(cell: str) -> Quantity:
        varies = box[cell].low < box[cell].high
        return Quantity(box[cell], {cell: ONE} if varies else {}, True)

    return _evaluated(formula, of_cell, lambda text: Quantity(_constant(text), {}, True), COMPUTED)


def _evaluated(
    formula: ast.expr,
    of_cell: Callable[[str], T],
    of_constant: Callable[[str], T],
    functions: Mapping[str, Function[T]],
) -> T:
    """Return the value of a formula, given the values of its cells and constants and the functions on them."""

    def value(part: ast.expr) -> Any:
        match part:
            case ast.Name(cell):
                return of_cell(cell)
            case ast.BinOp(base, ast.Pow(), exponent):
                return value(base) ** int(whole(exponent))
            case ast.BinOp(left, operation, right):
                return OPERATORS[type(operation)](value(left), value(right))
            case ast.UnaryOp(operand=operand):
                return -value(operand)
            case ast.Call(ast.Name(function), arguments):
                return functions[function]([value(argument) for argument in arguments])
            case _:
                assert isinstance(part, ast.Constant)
                return of_constant(str(part.value))

    return value(formula)


def _composed(range_: Interval, *parts: tuple[Quantity, Slope]) -> Quantity:
    """Return a quantity computed from parts, each given with the slope along it (chain rule)."""
    slopes: dict[str, Slope] = {}
    for part, outer in parts:
        for cell, inner in part.slopes.items():
            slope = None if outer is None or inner is None else outer * inner
            known = slopes.get(cell, ZERO)
            slopes[cell] = None if slope is None or known is None else known + slope
    return Quantity(range_, slopes, _exact([part for part, _ in parts]))


def _exact(parts: Sequence[Quantity]) -> bool:
    """Return whether interval arithmetic over the parts gives an exact range: they share no cell."""
    mentioned = [cell for part in parts for cell in part.slopes]
    return all(part.exact for part in parts) and len(set(mentioned)) == len(mentioned)


def _least(parts: Sequence[Quantity]) -> Quantity:
    """Return the least of several quantities; its slopes lie between those of the quantities that may be the least."""
    bound = min(part.range.high for part in parts)
    candidates = [part for part in parts if part.range.low <= bound]
    slopes: dict[str, Slope] = {}
    for cell in dict.fromkeys(cell for part in candidates for cell in part.slopes):
        along = [part.slopes.get(cell, ZERO) for part in candidates]
        known = [slope for slope in along if slope is not None]
        bounded = len(known) == len(along)
        slopes[cell] = Interval(min(s.low for s in known), max(s.high for s in known)) if bounded else None
    return Quantity(least([part.range for part in candidates]), slopes, _exact(candidates))


def _greatest(parts: Sequence[Quantity]) -> Quantity:
    return -_least([-part for part in parts])


def _sum(parts: Sequence[Quantity]) -> Quantity:
    return _composed(total([part.range for part in parts]), *((part, ONE) for part in parts))


def _mean(parts: Sequence[Quantity]) -> Quantity:
    weight = _point(Fraction(1, len(parts)))
    return _composed(mean([part.range for part in parts]), *((part, weight) for part in parts))


def _deviation(parts: Sequence[Quantity]) -> Quantity:
    """Return the sample standard deviation, whose slope along a part is (part - mean) / ((n - 1) * deviation)."""
    ranges = [part.range for part in parts]
    n = len(parts)
    range_, exact = deviation(ranges)
    whole_sum = total(ranges)
    slopes = []
    for part in ranges:
        rest = Interval(whole_sum.low - part.low, whole_sum.high - part.high)
        above = (part * _point(n - 1) - rest) / _point(n)
        # The slope is at most 1 in size, also if the deviation may be 0.
        steep = Interval(Fraction(-(above.low < 0)), Fraction(above.high > 0))
        slopes.append(above / (range_ * _point(n - 1)) if range_.low > 0 else steep)
    deviated = _composed(range_, *zip(parts, slopes, strict=True))
    return Quantity(range_, deviated.slopes, deviated.exact and exact)


def _root(parts: Sequence[Quantity]) -> Quantity:
    (part,) = parts
    range_ = root(part.range)
    return _composed(range_, (part, ONE / (range_ * _point(2)) if range_.low > 0 else None))


@cache
def _constant(text: str) -> Interval:
    return _point(Fraction(text))


def _point(value: Fraction | int) -> Interval:
    return Interval(Fraction(value), Fraction(value))


PLAIN: Mapping[str, Function[Interval]] = {
    "min": least,
    "max": greatest,
    "sum": total,
    "mean": mean,
    "sqrt": lambda parts: root(parts[0]),
    "abs": lambda parts: abs(parts[0]),
}
COMPUTED: Mapping[str, Function[Quantity]] = {
    "min": _least,
    "max": _greatest,
    "sum": _sum,
    "mean": _mean,
    "std": _deviation,
    "sqrt": _root,
    "abs": lambda parts: abs(parts[0]),
}

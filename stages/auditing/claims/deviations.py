"""The range of a standard deviation when each of its numbers lies in an interval."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from fractions import Fraction
from math import lcm

from stages.auditing.tables.numbers import Interval, root

# The number of sums of corners that are kept; twelve numbers of different widths have that many.
MOST_SUMS = 2**12


def deviation(intervals: Sequence[Interval]) -> tuple[Interval, bool]:
    """Return the range of the sample standard deviation (n - 1), and whether it is exact or an outer bound.

    Raises:
        ZeroDivisionError: one number has no standard deviation.
    """
    n = len(intervals)
    if n == 1:
        raise ZeroDivisionError("one number has no standard deviation")
    greatest, exact = _greatest_squares(intervals)
    return root(Interval(_least_squares(intervals) / (n - 1), greatest / (n - 1))), exact


def _greatest_squares(intervals: Sequence[Interval]) -> tuple[Fraction, bool]:
    """Return the largest sum of squares about the mean, and whether it is exact.

    The sum of squares is convex, so its maximum is at a corner of the box. Of corners with the same sum, only the one
    with the largest squares is kept; numbers of equal widths have few sums.
    """
    n = len(intervals)
    # Adding integers is much faster than adding fractions.
    scale = lcm(*(end.denominator for i in intervals for end in (i.low, i.high)))
    squares = {0: 0}
    for interval in intervals:
        further: dict[int, int] = {}
        for end in {int(interval.low * scale), int(interval.high * scale)}:
            for known, square in squares.items():
                further[known + end] = max(square + end * end, further.get(known + end, 0))
        squares = further
        if len(squares) > MOST_SUMS:
            # The squares about any centre are an upper bound of those about the mean.
            centre = sum((i.low + i.high for i in intervals), Fraction(0)) / (2 * n)
            return sum((max((i.low - centre) ** 2, (i.high - centre) ** 2) for i in intervals), Fraction(0)), False
    return Fraction(max(n * square - known**2 for known, square in squares.items()), n * scale**2), True


def _least_squares(intervals: Sequence[Interval]) -> Fraction:
    """Return the least sum of squares about the mean: that of the numbers nearest to a centre that is their mean."""

    def beyond(centre: Fraction) -> Fraction:
        """Return the summed distance of the centre above the numbers nearest to it, which rises with the centre."""
        return sum((centre - _nearest(i, centre) for i in intervals), Fraction(0))

    ends = sorted({end for i in intervals for end in (i.low, i.high)})
    first = bisect_left(ends, 0, key=beyond)
    below = ends[max(first - 1, 0)]
    above = ends[first]
    # It is linear between two ends, so its zero is that of the line through them.
    under = beyond(below)
    over = beyond(above)
    centre = below if under == over else below - under * (above - below) / (over - under)
    return sum(((centre - _nearest(i, centre)) ** 2 for i in intervals), Fraction(0))


def _nearest(interval: Interval, centre: Fraction) -> Fraction:
    return min(max(interval.low, centre), interval.high)

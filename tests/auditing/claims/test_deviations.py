"""The range of a standard deviation: closed cases, and that no deviation lies outside while some reach its ends."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from statistics import variance

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.auditing.claims import deviations
from stages.auditing.claims.deviations import deviation
from stages.auditing.tables.numbers import Interval

intervals = st.tuples(*[st.fractions(-9, 9, max_denominator=8)] * 2).map(lambda ends: Interval(min(ends), max(ends)))
TINY = Fraction(1, 10**25)


def point(value: int) -> Interval:
    return Interval(Fraction(value), Fraction(value))


def test_of_points_it_is_that_of_the_numbers() -> None:
    """Of 2, 4 and 6: the squares about 4 are 8, over n - 1 they are 4."""
    assert deviation([point(2), point(4), point(6)]) == (Interval(Fraction(2), Fraction(2)), True)
    assert deviation([point(3), point(3)]) == (Interval(Fraction(0), Fraction(0)), True)


def test_numbers_that_may_be_equal_may_not_deviate() -> None:
    """Of 0 to 3 and 1 to 5: none at a common number, and 5 - 0 over the root of 2 at most."""
    found, exact = deviation([Interval(Fraction(0), Fraction(3)), Interval(Fraction(1), Fraction(5))])
    assert (found.low, exact) == (0, True)
    assert abs(found.high**2 - Fraction(25, 2)) < TINY


def test_of_one_number_there_is_none() -> None:
    with pytest.raises(ZeroDivisionError, match="one number has no standard deviation"):
        deviation([point(2)])


@given(st.lists(intervals, min_size=2, max_size=5), st.lists(st.fractions(0, 1, max_denominator=9), min_size=5))
def test_no_deviation_lies_outside_and_a_corner_is_the_largest(box: list[Interval], shares: list[Fraction]) -> None:
    found, exact = deviation(box)
    assert exact
    inside = [i.low + share * (i.high - i.low) for i, share in zip(box, shares, strict=False)]
    assert found.low**2 <= variance(inside) <= found.high**2
    largest = max(variance(corner) for corner in product(*((i.low, i.high) for i in box)))
    assert abs(found.high**2 - largest) < TINY


@given(st.lists(intervals, min_size=2, max_size=4))
def test_the_least_deviation_is_reached(box: list[Interval]) -> None:
    """Descent over one number at a time ends at the least of a convex function on a box."""
    inside = [(i.low + i.high) / 2 for i in box]
    for _ in range(200):
        for place, i in enumerate(box):
            rest = [number for other, number in enumerate(inside) if other != place]
            inside[place] = Fraction(min(max(sum(rest) / len(rest), i.low), i.high)).limit_denominator(10**12)
    assert float(variance(inside)) == pytest.approx(float(deviation(box)[0].low ** 2), abs=1e-6)


def test_too_many_corners_give_an_outer_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    box = [Interval(Fraction(n), n + Fraction(1, n + 2)) for n in range(6)]
    found, exact = deviation(box)
    monkeypatch.setattr(deviations, "MOST_SUMS", 8)
    outer, outer_is_exact = deviation(box)
    assert (exact, outer_is_exact) == (True, False)
    assert outer.low == found.low
    assert found.high <= outer.high < found.high * Fraction(11, 10)


def test_numbers_of_one_width_have_few_corners() -> None:
    """Forty numbers have a million million corners, but 41 sums."""
    _, exact = deviation([Interval(Fraction(n % 7), Fraction(n % 7) + 1) for n in range(40)])
    assert exact

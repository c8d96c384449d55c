"""Printed numbers and interval arithmetic, exact."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.papers.numbers import ROUNDED, ROUNDED_TWICE, Interval, greatest, least, mean, parse_number


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("8.00", "8", "0.01"),
        ("-74.53", "-74.53", "0.01"),
        ("1,000", "1000", "1"),
        ("500K", "500000", "1000"),
        ("1.2M", "1200000", "100000"),
        ("1e-4", "0.0001", "0.0001"),
        ("0.00291", "0.00291", "0.00001"),
    ],
)
def test_a_printed_number_keeps_its_last_digit(text: str, value: str, unit: str) -> None:
    assert parse_number(text)[:2] == (Fraction(value), Fraction(unit))


@pytest.mark.parametrize(
    "text",
    ["", "8,00", "1,00", "8.", ".5", "3 pp", "500 K", "500KB", "nan", "inf", "1_000", "٣", "--3", "3%%", "1e100", "1" * 101,
     "3.21 ± -0.05", "± 0.05", "3.21 (0.05)", ">0.001", "<0", "<-1", "<0.001 ± 0.1"],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a number"):
        parse_number(text)


@given(st.integers(-(10**6), 10**6), st.integers(0, 3))
def test_a_number_lies_within_what_rounds_to_it(thousandths: int, digits: int) -> None:
    """Half a unit for one rounding; 0.55 units for two, the first to one digit more."""
    value = Fraction(thousandths, 1000)
    once = parse_number(f"{float(round(value, digits)):.{digits}f}")
    assert once.within(ROUNDED).low <= value <= once.within(ROUNDED).high
    twice = parse_number(f"{float(round(round(value, digits + 1), digits)):.{digits}f}")
    assert twice.within(ROUNDED_TWICE).low <= value <= twice.within(ROUNDED_TWICE).high


intervals = st.tuples(*[st.fractions(-9, 9, max_denominator=50)] * 2).map(lambda ends: Interval(min(ends), max(ends)))


@given(intervals, intervals, st.fractions(0, 1, max_denominator=7), st.fractions(0, 1, max_denominator=7))
def test_arithmetic_encloses_that_of_every_member(x: Interval, y: Interval, p: Fraction, q: Fraction) -> None:
    a, b = x.low + p * (x.high - x.low), y.low + q * (y.high - y.low)
    results = [(x + y, a + b), (x - y, a - b), (x * y, a * b), (-x, -a), (least([x, y]), min(a, b))]
    results += [(greatest([x, y]), max(a, b)), (mean([x, y]), (a + b) / 2)]
    if y.low > 0 or y.high < 0:
        results.append((x / y, a / b))
    for interval, value in results:
        assert interval.low <= value <= interval.high


def test_a_divisor_that_may_be_0_is_refused() -> None:
    with pytest.raises(ZeroDivisionError):
        Interval(Fraction(1), Fraction(2)) / Interval(Fraction(0), Fraction(1))

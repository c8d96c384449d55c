"""Printed numbers and interval arithmetic, exact."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.auditing.tables.numbers import (
    MOST_BITS,
    PRINTED,
    ROUNDED,
    ROUNDED_TWICE,
    Interval,
    greatest,
    least,
    mean,
    parse_number,
    parse_span,
    root,
    total,
)


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
        ("+3.2", "3.2", "0.1"),
        ("\N{MINUS SIGN}3.20", "-3.2", "0.01"),
        ("12.5%", "12.5", "0.1"),
        ("12.5 %", "12.5", "0.1"),
        ("1.2E9", "1200000000", "100000000"),
        ("1e+4", "10000", "10000"),
        ("1E\N{MINUS SIGN}2", "0.01", "0.01"),
        ("16k", "16000", "1000"),
        ("1.5B", "1500000000", "100000000"),
        ("3.21 ± 0.05", "3.21", "0.01"),
        ("3.21+-0.05", "3.21", "0.01"),
        ("85.3% ± 0.4%", "85.3", "0.1"),
        ("<0.001", "0.001", "0.001"),
    ],
)
def test_a_printed_number_keeps_its_last_digit(text: str, value: str, unit: str) -> None:
    assert parse_number(text)[:2] == (Fraction(value), Fraction(unit))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "8,00",
        "1,00",
        "8.",
        ".5",
        "3 pp",
        "500 K",
        "500KB",
        "nan",
        "inf",
        "1_000",
        "٣",
        "--3",
        "3%%",
        "1e100",
        "1" * 101,
        "3.21 ± -0.05",
        "± 0.05",
        "3.21 (0.05)",
        ">0.001",
        "<0",
        "<-1",
        "<0.001 ± 0.1",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a number"):
        parse_number(text)


@pytest.mark.parametrize(
    ("text", "spread", "shown"),
    [("3.21 ± 0.05", "0.05", "3.21"), ("-1.2K+-0.1K", "0.1K", "-1.2K"), ("85.3% ± 0.40 %", "0.40", "85.3%")],
)
def test_a_spread_is_a_number_of_its_own(text: str, spread: str, shown: str) -> None:
    number = parse_number(text)
    assert (number.spread, number.text) == (parse_number(spread), shown)
    assert parse_number(shown).spread is None


def test_a_bound_is_of_what_is_not_negative() -> None:
    """From 0 up to the bound, which it does not reach, however it was rounded."""
    for slack in (PRINTED, ROUNDED, ROUNDED_TWICE):
        interval = parse_number("<0.001").within(slack)
        assert interval.low == 0
        assert Fraction("0.00099999") < interval.high < Fraction("0.001")


def test_what_was_counted_has_no_width() -> None:
    assert parse_number("500K").exact().within(ROUNDED) == Interval(Fraction(500_000), Fraction(500_000))


def test_a_span_is_two_numbers_the_smaller_first() -> None:
    assert parse_span("-3.2% to 500K") == (parse_number("-3.2%"), parse_number("500K"))
    for text in ("3.2", "3.2 to", "3.2 - 7.1", "7.1 to 3.2", "<3.2 to 7.1", "3.2 to many"):
        with pytest.raises(ValueError, match="is not a range"):
            parse_span(text)


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
    a = x.low + p * (x.high - x.low)
    b = y.low + q * (y.high - y.low)
    results = [(x + y, a + b), (x - y, a - b), (x * y, a * b), (-x, -a), (least([x, y]), min(a, b))]
    results += [(greatest([x, y]), max(a, b)), (mean([x, y]), (a + b) / 2), (total([x, y]), a + b), (abs(x), abs(a))]
    results += [(x**n, a**n) for n in range(5)]
    if y.low > 0 or y.high < 0:
        results += [(x / y, a / b), (y**-3, b**-3)]
    for interval, value in results:
        assert interval.low <= value <= interval.high


def test_a_divisor_that_may_be_0_is_refused() -> None:
    with pytest.raises(ZeroDivisionError):
        Interval(Fraction(1), Fraction(2)) / Interval(Fraction(0), Fraction(1))


def test_powers_and_magnitudes_know_where_they_turn() -> None:
    interval = Interval(Fraction(-2), Fraction(1))
    assert interval**2 == Interval(Fraction(0), Fraction(4))
    assert interval**3 == Interval(Fraction(-8), Fraction(1))
    assert interval**0 == Interval(Fraction(1), Fraction(1))
    assert abs(interval) == Interval(Fraction(0), Fraction(2))
    assert abs(Interval(Fraction(-2), Fraction(-1))) == Interval(Fraction(1), Fraction(2))


@given(st.fractions(0, 10**6, max_denominator=10**6))
def test_a_root_is_exact_or_rounded_outwards(value: Fraction) -> None:
    found = root(Interval(value, value))
    assert found.low**2 <= value <= found.high**2
    assert found.high - found.low <= Fraction(1, 10**30)
    assert root(Interval(value**2, value**2)) == Interval(value, value)


def test_a_root_of_what_may_be_negative_is_refused() -> None:
    with pytest.raises(ArithmeticError, match="may be of a negative number"):
        root(Interval(Fraction(-1, 10**9), Fraction(1)))


def test_numbers_do_not_grow_beyond_what_can_be_printed() -> None:
    assert str(2 ** (MOST_BITS - 1))
    with pytest.raises(OverflowError, match="grow beyond 4,000 digits"):
        Interval(Fraction(1, 2 ** (MOST_BITS // 10)), Fraction(1)) ** 10

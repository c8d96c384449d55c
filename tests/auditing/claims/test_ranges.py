"""Ranges of formulas: exact where an operand is mentioned twice, never too narrow, and said where perhaps too wide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.auditing.claims.formulas import Filled, fill, parse_formula
from stages.auditing.claims.ranges import Enclosure, enclose
from stages.auditing.tables.numbers import PRINTED, ROUNDED, Interval, Printed, parse_number

TINY = Fraction(1, 10**20)


def filled(formula: str, numbers: Mapping[str, Sequence[str]]) -> Filled:
    def read(name: str, attribute: str) -> list[tuple[str, Printed]]:
        return [(f"{name}{attribute}{i}", parse_number(text)) for i, text in enumerate(numbers[name])]

    return fill(parse_formula(formula), read)


def enclosed(formula: str, **numbers: str) -> Enclosure:
    return enclose(filled(formula, {name: text.split() for name, text in numbers.items()}), ROUNDED)


def value(formula: Filled, cells: Mapping[str, Fraction]) -> Interval:
    """The value at one point, which is an interval only where a root is irrational."""
    numbers = {cell: Printed(cells[cell], Fraction(0), "") for cell in formula.cells}
    return enclose(Filled(formula.formula, numbers), PRINTED).range


@pytest.mark.parametrize(
    ("formula", "numbers", "low", "high"),
    [
        # Rises with both: its ends are at 0.895, 0.795 and 0.905, 0.805.
        (
            "2 * p * r / (p + r)",
            {"p": "0.90", "r": "0.80"},
            2 * Fraction("0.895") * Fraction("0.795") / Fraction("1.69"),
            2 * Fraction("0.905") * Fraction("0.805") / Fraction("1.71"),
        ),
        ("a - a", {"a": "2.0"}, Fraction(0), Fraction(0)),
        ("a / (a + b)", {"a": "1.0", "b": "3.0"}, Fraction("0.95") / 4, Fraction("1.05") / 4),
        (
            "(a - b) / a",
            {"a": "4.0", "b": "2.0"},
            1 - Fraction("2.05") / Fraction("3.95"),
            1 - Fraction("1.95") / Fraction("4.05"),
        ),
        ("a ** 2", {"a": "0.0"}, Fraction(0), Fraction("0.0025")),
        # Turns at 2: half of the box rises, half falls.
        ("a * (4 - a)", {"a": "2.0"}, Fraction("3.9975"), Fraction(4)),
        # The mean falls with the base in every pair.
        (
            "mean(1 - b / a)",
            {"a": "4.0", "b": "1.0 3.0"},
            1 - Fraction("2.05") / Fraction("3.95"),
            1 - Fraction("1.95") / Fraction("4.05"),
        ),
        ("max(m) - min(m)", {"m": "1.0 3.0 2.0"}, Fraction("1.9"), Fraction("2.1")),
        (
            "max(1 - b / a)",
            {"a": "4.0", "b": "1.0 3.0"},
            1 - Fraction("1.05") / Fraction("3.95"),
            1 - Fraction("0.95") / Fraction("4.05"),
        ),
        ("min(a, b) + 0 * c", {"a": "1.0", "b": "1.02", "c": "9"}, Fraction("0.95"), Fraction("1.025")),
    ],
)
def test_closed_cases(formula: str, numbers: dict[str, str], low: Fraction, high: Fraction) -> None:
    assert enclosed(formula, **numbers) == Enclosure(Interval(low, high), True)


def test_a_variation_coefficient_is_exact() -> None:
    """Of 1 and 3 the deviation is |a - b| / root 2 and the mean half their sum: the ends are at corners."""
    found, exact = enclosed("std(m) / mean(m)", m="1.0 3.0")
    assert exact
    assert abs(found.low**2 - 2 * (Fraction("1.9") / Fraction("4.0")) ** 2) < TINY
    assert abs(found.high**2 - 2 * (Fraction("2.1") / Fraction("4.0")) ** 2) < TINY


def test_what_no_halving_decides_is_said_to_be_an_outer_bound() -> None:
    """a (1 - a) (2 - a) + a² b - a b about its turn; the true range is inside."""
    formula = filled("a * (1 - a) * (2 - a) + a ** 2 * b - a * b", {"a": ["0.4"], "b": ["0.1"]})
    found, exact = enclose(formula, ROUNDED)
    assert not exact
    middle = value(formula, {"avalue0": Fraction("0.42"), "bvalue0": Fraction("0.1")})
    assert found.low < middle.low <= middle.high < found.high


def test_a_divisor_and_a_root_are_looked_at_over_all_values() -> None:
    with pytest.raises(ZeroDivisionError, match="the divisor may be 0"):
        enclosed("a / b", a="1.0", b="0.0")
    with pytest.raises(ArithmeticError, match="negative number"):
        enclosed("sqrt(a)", a="0.0")
    assert enclosed("sqrt(abs(a))", a="0.0").range.low == 0


FORMULAS = (
    "a * b / (a + b)",
    "(a - b) / a",
    "a * a - b * a",
    "a ** 2 - a * b + b ** 2",
    "abs(a - b) - a",
    "max(a, b) - min(a, b)",
    "sqrt(a * b) / a",
    "a ** -1 + a - b",
    "max(a - b, b - a, a * b - 2)",
    "(a - b) ** 2 - a",
    "sqrt(a ** 2 + b ** 2) - b",
    "mean(m) / a - max(m)",
    "std(m) / mean(m)",
    "std(m - a) + a",
    "sum(m * a) - min(m)",
    "sqrt(abs(a - b)) * a",
)
decimals = st.integers(10, 60).map(lambda tenths: f"{tenths / 10:.1f}")


@given(st.sampled_from(FORMULAS), decimals, decimals, st.lists(decimals, min_size=2, max_size=3), st.data())
def test_no_value_lies_outside_and_an_exact_range_is_no_wider_than_need_be(
    formula: str, a: str, b: str, several: list[str], data: st.DataObject
) -> None:
    parts = filled(formula, {"a": [a], "b": [b], "m": several})
    found, exact = enclose(parts, ROUNDED)
    box = {cell: number.within(ROUNDED) for cell, number in parts.cells.items()}
    shares = [data.draw(st.fractions(0, 1, max_denominator=6)) for _ in box]
    inside = {cell: i.low + share * (i.high - i.low) for (cell, i), share in zip(box.items(), shares, strict=True)}
    at_point = value(parts, inside)
    assert found.low <= at_point.high
    assert at_point.low <= found.high
    if exact:
        # Some point of a grid is near each end: a slope of these formulas is at most 20, half a mesh 1/60.
        grid = product(*([i.low + (i.high - i.low) * k / 3 for k in range(4)] for i in box.values()))
        values = [value(parts, dict(zip(box, point, strict=True))) for point in grid]
        room = Fraction(len(box) * 20, 60)
        assert min(v.high for v in values) - found.low <= room
        assert found.high - max(v.low for v in values) <= room


@given(st.sampled_from([formula for formula in FORMULAS if "(m" not in formula]), decimals, decimals)
def test_a_range_is_no_wider_than_by_intervals_alone(formula: str, a: str, b: str) -> None:
    """Two mentions of one number as two numbers: naming each mention apart gives plain interval arithmetic."""
    numbers = {"a": [a], "b": [b]}
    found, _ = enclose(filled(formula, numbers), ROUNDED)
    places = iter("uvwxyz")
    apart = "".join(next(places) if letter in "ab" and not near else letter for letter, near in _letters(formula))
    named = dict(zip("uvwxyz", (numbers[x] for x, near in _letters(formula) if x in "ab" and not near), strict=False))
    plain, exact = enclose(filled(apart, named), ROUNDED)
    assert exact
    assert plain.low <= found.low
    assert found.high <= plain.high


def _letters(formula: str) -> list[tuple[str, bool]]:
    """The characters of a formula, and whether each is part of a longer word."""
    padded = f" {formula} "
    return [(padded[i], padded[i - 1].isalpha() or padded[i + 1].isalpha()) for i in range(1, len(padded) - 1)]

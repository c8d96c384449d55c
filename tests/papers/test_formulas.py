"""Formulas: what they allow, what they evaluate to, how they are spelled out."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import pytest

from stages.papers.formulas import evaluate, is_printed, operands_of, parse_formula, spell
from stages.papers.numbers import PRINTED, ROUNDED, Interval, Printed, parse_number

NUMBERS = {
    ("a", "value"): ["8.00"], ("b", "value"): ["4.00"], ("b", "improvement"): ["-50.0"], ("a", "steps"): ["1000"],
    ("m", "value"): ["3.0", "2.0", "4.0"],
}  # fmt: skip


def read(name: str, attribute: str) -> Sequence[Printed]:
    return [parse_number(text) for text in NUMBERS[name, attribute]]


@pytest.mark.parametrize(
    ("text", "value", "spelled"),
    [
        ("100 * (1 - b / a)", "50", "100 × (1 − 4.00 / 8.00)"),
        ("a - b - 1.5", "2.5", "8.00 − 4.00 − 1.5"),
        ("a - (b - 1.5)", "5.5", "8.00 − (4.00 − 1.5)"),
        ("-b.improvement", "50", "−−50.0"),
        ("a.steps / 80", "12.5", "1000 / 80"),
        ("min(m) + max(m) * mean(m)", "14", "min(3.0, 2.0, 4.0) + max(3.0, 2.0, 4.0) × mean(3.0, 2.0, 4.0)"),
        ("exact(a)", "8", "8.00"),
    ],
)
def test_values_and_spelling(text: str, value: str, spelled: str) -> None:
    formula = parse_formula(text)
    assert evaluate(formula, read, PRINTED) == Interval(Fraction(value), Fraction(value))
    assert spell(formula, read) == spelled


def test_an_operand_mentioned_once_gives_the_exact_range() -> None:
    """(1 - b / a) over a in [7.995, 8.005], b in [3.995, 4.005]: its ends are at two corners."""
    assert not is_printed(parse_formula("1 - b / a"))
    assert is_printed(parse_formula("exact(a)"))
    result = evaluate(parse_formula("1 - b / a"), read, ROUNDED)
    assert result == Interval(1 - Fraction("4.005") / Fraction("7.995"), 1 - Fraction("3.995") / Fraction("8.005"))


def test_settings_and_counts_have_no_width() -> None:
    assert evaluate(parse_formula("exact(a) * a.steps"), read, ROUNDED) == Interval(Fraction(8000), Fraction(8000))
    assert evaluate(parse_formula("max(a.steps)"), read, ROUNDED) == Interval(Fraction(1000), Fraction(1000))


def test_reducers_widen_with_their_operands() -> None:
    """The smallest of 3.0, 2.0, 4.0, each within 0.05; the mean of three moves as much as each."""
    for function, value in (("min", 2), ("max", 4), ("mean", 3)):
        low, high = value - Fraction("0.05"), value + Fraction("0.05")
        assert evaluate(parse_formula(f"{function}(m)"), read, ROUNDED) == Interval(low, high)


def test_operands_know_whether_they_are_only_reduced() -> None:
    assert operands_of(parse_formula("min(m) - mean(a.b) + -a")) == {"m": {"reduced"}, "a": {"reduced", "alone"}}
    assert operands_of(parse_formula("exact(a) / 2")) == {"a": {"alone"}}


@pytest.mark.parametrize(
    "text",
    ["", "a +", "a ** 2", "a // b", "abs(a)", "min(a, b)", "min(2)", "a.model", "a.b.c", "a[0]", "__import__('os')",
     "'8.00'", "True", "a < b", "min(x=a)", "lambda: a", "exact(a + b)", "+a", "1e999j", "1e999", "a" + " + a" * 100],
)  # fmt: skip
def test_nothing_else_is_arithmetic(text: str) -> None:
    with pytest.raises(ValueError, match="formula"):
        parse_formula(text)

"""Formulas: what they allow, what they mention, how they are filled in and spelled out."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import pytest

from stages.auditing.claims.formulas import (
    fill,
    is_printed,
    is_selection,
    mentions,
    operands_of,
    parse_formula,
    reduced_together,
    spell,
)
from stages.auditing.claims.ranges import enclose
from stages.auditing.tables.numbers import PRINTED, ROUNDED, Interval, Printed, parse_number

NUMBERS = {
    ("a", "value"): ["8.00"],
    ("b", "value"): ["4.00"],
    ("b", "improvement"): ["-50.0"],
    ("a", "steps"): ["1000"],
    ("m", "value"): ["3.0", "2.0", "4.0"],
    ("n", "value"): ["6.0", "8.0", "5.0"],
    ("s", "value"): ["3.21 ± 0.05"],
    ("s", "spread"): ["0.05"],
    ("p", "value"): ["12.5%"],
}


def read(name: str, attribute: str) -> Sequence[tuple[str, Printed]]:
    numbers = map(parse_number, NUMBERS[name, attribute])
    exact = attribute == "steps"
    return [(f"{name}.{attribute}.{i}", n.exact() if exact else n) for i, n in enumerate(numbers)]


def evaluate(text: str, slack: Fraction) -> Interval:
    return enclose(fill(parse_formula(text), read), slack).range


@pytest.mark.parametrize(
    ("text", "value", "spelled"),
    [
        ("100 * (1 - b / a)", "50", "100 × (1 − 4.00 / 8.00)"),
        ("a - b - 1.5", "2.5", "8.00 − 4.00 − 1.5"),
        ("a - (b - 1.5)", "5.5", "8.00 − (4.00 − 1.5)"),
        ("-b.improvement", "50", "−−50.0"),
        ("a.steps / 80", "12.5", "1000 / 80"),
        ("min(m) + max(m) * mean(m)", "14", "min(3.0, 2.0, 4.0) + max(3.0, 2.0, 4.0) × mean(3.0, 2.0, 4.0)"),
        ("sum(m) - std(m)", "8", "sum(3.0, 2.0, 4.0) − std(3.0, 2.0, 4.0)"),
        ("exact(a)", "8", "8.00"),
        ("a ** 2 / b ** -1", "256", "8.00^2 / 4.00^(−1)"),
        ("abs(b - a) + sqrt(b)", "6", "abs(4.00 − 8.00) + sqrt(4.00)"),
        ("min(a, b, 5) + max(a, 1)", "12", "min(8.00, 4.00, 5) + max(8.00, 1)"),
        # Of 1/2, 3/4 and 1/5.
        ("max(100 * (1 - m / n))", "75", "max(100 × (1 − 3.0 / 6.0), 100 × (1 − 2.0 / 8.0), 100 × (1 − 4.0 / 5.0))"),
        ("sum(m / b)", "2.25", "sum(3.0 / 4.00, 2.0 / 4.00, 4.0 / 4.00)"),
        ("s + s.spread", "3.26", "3.21 + 0.05"),
        ("p * 2", "25", "12.5% × 2"),
    ],
)
def test_values_and_spelling(text: str, value: str, spelled: str) -> None:
    filled = fill(parse_formula(text), read)
    assert enclose(filled, PRINTED).range == Interval(Fraction(value), Fraction(value))
    assert spell(filled) == spelled


def test_an_operand_mentioned_once_gives_the_exact_range() -> None:
    """(1 - b / a) over a in [7.995, 8.005], b in [3.995, 4.005]: its ends are at two corners."""
    assert not is_printed(parse_formula("1 - b / a"))
    assert is_printed(parse_formula("exact(a)"))
    expected = Interval(1 - Fraction("4.005") / Fraction("7.995"), 1 - Fraction("3.995") / Fraction("8.005"))
    assert evaluate("1 - b / a", ROUNDED) == expected


def test_settings_and_counts_have_no_width() -> None:
    assert evaluate("exact(a) * a.steps", ROUNDED) == Interval(Fraction(8000), Fraction(8000))
    assert evaluate("max(a.steps)", ROUNDED) == Interval(Fraction(1000), Fraction(1000))


def test_reducers_widen_with_their_operands() -> None:
    """The smallest of 3.0, 2.0, 4.0, each within 0.05; the mean of three moves as much as each, the sum thrice."""
    for function, value, width in (("min", 2, "0.05"), ("max", 4, "0.05"), ("mean", 3, "0.05"), ("sum", 9, "0.15")):
        low = value - Fraction(width)
        high = value + Fraction(width)
        assert evaluate(f"{function}(m)", ROUNDED) == Interval(low, high)


def test_operands_know_whether_they_are_only_reduced() -> None:
    assert operands_of(parse_formula("min(m) - mean(a.b) + -a")) == {"m": {"reduced"}, "a": {"reduced", "alone"}}
    assert operands_of(parse_formula("exact(a) / 2 + min(b, c)")) == {name: {"alone"} for name in "abc"}
    assert operands_of(parse_formula("abs(max(b - a))")) == {name: {"reduced"} for name in "ab"}


def test_operands_under_one_reducer_belong_together() -> None:
    formula = parse_formula("sqrt(mean(a) * mean(b / c)) - max(d, e) + std(abs(f - c))")
    assert sorted(map(sorted, reduced_together(formula))) == [["a"], ["b", "c"], ["c", "f"]]


def test_a_selection_mentions_what_it_compares_and_what_it_tells() -> None:
    formula = parse_formula("argmin(a.k).steps")
    assert is_selection(formula)
    assert [tuple(mention) for mention in mentions(formula)] == [("a", "k", True), ("a", "steps", True)]
    assert reduced_together(formula) == [{"a"}]


@pytest.mark.parametrize("text", ["a.n", "a.fold", "a ** 20", "a ** -20", "10 ** 2", "abs(-a)", "std(a - b)"])
def test_any_attribute_and_function_may_stand(text: str) -> None:
    assert parse_formula(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a +",
        "a // b",
        "abs(a, b)",
        "sqrt()",
        "min(2)",
        "mean(abs(2))",
        "a.b.c",
        "a[0]",
        "__import__('os')",
        "a ** b",
        "a ** 0.5",
        "a ** 21",
        "10 ** 999999",
        "9 ** 9 ** 9",
        "max(min(a))",
        "sum(b + mean(a))",
        "mean(a, b)",
        "min(a.b.c)",
        "argmin(a)",
        "argmin(a).steps + 1",
        "max(argmin(a).steps)",
        "argmin(a - b).steps",
        "argmax(a, b).steps",
        "'8.00'",
        "True",
        "a < b",
        "min(x=a)",
        "lambda: a",
        "exact(a + b)",
        "+a",
        "1e999j",
        "1e999",
        "a ** True",
        "a" + " + a" * 100,
        "-" * 200 + "a",
        "(" * 250 + "a" + ")" * 49,
        "a\0",
    ],
)
def test_nothing_else_is_arithmetic(text: str) -> None:
    with pytest.raises(ValueError, match="formula"):
        parse_formula(text)

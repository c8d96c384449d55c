"""Relations between ranges, where the verdicts' closed cases do not reach."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.auditing.claims.relations import Range, compare, trend_of
from stages.auditing.tables.numbers import Printed, parse_number


def spread(number: Printed) -> Range:
    return Range(number.within)


@pytest.mark.parametrize(
    ("bound", "relation", "other", "held"),
    [
        ("<0.001", "<", "0.05", "yes"),
        ("<0.001", "<", "0.001", "yes"),
        ("<0.001", ">=", "0.001", "possible"),
        ("<0.001", ">", "0.01", "no"),
        ("<0.001", "<", "0.0005", "possible"),
        ("<0.001", "=", "0.0004", "yes"),
        ("<0.001", "=", "0.01", "no"),
        ("<0.001", "!=", "0.01", "yes"),
    ],
)
def test_a_bound_may_be_anything_below_it(bound: str, relation: str, other: str, held: str) -> None:
    assert compare(spread(parse_number(bound)), relation, spread(parse_number(other))) == held


numbers = st.integers(0, 400).map(lambda hundredths: spread(parse_number(f"{hundredths / 100:.2f}")))


@given(numbers, numbers)
def test_what_is_below_is_not_above(first: Range, second: Range) -> None:
    assert compare(first, "<", second) == compare(second, ">", first)
    assert compare(first, "<=", second) == compare(second, ">=", first)
    if compare(first, "<", second) == "yes":
        assert compare(second, "<", first) == "no"
        assert compare(first, "!=", second) == "yes"


@given(numbers, numbers)
def test_equal_numbers_may_differ_behind_their_digits(first: Range, second: Range) -> None:
    equal = compare(first, "=", second) == "yes"
    assert compare(first, "!=", second) == ("possible" if equal else "yes")
    exact = [Range(lambda _, end=end: end.printed) for end in (first, second)]
    assert compare(exact[0], "!=", exact[1]) == ("no" if first.printed == second.printed else "yes")


def test_trends_name_their_coordinate() -> None:
    assert trend_of("rises with steps") == ("steps", "<")
    assert trend_of("falls with noise_level") == ("noise_level", ">")
    for relation in ("=", "rises", "rises with", "rises with Steps", "rises with 2", "grows with steps"):
        assert trend_of(relation) is None

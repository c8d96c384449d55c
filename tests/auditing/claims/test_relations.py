"""Relations between ranges in cases that the tests of verdicts do not cover, and quantifiers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.auditing.claims.relations import Range, compare, parse_quantifier, trend_of
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


@pytest.mark.parametrize(
    ("text", "admitted"),
    [
        ("all", [4]),
        ("most", [3, 4]),
        ("none", [0]),
        ("3 of 4", [3]),
        ("0 of 4", [0]),
        ("at least 3 of 4", [3, 4]),
        ("at most 1 of 4", [0, 1]),
    ],
)
def test_what_is_admitted_of_four(text: str, admitted: list[int]) -> None:
    quantifier = parse_quantifier(text)
    assert [held for held in range(5) if quantifier.admits(held, 4)] == admitted
    assert quantifier.is_number == ("of" in text)
    assert quantifier.is_negative == (text in ("none", "at most 1 of 4"))


@given(st.integers(0, 9), st.integers(1, 9))
def test_at_least_and_at_most_meet_in_the_number_itself(number: int, total: int) -> None:
    if number <= total:
        words = [parse_quantifier(f"{bound}{number} of {total}") for bound in ("at least ", "at most ", "")]
        for held in range(total + 1):
            least, most, exactly = (word.admits(held, total) for word in words)
            assert (least and most) == exactly
            assert least or most


@pytest.mark.parametrize(
    "text",
    ["some", "All", "5 of 4", "at least 5 of 4", "of 4", "3 of", "3/4", "-1 of 4", "1 of 0", "some 3 of 4", "٣ of 4"],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="quantifier"):
        parse_quantifier(text)

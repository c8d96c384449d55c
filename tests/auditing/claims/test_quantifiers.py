"""Quantifiers: what they admit, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.auditing.claims.relations import parse_quantifier


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

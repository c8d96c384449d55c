"""Percentages beside values: recomputed from the base that the table itself suggests."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.auditing.checks.percentages import candidates
from tests.auditing.checks.tables import grid, paper, rows

VALUES = st.floats(1, 90)


def messages_of(values: list[list[str]], percentages: list[list[str]], name: str = "improvement") -> list[str]:
    made = rows(*grid(values, **{name: percentages}), beside=(name,))
    return [candidate.message for candidate in candidates(paper(made))]


BASE = ["8.00", "6.00", "5.00", "10.0"]
OURS = ["6.00", "3.00", "4.00", "9.00"]


@pytest.mark.parametrize(
    ("printed", "found"),
    [
        (["25.0", "50.0", "20.0", "10.0"], []),
        (["25.0", "50.0", "20.0", "19.0"], ["19.0 is printed beside 9.00, but 100 × (1 − 9.00 / 10.0) = 10.0; 3 "]),
        (["-25.0", "-50.0", "-20.0", "10"], ["10 is printed beside 9.00, but 100 × (9.00 / 10.0 − 1) = −10; 3 "]),
        # One of the others fewer, and nothing says what the base is.
        (["25.0", "50.0", "", "19.0"], []),
        (["25.0", "50.0", "27.0", "19.0"], []),
        # 10.0 may be 10.05 and 9.00 8.995: 10.5 %, which 10.6 - 0.05 still is above; but 10.5 fits.
        (["25.0", "50.0", "20.0", "10.5"], []),
        (["25.0", "50.0", "20.0", "10.6"], ["10.6 is printed beside 9.00, but 100 × (1 − 9.00 / 10.0) = 10.0; 3 "]),
    ],
)
def test_a_percentage_that_does_not_come_out_among_three_that_do(printed: list[str], found: list[str]) -> None:
    assert messages_of([BASE, OURS], [[""] * 4, printed]) == [
        f"{text}others of the table come out so" for text in found
    ]


def test_three_that_agree_are_no_base_where_most_do_not() -> None:
    base = [*BASE, "4.00", "3.00", "2.00"]
    ours = [*OURS, "2.00", "1.00", "1.50"]
    printed = ["25.0", "50.0", "20.0", "19.0", "19.0", "19.0"]
    assert messages_of([base, ours], [[""] * 7, [*printed, "19.0"]]) == []
    assert len(messages_of([base, ours], [[""] * 7, [*printed[:4], "50.0", "19.0", "19.0"]])) == 3


def test_the_base_is_found_in_columns_as_in_rows() -> None:
    turned = [list(pair) for pair in zip(BASE, OURS, strict=True)]
    assert len(messages_of(turned, [["", "25.0"], ["", "50.0"], ["", "20.0"], ["", "91.0"]])) == 1
    assert messages_of(turned, [["", "25.0"], ["", "50.0"], ["", "20.0"], ["", "10.0"]], "gain_percent") == []


def test_another_base_of_the_table_excuses_a_percentage() -> None:
    """The last is against the row in the middle: 100 × (1 − 9.00 / 12.0)."""
    middle = ["7.00", "7.00", "7.00", "12.0"]
    assert messages_of([BASE, middle, OURS], [[""] * 4, [""] * 4, ["25.0", "50.0", "20.0", "25.0"]]) == []


def test_the_metrics_of_a_table_have_signs_of_their_own() -> None:
    lower = grid([BASE, OURS], improvement=[[""] * 4, ["25.0", "50.0", "20.0", "10.0"]])
    higher = grid([OURS, BASE], "is", improvement=[[""] * 4, ["33.3", "100", "25.0", "11.1"]])
    made = rows(*lower, *higher, beside=("improvement",))
    assert list(candidates(paper(made))) == []


def test_an_improvement_may_be_a_difference() -> None:
    """Near 100 it hardly differs from one in per cent: 1.20 and 1.50 would be 1.25 and 1.59."""
    base = ["96.10", "95.00", "94.20", "93.00"]
    ours = ["97.30", "96.00", "95.70", "95.00"]
    assert messages_of([base, ours], [[""] * 4, ["1.20", "1.00", "1.50", "2.00"]]) == []
    assert messages_of([base, ours], [[""] * 4, ["1.20", "1.00", "1.50", "3.00"]]) == [
        "3.00 is printed beside 95.00, but 95.00 − 93.00 = 2.00; 3 others of the table come out so"
    ]
    # One decimal less, and either formula gives the first three, so that either may be meant: 2.0 or 2.2 %.
    coarse = [[value[:-1] for value in line] for line in (base, ours)]
    for last in ("2.0", "2.2"):
        assert messages_of(coarse, [[""] * 4, ["1.2", "1.0", "1.5", last]]) == []


def test_what_cannot_be_divided_or_read_is_passed_over() -> None:
    assert messages_of([["0.0", "0", "0", ""], OURS], [[""] * 4, ["25.0", "50.0", "20.0", "10.0"]]) == []
    assert messages_of([["0.0", "0", "0", "10.0"], OURS], [[""] * 4, ["25.0", "50.0", "20.0", "19.0"]]) == []
    assert messages_of([BASE, OURS], [[""] * 4, [""] * 4], "n") == []


@given(
    st.integers(3, 5).flatmap(lambda n: st.lists(st.lists(VALUES, min_size=n, max_size=n), min_size=2, max_size=5)),
    st.sampled_from([1, -1]),
    st.integers(0, 2),
    st.booleans(),
    st.data(),
)
def test_percentages_of_unrounded_values_are_passed(
    values: list[list[float]], sign: int, digits: int, transposed: bool, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(values) - 1))
    percentages = [
        ["" if i == at else f"{sign * 100 * (1 - line[j] / base):.{digits}f}" for j, base in enumerate(values[at])]
        for i, line in enumerate(values)
    ]
    printed = [[f"{value:.2f}" for value in line] for line in values]
    if transposed:
        printed, percentages = ([list(line) for line in zip(*table, strict=True)] for table in (printed, percentages))
    assert messages_of(printed, percentages) == []

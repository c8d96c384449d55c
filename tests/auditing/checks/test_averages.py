"""Averages and totals of tables, recomputed from their cells."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.auditing.checks.averages import candidates
from tests.auditing.checks.tables import paper, rows


def messages_of(*cells: tuple[str, str], axis: str = "row", metric: str = "fid", n: tuple[str, ...] = ()) -> list[str]:
    records = [{axis: label, "value": value, "metric": metric} for label, value in cells]
    counts = [{"n": text} for text in n] or [{}] * len(records)
    made = rows(*(record | count for record, count in zip(records, counts, strict=True)), beside=("n",))
    return [candidate.message for candidate in candidates(paper(made))]


@pytest.mark.parametrize("axis", ["row", "column"])
@pytest.mark.parametrize("word", ["Average", "avg.", "MEAN", "(mean)"])
def test_an_average_is_that_of_its_cells(axis: str, word: str) -> None:
    cells = ("a", "4.10"), ("b", "5.20"), ("c", "6.00")
    assert messages_of(*cells, (word, "5.10"), axis=axis) == []
    (sentence,) = messages_of(*cells, (word, "5.20"), axis=axis)
    assert sentence.endswith(" 5.20 is printed, but the mean of 4.10, 5.20, 6.00 is 5.100")


def test_an_average_may_lie_where_the_digits_behind_the_cells_bring_it() -> None:
    """The mean 0.5 of 0 and 1 is one of 0.0 to 1.0, but none of 2."""
    assert messages_of(("a", "0"), ("b", "1"), ("mean", "0")) == []
    assert messages_of(("a", "0"), ("b", "1"), ("mean", "1")) == []
    assert len(messages_of(("a", "0"), ("b", "1"), ("mean", "2"))) == 1


def test_totals_are_sums_and_counts_are_exact() -> None:
    assert messages_of(("a", "10"), ("b", "12"), ("Total", "22"), metric="people") == []
    (sentence,) = messages_of(("a", "10"), ("b", "12"), ("Total", "23"), metric="people")
    assert sentence == "total 23 is printed, but the sum of 10, 12 is 22.0"
    assert messages_of(("a", "10K"), ("b", "12K"), ("Total", "23K"), metric="people") == []
    # Two rounded halves may make one more.
    assert messages_of(("a", "10"), ("b", "12"), ("Total", "23")) == []
    assert messages_of(("a", "10"), ("b", "11"), ("average", "11"), metric="people") == []


def test_overall_is_a_mean_a_sum_or_weighted_by_n() -> None:
    cells = ("a", "10.0"), ("b", "20.0")
    assert messages_of(*cells, ("Overall", "15.0")) == []
    assert messages_of(*cells, ("Overall", "30.0")) == []
    assert len(messages_of(*cells, ("Overall", "12.5"))) == 1
    assert messages_of(*cells, ("Overall", "12.5"), n=("30", "10", "40")) == []


@pytest.mark.parametrize(
    "cells",
    [
        [("a", "4.0"), ("average", "9.0")],
        [("a", "4.0"), ("b", ""), ("average", "9.0")],
        [("a", "4.0"), ("b", "5.0"), ("average", "")],
        [("x | a", "4.0"), ("x | b", "5.0"), ("average", "9.0")],
        [("a", "4.0"), ("b", "5.0"), ("moving average", "9.0")],
        [("mean", "4.0"), ("median", "5.0"), ("SD", "1.0")],
        [("mean | mean", "4.0"), ("mean | b", "5.0"), ("mean | c", "9.0")],
    ],
)
def test_what_cannot_be_told_is_passed_over(cells: list[tuple[str, str]]) -> None:
    assert messages_of(*cells) == []


def test_each_heading_has_its_own_average() -> None:
    cells = [("x | a", "1.0"), ("x | b", "2.0"), ("x | avg", "1.5"), ("y | a", "3.0"), ("y | b", "4.0")]
    assert messages_of(*cells, ("y | avg", "3.5")) == []
    assert len(messages_of(*cells, ("y | avg", "2.5"))) == 1


@given(st.lists(st.floats(0, 99), min_size=2, max_size=8), st.integers(0, 3), st.sampled_from(["Average", "Total"]))
def test_averages_and_totals_of_unrounded_values_are_passed(values: list[float], digits: int, word: str) -> None:
    result = sum(values) / (len(values) if word == "Average" else 1)
    cells = [(f"r{i}", f"{value:.{digits}f}") for i, value in enumerate(values)]
    assert messages_of(*cells, (word, f"{result:.{digits}f}")) == []

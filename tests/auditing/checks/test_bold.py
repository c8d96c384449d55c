"""Marks of the best: whether they stand there, and whether the spread tells the best from the next."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.auditing.checks.bold import BOLD, GROUPS, OVERLAPS
from tests.auditing.checks.tables import grid, paper, rows


def marked(places: str) -> list[list[str]]:
    """The texts of the column bold: a line of the table is a word, x for bold."""
    return [["yes" if mark == "x" else "" for mark in line] for line in places.split()]


def messages_of(values: Sequence[Sequence[str]], places: str, metric: str = "fid") -> list[str]:
    made = rows(*grid(values, metric, bold=marked(places)), marks=("bold",))
    return [candidate.message for candidate in BOLD.find(paper(made))]


BASE = ["8.00", "6.00", "5.00", "4.00"]
OURS = ["6.00", "3.00", "5.50", "3.00"]
OTHER = ["7.00", "5.00", "5.20", "9.00"]
TABLE = [BASE, OURS, OTHER]


@pytest.mark.parametrize(
    ("places", "found"),
    [
        ("--x- xx-x ----", []),
        # The third column's best is that of the base.
        ("---- xxxx ----", ["5.50 is bold, but 5.00 is the best (lower is better)"]),
        ("---- xx-x --x-", ["5.20 is bold, but 5.00 is the best (lower is better)"]),
        ("---- xx-x ----", ["nothing is bold among 5.00, 5.50, 5.20, of which 5.00 is the best (lower is better)"]),
        ("---- ---- ----", []),
        # Two of three marks are wrong: bold is something else.
        (
            "---- xxx- ----",
            [
                "5.50 is bold, but 5.00 is the best (lower is better)",
                "nothing is bold among 4.00, 3.00, 9.00, of which 3.00 is the best (lower is better)",
            ],
        ),
        ("xxxx ---- ----", []),
    ],
)
def test_the_best_of_each_column_is_bold(places: str, found: list[str]) -> None:
    half = [text for text in found if len(found) < 2]
    assert messages_of(TABLE, places) == half


def test_higher_is_better_where_the_metric_says_so() -> None:
    assert messages_of(TABLE, "xx-- --x- ---x", "is") == []
    assert messages_of(TABLE, "xx-- ---- --xx", "is") == ["5.20 is bold, but 5.50 is the best (higher is better)"]
    assert messages_of(TABLE, "xx-- ---- --xx", "optimizer") == []


def test_ties_may_be_bold_together_or_one_of_them() -> None:
    table = [["1.0", "2.0", "3.0"], ["1.0", "4.0", "5.0"]]
    assert messages_of(table, "xxx x--") == messages_of(table, "xxx ---") == messages_of(table, "-xx x--") == []


def test_rows_may_compete_as_columns_do() -> None:
    turned = [list(line) for line in zip(*TABLE, strict=True)]
    assert messages_of(turned, "-x- -x- x-- -x-") == []
    assert messages_of(turned, "-x- -x- --x -x-") == ["5.20 is bold, but 5.00 is the best (lower is better)"]


def test_rows_under_one_heading_compete_apart() -> None:
    def made(places: str) -> list[str]:
        records = grid([*TABLE, ["2.0"] * 4, ["1.0"] * 4], bold=marked(places))
        headed = [
            record | {"row": f"{'20' if record['row'] in ('m3', 'm4') else '10'} | {record['row']}"}
            for record in records
        ]
        return [candidate.message for candidate in BOLD.find(paper(rows(*headed, marks=("bold",))))]

    assert made("--x- xx-x ---- ---- xxxx") == []
    assert made("--x- xx-x ---- x--- -xxx") == ["2.0 is bold, but 1.0 is the best (lower is better)"]


LINES = st.integers(2, 5).flatmap(
    lambda n: st.lists(st.lists(st.integers(10, 40), min_size=n, max_size=n), min_size=2, max_size=6)
)


@given(LINES, st.sampled_from(GROUPS), st.sampled_from(["fid", "is"]), st.data())
def test_marks_of_the_best_of_any_groups_are_passed(
    values: list[list[int]], group: Callable[[Any], object], metric: str, data: st.DataObject
) -> None:
    """Whatever competes, if each number with rivals is marked where it is the best of them."""
    names = [f"{data.draw(st.sampled_from('ab'))} | {i}" for i in range(max(len(values), len(values[0])))]
    plain = rows(*grid([[str(value) for value in line] for line in values], metric), marks=("bold",))
    made = [row._replace(row=names[int(row.row[1:])], column=names[int(row.column[1:])]) for row in plain]
    groups: dict[object, list[int]] = defaultdict(list)
    for row in made:
        groups[group(row)].append(int(row.value))
    best = {key: (min if metric == "fid" else max)(members) for key, members in groups.items() if len(members) > 1}
    honest = [row._replace(bold="yes" if best.get(group(row)) == int(row.value) else "") for row in made]
    assert list(BOLD.find(paper(honest))) == []


def spread(*cells: tuple[str, str, str], metric: str = "fid") -> list[str]:
    records = [
        {"row": f"m{i}", "method": f"m{i}", "value": value, "sd": sd, "bold": mark, "metric": metric}
        for i, (value, sd, mark) in enumerate(cells)
    ]
    made = rows(*records, beside=("sd",), marks=("bold",))
    return [candidate.message for candidate in OVERLAPS.find(paper(made))]


def test_the_best_overlaps_with_the_nearest_of_the_others() -> None:
    best = ("3.00", "0.20", "yes")
    near = ("3.30", "0.15", "")
    far = ("3.40", "0.25", "")
    assert spread(best, near, ("9.00", "0.50", "")) == ["3.00 ± 0.20 is bold, but 3.30 ± 0.15 overlaps with it"]
    assert spread(best, near, far) == ["3.00 ± 0.20 is bold, but 3.30 ± 0.15 overlaps with it, and so do 1 more"]
    # Ranges that touch share no more than an end.
    assert spread(best, ("3.35", "0.15", "")) == []
    assert spread(("3.30", "0.15", "yes"), ("3.00", "0.20", ""), metric="is") != []


def test_without_a_mark_an_sd_or_the_best_marked_nothing_overlaps() -> None:
    assert spread(("3.00", "0.20", ""), ("3.30", "0.15", "")) == []
    assert spread(("3.00", "", "yes"), ("3.30", "0.15", "")) == []
    assert spread(("3.00", "0.20", "yes"), ("3.30", "", "")) == []
    assert spread(("3.00", "0.20", ""), ("3.30", "0.15", "yes")) == []


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(0, 20)), min_size=2, max_size=6))
def test_means_further_apart_than_their_spreads_are_passed(steps: list[tuple[int, int]]) -> None:
    """Each mean is above the one before by more than both SDs, in hundredths."""
    cells = []
    mean = 100
    last = 0
    for gap, sd in steps:
        mean += gap + sd + last
        cells.append((f"{mean / 100:.2f}", f"{sd / 100:.2f}", "yes" if not cells else ""))
        last = sd
    assert spread(*cells) == []

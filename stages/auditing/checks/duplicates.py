"""Rows or columns with the same numbers, or the same decimals, in more places than chance gives."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, pairwise
from math import comb, log10
from statistics import median
from typing import NamedTuple

from stages.auditing.checks.table_cells import Candidate, Paper, coordinates, number, places, significant
from stages.auditing.tables.rows import Metric, Row

TITLE = "Two lines of numbers agree more than chance allows"
LITERATURE = "Heathers (2025), An Introduction to Forensic Metascience"
LIMITS = (
    "Numbers of the same coordinates may be printed twice and are passed over, as are shares, means of whole numbers, "
    "counts and numbers of fewer than 3 significant digits. The chance takes the last digits for independent: methods "
    "that do the same thing agree for good reason."
)
LEAST, CHANCE = 4, 1e-6
# Two last digits agree by chance once in a hundred.
DIGITS = 100


class Line(NamedTuple):
    """A row or a column of a table: its numbers by the label across and the metric."""

    table: int
    axis: str
    label: str
    cells: Mapping[tuple[str, str], Row]


def candidates(paper: Paper) -> Iterator[Candidate]:
    """Yield the pairs of rows and of columns that agree in at least 4 numbers, or in their decimals.

    k of m places agree by chance with a probability of at most C(m, k) / s ** k, and at most 1e-6 is let pass: s is
    100, or fewer where numbers of these tables mostly lie closer together. A folder of a thousand pairs of lines so
    has a false candidate once in a thousand.
    """
    lines = _lines(paper)
    spreads = _spreads(lines)
    for first, second in ((lines[i], lines[j]) for i, j in _suspects(lines)):
        apart = [distance for table in {first[:2], second[:2]} for distance in spreads[table]]
        yield from _agreeing(first, second, _values(apart))


def _lines(paper: Paper) -> list[Line]:
    found: dict[tuple[int, str, str], dict[tuple[str, str], Row]] = {}
    for at, table in enumerate(paper.tables):
        for row in (row for row in table if _telling(row, paper.metrics)):
            found.setdefault((at, "row", row.row), {})[row.column, row.metric] = row
            found.setdefault((at, "column", row.column), {})[row.row, row.metric] = row
    return [Line(*key, cells) for key, cells in found.items() if len(cells) >= LEAST]


def _telling(row: Row, metrics: Mapping[str, Metric]) -> bool:
    return metrics[row.metric].type == "number" and bool(number(row.value)) and len(significant(row.value)) >= 3


def _suspects(lines: Sequence[Line]) -> list[tuple[int, int]]:
    """Return the pairs of lines that have the same decimals in 4 places, found by place, not pair by pair."""
    having: dict[tuple[str, tuple[str, str], str], list[int]] = defaultdict(list)
    for at, line in enumerate(lines):
        for place, row in line.cells.items():
            having[line.axis, place, _decimals(row.value).strip("0") or row.value].append(at)
    shared = Counter(pair for group in having.values() for pair in combinations(group, 2))
    return [pair for pair, count in shared.items() if count >= LEAST]


def _agreeing(first: Line, second: Line, values: float) -> Iterator[Candidate]:
    pairs = _pairs(first, second)
    same = {one.value: (one, other) for one, other in pairs if one.value == other.value}
    chance = _chance(len(pairs), len(same), values)
    if len(same) >= LEAST and chance <= CHANCE:
        told = f"have the same numbers in {len(same)} of {len(pairs)} places"
        yield _candidate(first, second, told, same, chance)
        return
    apart = [(one, other) for one, other in pairs if one.value != other.value]
    same = {_decimals(one.value): (one, other) for one, other in apart if _same_decimals(one, other)}
    chance = _chance(len(apart), len(same), DIGITS)
    if len(same) >= LEAST and chance <= CHANCE:
        told = f"have the same decimals in {len(same)} of {len(apart)} places where their numbers differ"
        yield _candidate(first, second, told, same, chance)


def _pairs(first: Line, second: Line) -> list[tuple[Row, Row]]:
    """Return the numbers that stand at the same place, without those printed again."""
    shared = ((row, second.cells[place]) for place, row in first.cells.items() if place in second.cells)
    return [(one, other) for one, other in shared if not _same_thing(one, other)]


def _same_thing(one: Row, other: Row) -> bool:
    """Return whether two cells may be the same measurement: coordinates that one of them leaves open may agree."""
    known, others = coordinates(one), coordinates(other)
    if not (any(known) and any(others)):
        return (one.row, one.column) == (other.row, other.column)
    return all(a == b or not (a and b) for a, b in zip(known, others, strict=True))


def _spreads(lines: Sequence[Line]) -> dict[tuple[int, str], list[float]]:
    """Return, for rows and columns of each table, how many last digits neighbours lie apart where they do."""
    tables: dict[tuple[int, str], list[Line]] = {}
    for line in lines:
        tables.setdefault((line.table, line.axis), []).append(line)
    return {
        key: [distance for a, b in pairwise(table) for pair in _pairs(a, b) if (distance := _distance(*pair))]
        for key, table in tables.items()
    }


def _values(apart: Sequence[float]) -> float:
    """Return how many values a number may well have, given that of another line: 100, or fewer where they lie close.

    Numbers at most d last digits apart, all distances alike, agree in one of 2 d + 1 cases, and where they do not,
    their median distance is (d + 1) / 2.
    """
    return min(DIGITS, 4 * median(apart) - 1) if apart else DIGITS


def _distance(one: Row, other: Row) -> float:
    first, second = number(one.value), number(other.value)
    assert first is not None
    assert second is not None
    return float(abs(first.value - second.value) / max(first.unit, second.unit))


def _chance(places_compared: int, agreeing: int, values: float) -> float:
    return comb(places_compared, agreeing) / values**agreeing


def _decimals(text: str) -> str:
    return text.partition(".")[2]


def _same_decimals(one: Row, other: Row) -> bool:
    first = number(one.value)
    shared = _decimals(one.value)
    return first is not None and places(first) >= 2 and bool(shared.strip("0")) and shared == _decimals(other.value)


def _candidate(first: Line, second: Line, told: str, same: Mapping[str, tuple[Row, Row]], chance: float) -> Candidate:
    pairs = list(same.values())
    numbers = ", ".join(dict.fromkeys(f"{a.value} and {b.value}" if a.value != b.value else a.value for a, b in pairs))
    names = f"the {first.axis}s {first.label!r} and {second.label!r}"
    once = f"10^{-log10(chance):.0f}"
    return Candidate(
        "duplicates", f"{names} {told}: {numbers}; by chance at most once in {once}",
        tuple(row for pair in pairs for row in pair),
    )  # fmt: skip

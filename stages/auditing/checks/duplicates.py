"""Rows or columns that share numbers, or decimals, in more places than chance explains."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, pairwise
from math import comb, log10
from statistics import median
from typing import NamedTuple

from stages.auditing.checks.table_cells import Candidate, Check, Paper, coordinates, number, places, significant
from stages.auditing.tables.rows import Metric, Row

LEAST = 4
CHANCE = 1e-6
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

    The probability that k of m places agree by chance is at most C(m, k) / s ** k, where s is 100, or less if the
    numbers of these tables mostly lie closer together. Pairs below 1e-6 are yielded, so that one in a thousand folders
    with a thousand pairs of lines has a false candidate.
    """
    lines = _lines(paper)
    spreads = _spreads(lines)
    for i, j in _suspects(lines):
        first = lines[i]
        second = lines[j]
        tables = {(first.table, first.axis), (second.table, second.axis)}
        apart = [distance for table in tables for distance in spreads[table]]
        yield from _agreeing(first, second, _values(apart))


def _lines(paper: Paper) -> list[Line]:
    found: dict[tuple[int, str, str], dict[tuple[str, str], Row]] = {}
    for at, table in enumerate(paper.tables):
        for row in table:
            if _telling(row, paper.metrics):
                found.setdefault((at, "row", row.row), {})[row.column, row.metric] = row
                found.setdefault((at, "column", row.column), {})[row.row, row.metric] = row
    return [Line(*key, cells) for key, cells in found.items() if len(cells) >= LEAST]


def _telling(row: Row, metrics: Mapping[str, Metric]) -> bool:
    """Return whether a number has enough digits to be the same by copying rather than by chance."""
    return metrics[row.metric].type == "number" and bool(number(row.value)) and len(significant(row.value)) >= 3


def _suspects(lines: Sequence[Line]) -> list[tuple[int, int]]:
    """Return the indices of the pairs of lines that share the decimals of at least 4 places."""
    # Grouped by place and decimals: comparing all pairs of lines would take quadratic time.
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
        message = f"have the same numbers in {len(same)} of {len(pairs)} places"
        yield _candidate(first, second, message, same, chance)
        return
    apart = [(one, other) for one, other in pairs if one.value != other.value]
    same = {_decimals(one.value): (one, other) for one, other in apart if _same_decimals(one, other)}
    chance = _chance(len(apart), len(same), DIGITS)
    if len(same) >= LEAST and chance <= CHANCE:
        message = f"have the same decimals in {len(same)} of {len(apart)} places where their numbers differ"
        yield _candidate(first, second, message, same, chance)


def _pairs(first: Line, second: Line) -> list[tuple[Row, Row]]:
    """Return the pairs of numbers at the same place, without repeated prints of one measurement."""
    shared = ((row, second.cells[place]) for place, row in first.cells.items() if place in second.cells)
    return [(one, other) for one, other in shared if not _same_thing(one, other)]


def _same_thing(one: Row, other: Row) -> bool:
    """Return whether two cells may be the same measurement; a coordinate that one of them lacks may agree."""
    known = coordinates(one)
    others = coordinates(other)
    if not (any(known) and any(others)):
        return (one.row, one.column) == (other.row, other.column)
    return all(a == b or not (a and b) for a, b in zip(known, others, strict=True))


def _spreads(lines: Sequence[Line]) -> dict[tuple[int, str], list[float]]:
    """Return the distances between neighbouring lines of each table and axis, in units of the last digit."""
    tables: dict[tuple[int, str], list[Line]] = {}
    for line in lines:
        tables.setdefault((line.table, line.axis), []).append(line)
    spreads = {}
    for key, table in tables.items():
        distances = [_distance(one, other) for a, b in pairwise(table) for one, other in _pairs(a, b)]
        spreads[key] = [distance for distance in distances if distance]
    return spreads


def _values(apart: Sequence[float]) -> float:
    """Return the number of plausible values of a number, given that of the other line: 100, or fewer if they are close.

    Numbers whose distance is uniform up to d last digits agree in one of 2 d + 1 cases; if they differ, the median
    distance is (d + 1) / 2.
    """
    return min(DIGITS, 4 * median(apart) - 1) if apart else DIGITS


def _distance(one: Row, other: Row) -> float:
    first = number(one.value)
    second = number(other.value)
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


def _candidate(
    first: Line, second: Line, message: str, same: Mapping[str, tuple[Row, Row]], chance: float
) -> Candidate:
    pairs = list(same.values())
    values = [one.value if one.value == other.value else f"{one.value} and {other.value}" for one, other in pairs]
    numbers = ", ".join(dict.fromkeys(values))
    names = f"the {first.axis}s {first.label!r} and {second.label!r}"
    once = f"10^{-log10(chance):.0f}"
    return Candidate(
        "duplicates",
        f"{names} {message}: {numbers}; by chance at most once in {once}",
        tuple(row for pair in pairs for row in pair),
    )


CHECK = Check(
    "duplicates",
    candidates,
    title="Two rows or columns agree more than chance allows",
    literature="Heathers (2025), An Introduction to Forensic Metascience",
    limits=(
        "Passes over numbers with the same coordinates, which may be printed twice, and over shares, means of whole "
        "numbers, counts and numbers of fewer than 3 significant digits. The probability assumes independent last "
        "digits: methods that do the same thing agree for good reason."
    ),
)

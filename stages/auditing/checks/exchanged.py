"""Precision and recall that look exchanged: one cell has them the other way round than all others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

from stages.auditing.checks.table_cells import Candidate, Check, Paper, coordinates, number
from stages.auditing.tables.rows import Row

LEAST = 4


class Cell(NamedTuple):
    """One measured pair: the value of the metric that is the higher one elsewhere, and that of the lower one."""

    rows: tuple[Row, Row]
    upper: Fraction
    lower: Fraction


def candidates(paper: Paper) -> Iterator[Candidate]:
    """Yield the cells whose precision and recall fit those of the other cells only when exchanged.

    There must be at least 4 other cells per such cell, the gap between the two metrics must exceed the range of either,
    and after the exchange each number must be nearer to the values of its own metric than to those of the other.
    """
    for table in paper.tables:
        for upper, lower in (("precision", "recall"), ("recall", "precision")):
            yield from _reversed(_cells(table, upper, lower), upper, lower)


def _cells(table: Sequence[Row], upper: str, lower: str) -> list[Cell]:
    found: dict[tuple[str, ...], dict[str, Row]] = {}
    for row in table:
        if row.metric.casefold() not in (upper, lower):
            continue
        known = coordinates(row)
        # Without coordinates, only the row's label tells which numbers belong together.
        key = known if any(known) else (row.row,)
        found.setdefault(key, {})[row.metric.casefold()] = row
    cells = []
    for pair in found.values():
        if len(pair) < 2:
            continue
        first = number(pair[upper].value)
        second = number(pair[lower].value)
        if first and second:
            cells.append(Cell((pair[upper], pair[lower]), first.value, second.value))
    return cells


def _reversed(cells: Sequence[Cell], upper: str, lower: str) -> Iterator[Candidate]:
    upright = [cell for cell in cells if cell.upper > cell.lower]
    odd = [cell for cell in cells if cell.upper < cell.lower]
    if len(upright) < LEAST * max(1, len(odd)):
        return
    uppers = [cell.upper for cell in upright]
    lowers = [cell.lower for cell in upright]
    gap = min(uppers) - max(lowers)
    if gap <= max(max(uppers) - min(uppers), max(lowers) - min(lowers)):
        return
    middle = (min(uppers) + max(lowers)) / 2
    reach = gap / 2
    for cell in odd:
        if middle < cell.lower < max(uppers) + reach and min(lowers) - reach < cell.upper < middle:
            first, second = cell.rows
            message = (
                f"{upper} {first.value} and {lower} {second.value} fit the other {len(upright)} cells only when "
                f"exchanged: there {upper} is from {_printed_range(upright, upper)} and {lower} from "
                f"{_printed_range(upright, lower)}"
            )
            yield Candidate("exchanged", message, cell.rows)


def _printed_range(cells: Sequence[Cell], metric: str) -> str:
    rows = [row for cell in cells for row in cell.rows if row.metric.casefold() == metric]
    return f"{min(rows, key=_value).value} to {max(rows, key=_value).value}"


def _value(row: Row) -> Fraction:
    value = number(row.value)
    assert value is not None
    return value.value


CHECK = Check(
    "exchanged",
    candidates,
    title="Precision and recall may be exchanged",
    literature=(
        "Kynkäänniemi, Karras, Laine, Lehtinen and Aila (2019), Improved Precision and Recall Metric for Assessing "
        "Generative Models"
    ),
    limits=(
        "Silent unless the other cells keep precision and recall further apart than either varies, so in most tables. "
        "Wrong if one method really trades one for the other."
    ),
)

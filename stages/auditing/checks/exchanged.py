"""Precision and recall that look exchanged: one cell has them the other way round than all others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

from stages.auditing.checks.table_cells import Candidate, Paper, coordinates, number
from stages.auditing.tables.rows import Row

TITLE = "Precision and recall may be exchanged"
LITERATURE = (
    "Kynkäänniemi, Karras, Laine, Lehtinen and Aila (2019), Improved Precision and Recall Metric for Assessing "
    "Generative Models"
)
LIMITS = (
    "Speaks only where the other cells keep precision and recall further apart than either varies, so that it is "
    "silent in most tables. Wrong where one method really trades one for the other."
)
LEAST = 4


class Cell(NamedTuple):
    """What one thing measured has as the number that is higher elsewhere, and as the lower one."""

    rows: tuple[Row, Row]
    upper: Fraction
    lower: Fraction


def candidates(paper: Paper) -> Iterator[Candidate]:
    """Yield the cells whose precision and recall fit those of the others only when they change places.

    The others are at least 4 for each such cell, have one above the other by more than either varies, and after the
    exchange each number is nearer to its own side than to the other.
    """
    for table in paper.tables:
        for upper, lower in (("precision", "recall"), ("recall", "precision")):
            yield from _reversed(_cells(table, upper, lower), upper, lower)


def _cells(table: Sequence[Row], upper: str, lower: str) -> list[Cell]:
    found: dict[tuple[str, ...], dict[str, Row]] = {}
    for row in (row for row in table if row.metric.casefold() in (upper, lower)):
        known = coordinates(row)
        # Without coordinates, only the row's label says what belongs together.
        key = known if any(known) else (row.row,)
        found.setdefault(key, {})[row.metric.casefold()] = row
    pairs = [(pair[upper], pair[lower]) for pair in found.values() if len(pair) == 2]
    numbers = [(pair, number(pair[0].value), number(pair[1].value)) for pair in pairs]
    return [Cell(pair, first.value, second.value) for pair, first, second in numbers if first and second]


def _reversed(cells: Sequence[Cell], upper: str, lower: str) -> Iterator[Candidate]:
    upright = [cell for cell in cells if cell.upper > cell.lower]
    odd = [cell for cell in cells if cell.upper < cell.lower]
    if len(upright) < LEAST * max(1, len(odd)):
        return
    uppers, lowers = [cell.upper for cell in upright], [cell.lower for cell in upright]
    gap = min(uppers) - max(lowers)
    if gap <= max(max(uppers) - min(uppers), max(lowers) - min(lowers)):
        return
    middle, reach = (min(uppers) + max(lowers)) / 2, gap / 2
    for cell in odd:
        if middle < cell.lower < max(uppers) + reach and min(lowers) - reach < cell.upper < middle:
            first, second = (row.value for row in cell.rows)
            told = (
                f"{upper} {first} and {lower} {second} fit the other {len(upright)} cells only when exchanged: there "
                f"{upper} is from {_ends(upright, 0)} and {lower} from {_ends(upright, 1)}"
            )
            yield Candidate("exchanged", told, cell.rows)


def _ends(cells: Sequence[Cell], which: int) -> str:
    ordered = sorted(cells, key=lambda cell: cell[1 + which])
    return f"{ordered[0].rows[which].value} to {ordered[-1].rows[which].value}"

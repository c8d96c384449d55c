"""Tables as a file prints them: grids of cells with captions, and the number that names each table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import count
from typing import NamedTuple

from stages.auditing.importer.decisions import Decision


class Cell(NamedTuple):
    """Text of one place of the grid; ``row`` and ``column`` are the first place of the printed cell that covers it."""

    text: str
    bold: bool
    row: int
    column: int


class Table(NamedTuple):
    """One table: its ``head`` is the number of header rows that its file marks as such, 0 where it marks none.

    ``number`` is as the paper counts it, empty where the file does not tell; ``label`` is the name by which the file
    refers to it. ``place`` is for people, such as ``main.tex:120``. ``lost`` are numbers of the source that the grid
    does not hold.
    """

    number: str
    caption: str
    label: str
    source: str
    place: str
    grid: Sequence[Sequence[Cell]]
    head: int
    lost: Sequence[str] = ()


class Unread(NamedTuple):
    """A table of a file that could not be read, and why."""

    place: str
    reason: str


def numbered(files: Sequence[Sequence[Table]]) -> tuple[list[Table], list[Decision]]:
    """Return the tables of all files, each with a name of its own.

    Parts under one caption are 3a and 3b. Where a file numbers none, its tables go on in their order; where it numbers
    some, the others are u1, u2.
    """
    found: list[Table] = []
    decisions = []
    taken: set[str] = set()
    for tables in files:
        parts = Counter(table.number for table in tables if table.number)
        seen: Counter[str] = Counter()
        for table in tables:
            name = table.number
            if parts[name] > 1:
                seen[name] += 1
                name += "abcdefghijklmnopqrstuvwxyz"[(seen[name] - 1) % 26]
            elif not name:
                name = next(n for n in (f"{'u' * bool(parts)}{i}" for i in count(1)) if n not in taken)
                message = f"the file numbers it not; it is called {name}" + (
                    f" ({table.caption[:50]})" if table.caption else ""
                )
                decisions.append(Decision("label", table.place, message))
            other = next(n for n in (name if i == 1 else f"{name}-{i}" for i in count(1)) if n not in taken)
            if other != name:
                decisions.append(
                    Decision("label", table.place, f"there is a Table {name} already; it is called {other}")
                )
            taken.add(other)
            found.append(table._replace(number=other))
    return found, decisions

"""Tables as a file prints them: grids of cells with captions, and the number that names each table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import count
from typing import NamedTuple

from stages.auditing.importer.decisions import Decision


class Cell(NamedTuple):
    """The text at one place of a grid; ``row`` and ``column`` are the first place of a cell that spans several."""

    text: str
    bold: bool
    row: int
    column: int


class Table(NamedTuple):
    """One table of a file.

    ``number`` is its number in the paper, empty if unknown; ``label`` is the name by which the file refers to it.
    ``place`` tells people where it is, such as ``main.tex:120``. ``head`` is the number of rows that the file marks as
    header rows. ``lost`` are numbers of the file that are missing from the grid.
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
    """A table of a file that could not be read, and the reason."""

    place: str
    reason: str


def numbered(files: Sequence[Sequence[Table]]) -> tuple[list[Table], list[Decision]]:
    """Return the tables of all files, each with a unique name, and decisions about names that were made up.

    Parts under one caption are 3a and 3b. If a file numbers none of its tables, they are numbered consecutively; if it
    numbers some, the others are u1, u2.
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
                prefix = "u" if parts else ""
                name = next(name for name in (f"{prefix}{i}" for i in count(1)) if name not in taken)
                caption = f" ({table.caption[:50]})" if table.caption else ""
                decisions.append(
                    Decision("label", table.place, f"the file does not number it; it is called {name}{caption}")
                )
            alternatives = (name if i == 1 else f"{name}-{i}" for i in count(1))
            unique = next(name for name in alternatives if name not in taken)
            if unique != name:
                message = f"there is a Table {name} already; it is called {unique}"
                decisions.append(Decision("label", table.place, message))
            taken.add(unique)
            found.append(table._replace(number=unique))
    return found, decisions

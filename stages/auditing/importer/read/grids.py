"""Tables as a file prints them: a grid of cells under a head, with its caption and where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


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

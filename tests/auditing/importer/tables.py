"""Tables for the tests: read from text, and as rows."""

from __future__ import annotations

from pathlib import Path

from stages.auditing.importer.interpret.number_rows import Number, numbers_of
from stages.auditing.importer.read.grids import Table, Unread
from stages.auditing.importer.read.paper_files import read_tables

HERE = Path(__file__).parent


def read(folder: Path, name: str, text: str) -> list[Table | Unread]:
    """The tables of a file with this text."""
    (folder / name).write_text(text)
    return read_tables(folder / name)


def only(folder: Path, name: str, text: str) -> Table:
    """The one table of a file with this text, numbered 1."""
    (table,) = read(folder, name, text)
    assert isinstance(table, Table)
    return table._replace(number="1")


def texts(table: Table | Unread) -> list[list[str]]:
    """The grid's texts, what is bold with a star."""
    assert isinstance(table, Table)
    return [["*" * cell.bold + cell.text for cell in row] for row in table.grid]


def numbers(folder: Path, rows: str) -> list[Number]:
    """The numbers of a CSV table."""
    return numbers_of(only(folder, "toy.csv", rows))[0]

"""Reading the tables of LaTeX, HTML, Markdown and CSV files; no other files are read."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from pathlib import Path

from stages.auditing.importer.read.documents import blocks_of, convert, tables_of
from stages.auditing.importer.read.grids import Cell, Table, Unread
from stages.auditing.importer.read.latex import HEAD_ENDS, Fragment, fragments
from stages.config.errors import InputError

FORMATS = {
    ".tex": "latex",
    ".ltx": "latex",
    ".html": "html",
    ".htm": "html",
    ".md": "markdown",
    ".markdown": "markdown",
    ".csv": "csv",
}
DECIMAL = re.compile(r"\d+\.\d+")


def read_tables(path: Path) -> list[Table | Unread]:
    """Return the tables of a file in order, including those that could not be read.

    Raises:
        InputError: the file is missing, a PDF, binary, of another format, or not UTF-8.
    """
    content = _content(path)
    kind = FORMATS.get(path.suffix.lower())
    if content.startswith(b"%PDF") or path.suffix.lower() == ".pdf":
        raise InputError(f"{path}: a PDF is not read; give the paper's LaTeX or HTML, or its tables as Markdown or CSV")
    if kind is None:
        raise InputError(f"{path}: must be one of {', '.join(FORMATS)}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8") from None
    if "\0" in text:
        raise InputError(f"{path}: binary, no text")
    try:
        return {"latex": _latex, "html": _html, "markdown": _markdown, "csv": _csv}[kind](path.name, text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from None


def _content(path: Path) -> bytes:
    if path.exists() and not path.is_file():
        # Reading a pipe might never end.
        raise InputError(f"{path}: not a file")
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None


def _latex(name: str, text: str) -> list[Table | Unread]:
    return [_fragment(name, part) if isinstance(part, Fragment) else part for part in fragments(name, text)]


def _fragment(name: str, part: Fragment) -> Table | Unread:
    """Return a table of LaTeX by way of HTML, to which pandoc converts formulas as well."""
    try:
        tables = tables_of(blocks_of(convert(part.text, "latex", "html")), name)
    except (ValueError, RecursionError) as error:
        return Unread(part.place, str(error))
    if len(tables) != 1:
        return Unread(part.place, "pandoc finds no table in the tabular")
    (table,) = tables
    head = next((i for i, row in enumerate(table.grid) if row[0].text == HEAD_ENDS), 0)
    grid = [row for row in table.grid if row[0].text != HEAD_ENDS]
    held = Counter(number for row in grid for cell in row for number in DECIMAL.findall(cell.text))
    lost = list((Counter(part.decimals) - held).elements())
    return table._replace(number=part.number, label=part.label, place=part.place, grid=grid, head=head, lost=lost)


def _html(name: str, text: str) -> list[Table | Unread]:
    tables: list[Table | Unread] = list(tables_of(blocks_of(text), name))
    written = len(re.findall(r"<table\b", re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL), re.IGNORECASE))
    missing = written - len(tables)
    if missing:
        tables.append(Unread(name, f"{missing} of its {written} tables lie inside others or where no table is read"))
    return tables


def _markdown(name: str, text: str) -> list[Table | Unread]:
    """Return the tables by way of HTML, so that HTML tables inside the Markdown are read as well."""
    tables = _html(name, convert(text, "markdown-smart", "html"))
    written = len(re.findall(r"\\begin\{(?:tabular|longtable)", text))
    if written:
        tables.append(Unread(name, f"{written} tables in LaTeX inside the Markdown; put them into a .tex file"))
    return [table._replace(grid=_filled(table)) if isinstance(table, Table) else table for table in tables]


def _csv(name: str, text: str) -> list[Table | Unread]:
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if any(map(str.strip, row))]
    except csv.Error as error:
        raise ValueError(str(error)) from None
    width = max(map(len, rows), default=0)
    grid = [
        [Cell(" ".join(text.split()), False, i, j) for j, text in enumerate([*row, *[""] * (width - len(row))])]
        for i, row in enumerate(rows)
    ]
    table = Table("", "", "", name, name, grid, min(1, len(grid)))
    return [table._replace(grid=_filled(table))] if grid else []


def _filled(table: Table) -> list[list[Cell]]:
    """Return the grid with header cells repeated in the empty cells to their right, if a second header row follows."""
    grid = [list(row) for row in table.grid]
    if len(grid) > 1 and table.head and not grid[1][0].text:
        for j, cell in enumerate(grid[0]):
            below = grid[1][j].text
            if j and not cell.text and below and grid[0][j - 1].text:
                grid[0][j] = grid[0][j - 1]
    return grid

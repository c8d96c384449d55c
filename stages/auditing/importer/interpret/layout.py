"""Layout of a table: the rows of its head, the columns of its labels, the rows that head a group of others."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from stages.auditing.importer.interpret.cell_texts import is_empty, parse_cell
from stages.auditing.importer.interpret.labels import name_of, plain_label
from stages.auditing.importer.read.grids import Cell, Table

Grid = Sequence[Sequence[Cell]]
# Columns of numbers that are settings, not results.
SETTINGS = (
    "steps",
    "epoch",
    "epochs",
    "layers",
    "layer",
    "seed",
    "fold",
    "eta",
    "year",
    "rank",
    "depth",
    "width",
    "batch_size",
    "k",
    "t",
    "id",
)


class Line(NamedTuple):
    """A row of numbers: its labels from left to right, and its other cells."""

    labels: Sequence[str]
    cells: Sequence[Cell]


class Layout(NamedTuple):
    """A table in parts: the headers of its label columns, those of its other columns level by level, and its rows."""

    names: Sequence[str]
    columns: Sequence[Sequence[str]]
    lines: Sequence[Line]


def layout_of(table: Table) -> Layout:
    """Return the parts of a table; a row with only one label is a group, the first label of the rows under it."""
    grid = _without_empty_columns(table.grid)
    head = _head(grid, table.head)
    body = [row for row in grid[head:] if any(cell.text for cell in row)]
    labels = _label_columns(grid[:head], [row for row in body if not _is_group(row)])
    width = len(grid[0]) if grid else 0
    names = [(_header(grid[:head], j) or [""])[-1] for j in range(labels)]
    columns = [_header(grid[:head], j) or [f"column {j + 1}"] for j in range(labels, width)]
    lines: list[tuple[str, Line]] = []
    group = ""
    above = [""] * labels
    for row in body:
        if _is_group(row):
            group = plain_label(next(cell.text for cell in row if cell.text))
            above = [""] * labels
            continue
        texts = [plain_label(cell.text) for cell in row[:labels]]
        # An empty label stands for the one above.
        above = [text or other for text, other in zip(texts, above, strict=True)]
        lines.append((group, Line(above, row[labels:])))
    if not any(group for group, _ in lines):
        return Layout(names, columns, [line for _, line in lines])
    return Layout(["group", *names], columns, [Line([group, *line.labels], line.cells) for group, line in lines])


def _without_empty_columns(grid: Grid) -> list[list[Cell]]:
    width = len(grid[0]) if grid else 0
    kept = [j for j in range(width) if any(row[j].text and row[j].column == j for row in grid)]
    return [[row[j] for j in kept] for row in grid]


def _head(grid: Grid, marked: int) -> int:
    """Return the number of rows of the head: the marked ones, or a first row of words, and those that continue it.

    A row continues the head if its first cell is empty or spans from the head, and if it has no number with decimals.
    """
    if not marked and grid and any(re.search(r"\d\.\d", cell.text) for cell in grid[0][1:]):
        return 0
    head = marked or min(1, len(grid))
    while head and head < len(grid) - 1:
        first, *others = grid[head]
        texts = [cell.text for cell in others if cell.text]
        if (first.text and first.row >= head) or not texts or any(re.search(r"\d\.\d", text) for text in texts):
            break
        head += 1
    return head


def _header(head: Grid, column: int) -> list[str]:
    """Return the levels of the header over a column, with each printed cell once."""
    cells = dict.fromkeys((row[column].row, row[column].column, row[column].text) for row in head)
    return [" ".join(text.split()) for _, _, text in cells if text]


def _label_columns(head: Grid, body: Grid) -> int:
    """Return the number of label columns from the left: columns of words or settings, and the first of several."""
    width = len(body[0]) if body else 0
    count = 0
    while count < width - 1:
        texts = [row[count].text for row in body if not is_empty(row[count].text)]
        numbers = sum(parse_cell(text) is not None for text in texts)
        header = name_of((_header(head, count) or [""])[-1])
        if count and header not in SETTINGS and (numbers * 2 >= len(texts) or not texts):
            break
        count += 1
    return count


def _is_group(row: Sequence[Cell]) -> bool:
    """Return whether a row consists of one label, in its first column or across all columns."""
    texts = {(cell.row, cell.column): cell.text for cell in row if cell.text}
    if len(texts) != 1 or (not row[0].text and sum(bool(cell.text) for cell in row) < 2):
        return False
    (text,) = texts.values()
    return len(row) > 1 and parse_cell(text) is None

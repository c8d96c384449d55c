"""The parts of a table: which rows are its head, which columns hold labels, which rows only group others."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from stages.auditing.importer.interpret.cell_texts import is_empty, parse_cell
from stages.auditing.importer.interpret.labels import name_of, plain_label
from stages.auditing.importer.read.grids import Cell, Table

Grid = Sequence[Sequence[Cell]]
# Columns of numbers that set what is measured.
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
    """A row of numbers: its labels from left to right, and its cells."""

    labels: Sequence[str]
    cells: Sequence[Cell]


class Layout(NamedTuple):
    """A table in parts: headers of the label columns and of the others (level by level), and the rows under them."""

    names: Sequence[str]
    columns: Sequence[Sequence[str]]
    lines: Sequence[Line]


def layout_of(table: Table) -> Layout:
    """Return the parts of a table; a row that holds but one label is the group of those under it, the first label."""
    grid = _without_empty_columns(table.grid)
    head = _head(grid, table.head)
    body = [row for row in grid[head:] if any(cell.text for cell in row)]
    labels = _label_columns(grid[:head], [row for row in body if not _is_group(row)])
    width = len(grid[0]) if grid else 0
    names = [_header(grid[:head], j)[-1:] or [""] for j in range(labels)]
    columns = [_header(grid[:head], j) or [f"column {j + 1}"] for j in range(labels, width)]
    lines = []
    group = ""
    above = [""] * labels
    for row in body:
        if _is_group(row):
            group = plain_label(next(cell.text for cell in row if cell.text))
            above = [""] * labels
            continue
        texts = [plain_label(cell.text) for cell in row[:labels]]
        # An empty label repeats the one above.
        above = [text or other for text, other in zip(texts, above, strict=True)]
        lines.append((group, above, row[labels:]))
    if any(group for group, _, _ in lines):
        return Layout(["group", *(name for (name,) in names)], columns, [Line([g, *a], c) for g, a, c in lines])
    return Layout([name for (name,) in names], columns, [Line(a, c) for _, a, c in lines])


def _without_empty_columns(grid: Grid) -> list[list[Cell]]:
    width = len(grid[0]) if grid else 0
    kept = [j for j in range(width) if any(row[j].text and row[j].column == j for row in grid)]
    return [[row[j] for j in kept] for row in grid]


def _head(grid: Grid, marked: int) -> int:
    """Return how many rows are the head: those marked and what goes on under them; an unmarked first row of words.

    A row goes on with the head if its first cell is empty or the head's own, and it has no number with decimals.
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
    """Return the header's levels over a column, each printed cell once."""
    cells = dict.fromkeys((row[column].row, row[column].column, row[column].text) for row in head)
    return [" ".join(text.split()) for _, _, text in cells if text]


def _label_columns(head: Grid, body: Grid) -> int:
    """Return how many columns, from the left, hold labels: words, or settings; the first of several does."""
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
    """Return whether a row is one label, in its first place or across all."""
    texts = {(cell.row, cell.column): cell.text for cell in row if cell.text}
    if len(texts) != 1 or (not row[0].text and sum(bool(cell.text) for cell in row) < 2):
        return False
    (text,) = texts.values()
    return len(row) > 1 and parse_cell(text) is None

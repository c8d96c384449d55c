"""Rows of the audit's tables: one per printed number, with the coordinates and the metric that its labels give."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from stages.auditing.importer.decisions import Decision
from stages.auditing.importer.interpret.cell_texts import Printed, is_empty, parse_cell
from stages.auditing.importer.interpret.columns import Columns, Heading, columns_of
from stages.auditing.importer.interpret.labels import (
    METRICS,
    direction_of,
    is_average,
    is_derived,
    is_total,
    name_of,
    plain_label,
)
from stages.auditing.importer.interpret.layout import Layout, layout_of
from stages.auditing.importer.read.grids import Table
from stages.auditing.tables.numbers import parse_number
from stages.auditing.tables.rows import Metric

# How much of a caption stands in ``where``.
CAPTION = 60
DEVIATION = re.compile(
    r"\b(?:SD|s\.d\.|std|stdev|standard deviations?|standard errors?|SE|s\.e\.)(?!\w)", re.IGNORECASE
)


class Number(NamedTuple):
    """One printed number, or a word of a column of words: the address of its cell, and what it is.

    ``heading`` is the header that names its metric, as printed; ``text`` says that it is a word.
    """

    table: str
    row: str
    column: str
    coordinates: Mapping[str, str]
    metric: str
    value: str
    improvement: str
    sd: str
    bold: str
    where: str
    source: str
    note: str
    heading: str
    text: bool


def numbers_of(table: Table) -> tuple[list[Number], list[Decision]]:
    """Return the numbers of one table, and what a person must decide about them."""
    layout = layout_of(table)
    columns = columns_of(layout, table.caption)
    place = f"Table {table.number}"
    numbers, decisions = _unique(place, list(_numbers(table, layout, columns)))
    if table.lost:
        message = f"{', '.join(table.lost)} ({table.place}): perhaps inside a macro that the file does not define"
        decisions.append(Decision("lost", place, message))
    decisions += [Decision(kind, place, text) for kind, text in columns.guesses]
    decisions += _words(place, layout)
    if loose := [(number, text) for number, text in _loose(table, layout) if not _deviates(table, layout)]:
        message = (
            f"of {loose[0][1]!r} ({len(loose)} such cells) {loose[0][0]} was taken; what stands beside is in the note"
        )
        decisions.append(Decision("beside", place, message))
    return numbers, decisions


def where_of(table: Table) -> str:
    """Return where the paper prints a table: its number and how its caption begins."""
    caption = " ".join(table.caption.split())
    short = caption if len(caption) <= CAPTION else caption[:CAPTION].rpartition(" ")[0] + " ..."
    return f"Table {table.number}" + (f": {plain_label(short)}" if short else "")


def _numbers(table: Table, layout: Layout, columns: Columns) -> Iterator[Number]:
    seen: set[tuple[int, int]] = set()
    wordy = _wordy(layout)
    spread = _deviates(table, layout)
    for line, by_row in zip(layout.lines, columns.rows, strict=True):
        row = " | ".join(filter(None, line.labels)) or "row"
        for j, (cell, by_column) in enumerate(zip(line.cells, columns.columns, strict=True)):
            # A cell that spans several places is printed once.
            if is_empty(cell.text) or (cell.row, cell.column) in seen:
                continue
            seen.add((cell.row, cell.column))
            printed = Printed(plain_label(cell.text)) if j in wordy else parse_cell(cell.text)
            if printed:
                column = " | ".join(filter(None, map(plain_label, layout.columns[j]))) or f"column {j + 1}"
                message = _of_words(by_column, layout.columns[j]) if j in wordy else by_column
                number = _number(table, message, by_row, _with_deviation(printed, cell.text, spread))
                yield number._replace(row=row, column=column, bold="yes" * cell.bold, text=j in wordy)


def _number(table: Table, by_column: Heading, by_row: Heading, printed: Printed) -> Number:
    return Number(
        table.number,
        "",
        "",
        {**by_row.coordinates, **by_column.coordinates},
        by_row.metric or by_column.metric or "value",
        printed.value,
        printed.improvement,
        printed.sd,
        "",
        where_of(table),
        table.source,
        printed.note,
        by_row.text or by_column.text,
        False,
    )


def _of_words(heading: Heading, header: Sequence[str]) -> Heading:
    """Return the heading of a column of words, which has a metric of its own."""
    return heading._replace(metric=(name_of(header[-1]) or "words").rstrip("_") + "_text", text=plain_label(header[-1]))


def _with_deviation(printed: Printed, text: str, spread: bool) -> Printed:
    if printed.beside and spread and not printed.sd:
        return printed._replace(sd=printed.beside)
    return printed._replace(note=f"printed: {plain_label(text)}") if printed.beside else printed


def _deviates(table: Table, layout: Layout) -> bool:
    """Return whether a table says that the numbers in brackets are deviations."""
    headers = (level for path in layout.columns for level in path)
    return any(DEVIATION.search(text) for text in (table.caption, *headers, *layout.names))


def _wordy(layout: Layout) -> set[int]:
    """Return the columns that hold words alone."""
    texts = [[line.cells[j].text for line in layout.lines] for j in range(len(layout.columns))]
    printed = [[text for text in column if not is_empty(text)] for column in texts]
    return {j for j, column in enumerate(printed) if column and all(parse_cell(text) is None for text in column)}


def _words(place: str, layout: Layout) -> list[Decision]:
    """Return the cells of words in columns of numbers, and the numbers of which not all was taken."""
    wordy = _wordy(layout)
    found = []
    for line in layout.lines:
        for j, cell in enumerate(line.cells):
            if j in wordy or is_empty(cell.text):
                continue
            printed = parse_cell(cell.text)
            at = f"{place}, {' | '.join(filter(None, line.labels))}, {' | '.join(layout.columns[j])}"
            if printed is None:
                found.append(Decision("cell", at, f"{cell.text!r} is no number"))
            elif printed.doubt:
                found.append(Decision("beside", at, printed.doubt))
    return found


def _loose(table: Table, layout: Layout) -> list[tuple[str, str]]:
    texts = (cell.text for line in layout.lines for cell in line.cells)
    return [(printed.value, text) for text in texts if (printed := parse_cell(text)) and printed.beside]


def _unique(place: str, numbers: Sequence[Number]) -> tuple[list[Number], list[Decision]]:
    """Return the numbers with labels and coordinates told apart where two are the same."""
    found: list[Number] = []
    decisions = []
    labels: dict[tuple[str, ...], int] = {}
    known: dict[tuple, int] = {}
    for number in numbers:
        label = number.row, number.column, number.metric
        labels[label] = labels.get(label, 0) + 1
        key = (*sorted(number.coordinates.items()), number.metric)
        known[key] = known.get(key, 0) + 1
        at = f"{place}, {number.row}, {number.column}"
        if labels[label] > 1:
            number = number._replace(row=f"{number.row} ({labels[label]})")
            decisions.append(Decision("label", at, "the same labels as another; it is told apart by a number"))
        if known[key] > 1:
            number = number._replace(coordinates={**number.coordinates, "copy": str(known[key])})
            decisions.append(Decision("label", at, f"the same coordinates as another; it has copy {known[key]}"))
        found.append(number)
    return found, decisions


def metrics_of(numbers: Sequence[Number]) -> tuple[dict[str, Metric], list[Decision]]:
    """Return the metrics of all numbers by name, and those that a person must give a type or a direction."""
    known = {metric: (kind, better, heading) for metric, kind, better, heading, _ in METRICS}
    found: dict[str, Metric] = {}
    decisions = []
    for name in dict.fromkeys(number.metric for number in numbers):
        mine = [number for number in numbers if number.metric == name]
        place = f"Table {mine[0].table}"
        kind, better, heading = known.get(name, ("number", "", plain_label(mine[0].heading) or name))
        arrows = {way for number in mine if (way := direction_of(number.heading))}
        if mine[0].text:
            kind = "text"
            better = ""
        elif kind == "count" and any(parse_number(number.value).value.denominator > 1 for number in mine):
            kind = "number"
        if len(arrows) > 1 or (better and arrows - {better}):
            message = f"metric {name}: its arrows contradict each other or the metric's usual direction"
            decisions.append(Decision("metric", place, message))
        better = arrows.pop() if len(arrows) == 1 else better
        if name not in known and kind != "text" and not _is_computed_heading(heading):
            message = f"metric {name} (headed {heading!r}) is not known: type number, {better or 'no direction'}"
            decisions.append(Decision("metric", place, message))
        found[name] = Metric(name, kind, better, heading)
    return found, decisions


def _is_computed_heading(heading: str) -> bool:
    return is_derived(heading) or is_average(heading) or is_total(heading)

"""Rows of the audit's tables: one per printed number, with the coordinates and the metric that its labels give."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from stages.auditing.importer.decisions import Decision
from stages.auditing.importer.interpret.cell_texts import PrintedCell, is_empty, parse_cell
from stages.auditing.importer.interpret.columns import Columns, Heading, columns_of
from stages.auditing.importer.interpret.labels import (
    KNOWN_METRICS,
    direction_of,
    is_computed,
    name_of,
    plain_label,
)
from stages.auditing.importer.interpret.layout import Layout, layout_of
from stages.auditing.importer.read.grids import Table
from stages.auditing.tables.numbers import parse_number
from stages.auditing.tables.rows import Metric

# The number of characters of a caption in ``where``.
CAPTION = 60
DEVIATION = re.compile(
    r"\b(?:SD|s\.d\.|std|stdev|standard deviations?|standard errors?|SE|s\.e\.)(?!\w)", re.IGNORECASE
)


class Number(NamedTuple):
    """One printed number, or a text of a column of texts: the address of its cell, its coordinates and its value.

    ``heading`` is the label that names its metric, as printed; ``text`` says that the value is a text.
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
    decisions += _doubtful_cells(place, layout)
    if not _has_deviations(table, layout):
        decisions += _numbers_in_brackets(place, layout)
    return numbers, decisions


def where_of(table: Table) -> str:
    """Return where the paper prints a table: its number and the beginning of its caption."""
    caption = " ".join(table.caption.split())
    short = caption if len(caption) <= CAPTION else caption[:CAPTION].rpartition(" ")[0] + " ..."
    return f"Table {table.number}: {plain_label(short)}" if short else f"Table {table.number}"


def _numbers(table: Table, layout: Layout, columns: Columns) -> Iterator[Number]:
    seen: set[tuple[int, int]] = set()
    text_columns = _text_columns(layout)
    in_brackets = _has_deviations(table, layout)
    for line, by_row in zip(layout.lines, columns.rows, strict=True):
        for j, (cell, by_column) in enumerate(zip(line.cells, columns.columns, strict=True)):
            # A cell that spans several columns or rows is read once.
            if is_empty(cell.text) or (cell.row, cell.column) in seen:
                continue
            seen.add((cell.row, cell.column))
            printed = PrintedCell(plain_label(cell.text)) if j in text_columns else parse_cell(cell.text)
            if printed is None:
                continue
            heading = _text_heading(by_column, layout.columns[j]) if j in text_columns else by_column
            printed = _with_deviation(printed, cell.text, in_brackets)
            yield Number(
                table=table.number,
                row=" | ".join(filter(None, line.labels)) or "row",
                column=" | ".join(filter(None, map(plain_label, layout.columns[j]))) or f"column {j + 1}",
                coordinates={**by_row.coordinates, **heading.coordinates},
                metric=by_row.metric or heading.metric or "value",
                value=printed.value,
                improvement=printed.improvement,
                sd=printed.sd,
                bold="yes" if cell.bold else "",
                where=where_of(table),
                source=table.source,
                note=printed.note,
                heading=by_row.text or heading.text,
                text=j in text_columns,
            )


def _text_heading(heading: Heading, header: Sequence[str]) -> Heading:
    """Return the heading of a column of texts, which has a metric of its own."""
    name = (name_of(header[-1]) or "words").rstrip("_")
    return heading._replace(metric=f"{name}_text", text=plain_label(header[-1]))


def _with_deviation(printed: PrintedCell, text: str, in_brackets: bool) -> PrintedCell:
    """Return a cell with the number in brackets as its deviation if the table prints these, else as a note."""
    if printed.beside and in_brackets and not printed.sd:
        return printed._replace(sd=printed.beside)
    return printed._replace(note=f"printed: {plain_label(text)}") if printed.beside else printed


def _has_deviations(table: Table, layout: Layout) -> bool:
    """Return whether a table says that numbers in brackets are deviations."""
    headers = (level for path in layout.columns for level in path)
    return any(DEVIATION.search(text) for text in (table.caption, *headers, *layout.names))


def _text_columns(layout: Layout) -> set[int]:
    """Return the columns without any number."""
    found = set()
    for j in range(len(layout.columns)):
        texts = [line.cells[j].text for line in layout.lines if not is_empty(line.cells[j].text)]
        if texts and all(parse_cell(text) is None for text in texts):
            found.add(j)
    return found


def _doubtful_cells(place: str, layout: Layout) -> list[Decision]:
    """Return decisions about texts in columns of numbers, and about cells of which a part was not read."""
    text_columns = _text_columns(layout)
    decisions = []
    for line in layout.lines:
        for j, cell in enumerate(line.cells):
            if j in text_columns or is_empty(cell.text):
                continue
            printed = parse_cell(cell.text)
            at = f"{place}, {' | '.join(filter(None, line.labels))}, {' | '.join(layout.columns[j])}"
            if printed is None:
                decisions.append(Decision("cell", at, f"{cell.text!r} is not a number"))
            elif printed.doubt:
                decisions.append(Decision("beside", at, printed.doubt))
    return decisions


def _numbers_in_brackets(place: str, layout: Layout) -> list[Decision]:
    """Return a decision about numbers in brackets whose meaning is unknown, if there are any."""
    texts = [cell.text for line in layout.lines for cell in line.cells]
    found = [(text, printed.value) for text in texts if (printed := parse_cell(text)) and printed.beside]
    if not found:
        return []
    text, value = found[0]
    message = f"of {text!r} ({len(found)} such cells) {value} was read; the rest is in the note"
    return [Decision("beside", place, message)]


def _unique(place: str, numbers: Sequence[Number]) -> tuple[list[Number], list[Decision]]:
    """Return the numbers, with equal labels and equal coordinates made distinct, and decisions about these."""
    found: list[Number] = []
    decisions = []
    labels: Counter[tuple[str, ...]] = Counter()
    known: Counter[tuple[object, ...]] = Counter()
    for number in numbers:
        label = (number.row, number.column, number.metric)
        coordinates = (*sorted(number.coordinates.items()), number.metric)
        labels[label] += 1
        known[coordinates] += 1
        at = f"{place}, {number.row}, {number.column}"
        unique = number
        if labels[label] > 1:
            unique = unique._replace(row=f"{number.row} ({labels[label]})")
            decisions.append(Decision("label", at, "the same labels as another; a number was added to its row"))
        if known[coordinates] > 1:
            copy = str(known[coordinates])
            unique = unique._replace(coordinates={**number.coordinates, "copy": copy})
            decisions.append(Decision("label", at, f"the same coordinates as another; it has copy {copy}"))
        found.append(unique)
    return found, decisions


def metrics_of(numbers: Sequence[Number]) -> tuple[dict[str, Metric], list[Decision]]:
    """Return the metrics of all numbers by name, and decisions about types and directions that are not known."""
    metrics: dict[str, Metric] = {}
    decisions = []
    for name in dict.fromkeys(number.metric for number in numbers):
        having = [number for number in numbers if number.metric == name]
        place = f"Table {having[0].table}"
        known = KNOWN_METRICS.get(name)
        kind = known.type if known else "number"
        better = known.better if known else ""
        heading = known.heading if known else plain_label(having[0].heading) or name
        if having[0].text:
            kind = "text"
            better = ""
        elif kind == "count" and any(parse_number(number.value).value.denominator > 1 for number in having):
            kind = "number"
        arrows = {direction_of(number.heading) for number in having} - {""}
        if len(arrows) > 1 or (better and arrows - {better}):
            message = f"metric {name}: its arrows contradict each other or the metric's usual direction"
            decisions.append(Decision("metric", place, message))
        if len(arrows) == 1:
            (better,) = arrows
        if not known and kind != "text" and not is_computed(heading):
            message = f"metric {name} (headed {heading!r}) is not known: type number, {better or 'no direction'}"
            decisions.append(Decision("metric", place, message))
        metrics[name] = Metric(name, kind, better, heading)
    return metrics, decisions

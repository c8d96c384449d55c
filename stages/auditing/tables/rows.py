"""Published tables as rows: one per printed number, validated, each with its place in the paper."""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict, namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from operator import attrgetter
from typing import Any, NamedTuple, cast

from stages.auditing.tables.numbers import parse_number
from stages.auditing.tables.schema import DIFFUSION, METRIC, PLACE, VALUE, FaultyFile, Schema

SOURCES = "sources"
# What a number was measured on or set for; rows of different tables are matched by these.
COORDINATES = DIFFUSION.axes
COUNT = "count"
TEXT = "text"
TYPES = ("number", COUNT, "share", "score", TEXT)
MARKS = ("", "yes")


class Row(NamedTuple):
    """One printed number. ``row`` and ``column`` are the labels of its cell, levels separated by " | ".

    ``value`` is the printed text without unit and decoration, which keeps its decimals; it is empty if the number is
    lost. ``improvement`` is the percentage printed beside it, ``k`` and ``b`` are its printed scaling. ``place`` is the
    file and line of the record, empty for a number that a claim states itself; ``kind`` is the type of its
    metric. These are the columns of papers on diffusion models; rows of another schema have its columns between
    ``column`` and ``where``.
    """

    paper: str
    table: str
    row: str
    column: str
    dataset: str
    model: str
    sampler: str
    spacing: str
    eta: str
    fix: str
    steps: str
    metric: str
    value: str
    improvement: str
    k: str
    b: str
    where: str
    source: str
    note: str
    place: str = ""
    kind: str = "number"

    # The columns that distinguish and pair rows.
    axes = DIFFUSION.axes

    @property
    def label(self) -> str:
        """The cell's address for people, such as ``paper/1 [CIFAR-10 | DDIM (uniform); 5 steps] fid``."""
        return f"{self.paper}/{self.table} [{self.row}; {self.column}] {self.metric}" if self.table else self.where

    @property
    def key(self) -> tuple[str, ...]:
        """The unique key of the number: its cell and its metric."""
        return self.paper, self.table, self.row, self.column, self.metric

    @property
    def of_source(self) -> bool:
        """Whether the number is from another source, such as a paper's code, and not from a paper's table."""
        return self.place.startswith(f"{SOURCES}.csv:")


def row_type(schema: Schema) -> type[Row]:
    """Return the type of a schema's rows, with its columns and the properties of Row."""
    if schema == DIFFUSION:
        return Row
    columns = namedtuple("columns", (*schema.columns, "place", "kind"), defaults=("", "number"))
    shared = {name: vars(Row)[name] for name in ("label", "key", "of_source")}
    return cast(type[Row], type("Row", (columns,), {"__slots__": (), "axes": schema.axes, **shared}))


class Metric(NamedTuple):
    """The metric of a value: its type, and whether ``lower`` or ``higher`` is better, if either.

    A ``number`` was measured and rounded, a ``count`` is exact, a ``share`` is a fraction of n things, a ``score`` is
    the mean of n whole numbers, a ``text`` is not a number.
    """

    metric: str
    type: str
    better: str
    heading: str


class Papers(Mapping[str, Sequence[Row]]):
    """A folder's rows by the name of their file, with their schema and metrics."""

    def __init__(
        self,
        rows: Mapping[str, Sequence[Row]],
        schema: Schema = DIFFUSION,
        metrics: Mapping[str, Metric] | None = None,
    ) -> None:
        self._rows = rows
        self.schema = schema
        self.metrics = metrics or {}
        self.row_type = row_type(schema)

    def __getitem__(self, paper: str) -> Sequence[Row]:
        return self._rows[paper]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    @cached_property
    def tables(self) -> Mapping[tuple[str, str], Sequence[Row]]:
        """The rows by file and table, in the order of the files."""
        found: dict[tuple[str, str], list[Row]] = defaultdict(list)
        for paper, rows in self.items():
            for row in rows:
                found[paper, row.table].append(row)
        return dict(found)


def parse_metrics(name: str, text: str) -> dict[str, Metric]:
    """Return the metrics of a folder by name, from the text of metrics.csv."""
    metrics: dict[str, Metric] = {}
    for place, record in read_records(name, text, Metric._fields):
        metric = Metric(**record)
        _check(place, metric.metric not in metrics, f"metric {metric.metric!r} occurs twice")
        _check(place, metric.type in TYPES, f"type {metric.type!r}: must be one of {', '.join(TYPES)}")
        _check(place, metric.better in ("lower", "higher", ""), f"better {metric.better!r}: lower, higher or empty")
        metrics[metric.metric] = metric
    return metrics


def parse_table(name: str, text: str, metrics: Mapping[str, Metric], schema: Schema = DIFFUSION) -> list[Row]:
    """Return the rows of one file, which is named after its paper unless it is ``sources.csv``.

    Raises:
        FaultyFile: there is no row, a column or metric is unknown, a number or name is malformed, or a cell or its
            coordinates are there twice.
    """
    paper = name.removesuffix(".csv")
    kind = row_type(schema)
    types = {metric.metric: metric.type for metric in metrics.values()}
    at = schema.columns.index(METRIC)
    read = _records(name, text, schema.columns)
    rows = [kind._make([*fields, place, types.get(fields[at], "")]) for place, fields in read]
    _check(name, bool(rows), "has no row but its header")
    _check_texts(rows, paper, metrics, schema)
    _check_once(rows, measured=paper != SOURCES)
    return rows


def read_records(name: str, text: str, columns: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield "file:line" and the fields of every record of a file, which must have exactly these columns."""
    for place, fields in _records(name, text, columns):
        yield place, dict(zip(columns, fields, strict=True))


def csv_text(header: Sequence[str], records: Iterable[Sequence[str]]) -> str:
    """Return the text of a CSV file."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(records)
    return stream.getvalue()


def _records(name: str, text: str, columns: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, [])
        _check(f"{name}:1", header == list(columns), f"columns {','.join(header)}: must be {','.join(columns)}")
        for record in filter(None, reader):
            place = f"{name}:{reader.line_num}"
            if len(record) != len(columns):
                raise FaultyFile(f"{place}: {len(record)} fields instead of {len(columns)}")
            yield place, list(map(str.strip, record))
    except csv.Error as error:
        raise FaultyFile(f"{name}:{reader.line_num}: not CSV ({error})") from None


def _check_texts(rows: Sequence[Row], paper: str, metrics: Mapping[str, Metric], schema: Schema) -> None:
    """Refuse the first row with a fault. Only distinct texts are validated, which are far fewer than the rows."""
    texts = dict(zip(rows[0]._fields, zip(*rows, strict=True), strict=True))
    values = list(zip(texts[VALUE], texts["note"], texts["kind"], strict=True))
    faults = [
        _first_fault(column, texts[column], validator) for column, validator in _validators(paper, metrics, schema)
    ]
    faults.append(_first_fault(VALUE, values, lambda value: _value_fault(*value)))
    found = [fault for fault in faults if fault]
    if found:
        first = min(found, key=lambda fault: fault.row)
        raise FaultyFile(f"{rows[first.row].place}: {first.message}")


class Fault(NamedTuple):
    """The index of a faulty row, and what is wrong with it."""

    row: int
    message: str


def _first_fault(column: str, texts: Sequence[Any], validator: Callable[[Any], str]) -> Fault | None:
    """Return the first fault of a column, or None."""
    messages = {text: validator(text) for text in set(texts)}
    if not any(messages.values()):
        return None
    return next(Fault(i, f"{column} {messages[text]}") for i, text in enumerate(texts) if messages[text])


def _validators(
    paper: str, metrics: Mapping[str, Metric], schema: Schema
) -> Iterator[tuple[str, Callable[[str], str]]]:
    """Yield (column, validator); a validator returns an error message, or an empty text."""
    needed = "is empty" if paper == SOURCES else f"must be {paper!r}, as the file's name"
    yield "paper", lambda text: "" if text and paper in (SOURCES, text) else f"{text!r}: {needed}"
    yield "table", _table_fault
    for column in ("row", "column", *PLACE[:2]):
        yield column, lambda text: "" if text else "is empty"
    for axis in schema.axes:
        yield axis, _coordinate_fault
    names = ", ".join(metrics)
    yield METRIC, lambda text: "" if text in metrics else f"{text!r}: must be one of {names}"
    for column in schema.beside:
        yield column, _number_fault
    for column in schema.marks:
        yield column, lambda text: "" if text in MARKS else f"{text!r}: must be yes or empty"


def _check_once(rows: Sequence[Row], *, measured: bool) -> None:
    """Refuse a cell that occurs twice and, if the rows are ``measured``, two cells with the same coordinates."""
    known: dict[tuple[str, ...], Row] = {}
    alike: dict[tuple[str, ...], Row] = {}
    coordinates = attrgetter("table", "where", *rows[0].axes)
    for row in rows:
        if known.setdefault(row.key, row) is not row:
            raise FaultyFile(f"{row.place}: {row.label} occurs twice")
        # Rows of sources and of tables of formulas are distinguished by their labels alone.
        key = coordinates(row)
        if not measured or not any(key[2:-1]):
            continue
        other = alike.setdefault(key, row)
        if other is not row:
            raise FaultyFile(f"{row.place}: {row.label} has the same coordinates as {other.label}")


def _value_fault(value: str, note: str, kind: str) -> str:
    if not value and not note:
        return "is empty: the note must say why"
    return "" if kind == TEXT else _number_fault(value, whole=kind == COUNT)


def _table_fault(text: str) -> str:
    if re.fullmatch(r"[^\s?]+", text):
        return ""
    return f"{text!r}: must be a number or a name without spaces, such as 3 or A1"


def _coordinate_fault(text: str) -> str:
    return f"{text!r}: must be without comma, semicolon and double quote" if set(text) & set(',;"') else ""


def _number_fault(text: str, whole: bool = False) -> str:
    """Return what is wrong with a printed number; empty if nothing is, or if there is no number."""
    try:
        number = parse_number(text or "0")
    except ValueError as error:
        return str(error)
    return f"{text!r}: must be a whole number" if whole and number.value.denominator > 1 else ""


def _check(place: str, holds: bool, message: str) -> None:
    if not holds:
        raise FaultyFile(f"{place}: {message}")

"""Published tables as rows: one per printed number, validated, each with its place in the paper."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from stages.papers.numbers import parse_number

SOURCES = "sources"
# What a number was measured on or set for: rows of different tables are matched by these.
COORDINATES = ("dataset", "model", "sampler", "spacing", "eta", "fix", "steps", "metric")


class Row(NamedTuple):
    """One printed number. ``row`` and ``column`` are the labels of its cell, levels separated by " | ".

    ``value`` is the printed text without unit and decoration, so that decimals survive; it is empty where the number
    is lost. ``improvement`` is the percentage printed beside it, ``k`` and ``b`` the scaling printed with it.
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

    @property
    def label(self) -> str:
        """The cell's address for people, such as ``ts/1 [CIFAR-10 | DDIM (uniform); 5 steps] fid``."""
        return f"{self.paper}/{self.table} [{self.row}; {self.column}] {self.metric}" if self.table else self.where

    @property
    def key(self) -> tuple[str, ...]:
        """What must be unique: the cell and which of its numbers this is."""
        return self.paper, self.table, self.row, self.column, self.metric


class Metric(NamedTuple):
    """What a row's value is: ``type`` number or text, and whether ``lower`` or ``higher`` is better, if either."""

    metric: str
    type: str
    better: str
    heading: str


class FaultyFile(ValueError):
    """A fault in a file of published numbers: one line naming file, line and what is allowed."""


def parse_metrics(name: str, text: str) -> dict[str, Metric]:
    """Return the metrics that a folder's tables may hold, by name."""
    metrics: dict[str, Metric] = {}
    for place, record in read_records(name, text, Metric._fields):
        metric = Metric(**record)
        _check(place, metric.metric not in metrics, f"metric {metric.metric!r} is there twice")
        _check(place, metric.type in ("number", "text"), f"type {metric.type!r}: number or text")
        _check(place, metric.better in ("lower", "higher", ""), f"better {metric.better!r}: lower, higher or empty")
        metrics[metric.metric] = metric
    return metrics


def parse_titles(name: str, text: str) -> dict[str, str]:
    """Return the titles of papers by their keys, from a file of the columns paper and title."""
    return {record["paper"]: record["title"] for _, record in read_records(name, text, ("paper", "title"))}


def parse_table(name: str, text: str, metrics: Mapping[str, Metric]) -> list[Row]:
    """Return the rows of one file; all but ``sources.csv`` hold the paper that they are named after.

    Raises:
        FaultyFile: no row, unknown columns or metric, malformed number, steps that are no integer, a cell or its
            coordinates twice.
    """
    paper = name.removesuffix(".csv")
    rows: dict[tuple[str, ...], Row] = {}
    measured: dict[tuple[str, ...], str] = {}
    for place, record in read_records(name, text, Row._fields):
        row = Row(**record)
        _check_place(place, row, paper)
        _check_values(place, row, metrics)
        _check(place, row.key not in rows, f"{row.label} is there twice")
        rows[row.key] = row
        coordinates = tuple(getattr(row, coordinate) for coordinate in COORDINATES)
        # Sources and tables of formulas tell their rows apart by labels alone.
        if paper != SOURCES and any(coordinates[:-1]):
            other = measured.setdefault((row.table, row.where, *coordinates), row.label)
            _check(place, other == row.label, f"{row.label} has the same coordinates as {other}")
    _check(name, bool(rows), "holds no row but its header")
    return list(rows.values())


def read_records(name: str, text: str, columns: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield "file:line" and the fields of every record, refusing other columns than these, in this order."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, [])
        _check(f"{name}:1", header == list(columns), f"columns {','.join(header)}: must be {','.join(columns)}")
        for record in filter(None, reader):
            place = f"{name}:{reader.line_num}"
            _check(place, len(record) == len(columns), f"{len(record)} fields instead of {len(columns)}")
            yield place, dict(zip(columns, (field.strip() for field in record), strict=True))
    except csv.Error as error:
        raise FaultyFile(f"{name}:{reader.line_num}: not CSV ({error})") from None


def _check_place(place: str, row: Row, paper: str) -> None:
    if paper == SOURCES:
        _check(place, bool(row.paper), "paper is empty")
        tagged = bool(row.table) and not row.table.isdigit()
        _check(place, tagged, f"table {row.table!r}: must be a tag, such as readme")
    else:
        _check(place, row.paper == paper, f"paper {row.paper!r}: must be {paper!r}, as the file's name")
        _check(place, bool(re.fullmatch(r"\d+", row.table)), f"table {row.table!r}: must be a bare number")
    for column in ("row", "column", "where", "source"):
        _check(place, bool(getattr(row, column)), f"{column} is empty")
    for column in COORDINATES:
        text = getattr(row, column)
        _check(place, bool(re.fullmatch(r"[a-z0-9._-]*", text)), f"{column} {text!r}: must be made of a-z, 0-9, . _ -")


def _check_values(place: str, row: Row, metrics: Mapping[str, Metric]) -> None:
    _check(place, row.metric in metrics, f"unknown metric {row.metric!r}: must be one of {', '.join(metrics)}")
    _check(place, bool(re.fullmatch(r"\d*", row.steps)), f"steps {row.steps!r}: must be an integer or empty")
    _check(place, bool(row.value or row.note), "value is empty: the note must say why")
    numbers = ["eta", "improvement", "k", "b"] + ["value"] * (metrics[row.metric].type == "number")
    for column in numbers:
        try:
            parse_number(getattr(row, column) or "0")
        except ValueError as error:
            raise FaultyFile(f"{place}: {column} {error}") from None


def _check(place: str, holds: bool, message: str) -> None:
    if not holds:
        raise FaultyFile(f"{place}: {message}")

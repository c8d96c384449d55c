"""The published tables that a study regenerates: how they are read, and how their methods and papers are named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, get_args

from stages.auditing.claims.queries import parse_query, select
from stages.auditing.tables.published import (
    METHODS,
    READINGS,
    TABLES,
    Publication,
    read_papers,
    read_publications,
    read_text,
)
from stages.auditing.tables.rows import COORDINATES, FaultyFile, Papers, Row, read_records
from stages.config.errors import InputError
from stages.store.paths import published_folder

Axis = Literal["fix", "model"]
# A setting of readings in place of a coordinate: what the numbers need that no coordinate states.
NEEDS = "needs"


class PublishedMethod(NamedTuple):
    """A method that published tables compare with others.

    ``name`` is its coordinate on ``axis``, ``phrase`` its name within a sentence, ``bases`` the coordinates that the
    tables compare it with.
    """

    axis: Axis
    name: str
    phrase: str
    bases: tuple[str, ...]


class Reading(NamedTuple):
    """For the published numbers of ``keys``: a value for a coordinate that is not printed, or a need, and why."""

    query: str
    setting: str
    value: str
    reason: str
    keys: frozenset[tuple[str, ...]]


class Published(NamedTuple):
    """The published tables by paper, readings of what they leave open, and how tables, methods and papers are named."""

    papers: Papers
    readings: list[Reading]
    titles: dict[tuple[str, str], str]
    methods: list[PublishedMethod]
    publications: dict[str, Publication]


def read_published() -> Published:
    """Return all published files that the study uses.

    Raises:
        InputError: a file is missing or breaks the schema.
    """
    folder = published_folder()
    try:
        papers = read_papers(folder)
        records = read_records(TABLES, read_text(folder / TABLES), ("paper", "table", "title"))
        return Published(
            papers=papers,
            readings=parse_readings(READINGS, read_text(folder / READINGS), papers),
            titles={(record["paper"], record["table"]): record["title"] for _, record in records},
            methods=read_methods(folder),
            publications=read_publications(folder),
        )
    except FaultyFile as error:
        raise InputError(f"{folder}/{error}") from None


def read_methods(folder: Path) -> list[PublishedMethod]:
    """Return the methods that the tables of a folder compare; a folder without methods.csv compares none.

    Raises:
        FaultyFile: an unknown axis, an empty field, or a method that is listed twice.
    """
    if not (folder / METHODS).exists():
        return []
    methods: dict[tuple[str, str], PublishedMethod] = {}
    for place, record in read_records(METHODS, read_text(folder / METHODS), PublishedMethod._fields):
        axis = next((known for known in get_args(Axis) if known == record["axis"]), None)
        if axis is None:
            raise FaultyFile(f"{place}: axis {record['axis']!r}: must be one of {', '.join(get_args(Axis))}")
        method = PublishedMethod(axis, record["name"], record["phrase"], tuple(record["bases"].split()))
        if not (method.name and method.phrase and method.bases):
            raise FaultyFile(f"{place}: name, phrase and bases must not be empty")
        if (axis, method.name) in methods:
            raise FaultyFile(f"{place}: {axis} {method.name!r} occurs twice")
        methods[axis, method.name] = method
    return list(methods.values())


def parse_readings(name: str, text: str, papers: Papers) -> list[Reading]:
    """Return the readings of a file with the columns query, setting, value and reason.

    Raises:
        FaultyFile: a query that finds nothing, an unknown setting, a coordinate that is printed.
    """
    return list(_readings(name, text, papers))


def _readings(name: str, text: str, papers: Papers) -> Iterator[Reading]:
    for place, record in read_records(name, text, ("query", "setting", "value", "reason")):
        try:
            rows = select(parse_query(record["query"]), papers)
        except ValueError as error:
            raise FaultyFile(f"{place}: {error}") from None
        setting = record["setting"]
        if setting not in (*COORDINATES, NEEDS):
            raise FaultyFile(f"{place}: setting {setting!r}: must be {NEEDS} or one of {', '.join(COORDINATES)}")
        if not rows or not record["value"] or not record["reason"]:
            raise FaultyFile(f"{place}: must name rows that exist, a value and a reason")
        if setting in COORDINATES and any(getattr(row, setting) for row in rows):
            raise FaultyFile(f"{place}: {setting} is printed; only what is not can be read")
        yield Reading(**record, keys=frozenset(row.key for row in rows))


def read_row(row: Row, readings: Sequence[Reading]) -> tuple[Row, list[Reading]]:
    """Return a published number with its coordinates completed, and the readings that concern it."""
    concerned = [reading for reading in readings if row.key in reading.keys]
    given = {reading.setting: reading.value for reading in concerned if reading.setting != NEEDS}
    return row._replace(**given), concerned

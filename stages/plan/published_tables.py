"""The published tables that a study regenerates, and how their methods and papers are named."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, NamedTuple, get_args

from stages.auditing.tables.published import (
    METHODS,
    READINGS,
    TABLES,
    Publication,
    read_papers,
    read_publications,
    read_text,
)
from stages.auditing.tables.rows import FaultyFile, Papers, read_records
from stages.config.errors import InputError
from stages.plan.readings import Reading, parse_readings
from stages.store.paths import published_folder

Axis = Literal["fix", "model"]


class PublishedMethod(NamedTuple):
    """A method that published tables compare with others.

    ``name`` is its coordinate on ``axis``, ``phrase`` its name within a sentence, ``bases`` the coordinates that the
    tables compare it with.
    """

    axis: Axis
    name: str
    phrase: str
    bases: tuple[str, ...]


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
            raise FaultyFile(f"{place}: {axis} {method.name!r} is there twice")
        methods[axis, method.name] = method
    return list(methods.values())

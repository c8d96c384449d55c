"""The published tables that a study regenerates: how they are read, and how their methods and papers are named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from stages.config.params import is_setting
from stages.plan.published_figures import PublishedFigure, read_figures
from stages.store.paths import published_folder

Axis = Literal["fix", "model"]
Use = Literal["default", "beside"]
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
    """What the published numbers of ``keys`` leave open, read in one way, with the evidence for it.

    Attributes:
        query: the numbers, as a query.
        setting: a coordinate that is not printed; ``needs``; or a setting of a section of params.yaml that the
            coordinates do not tell, by kind and name, such as ``sampler.variance``.
        value: its value.
        use: ``default``, the reading of the number that stands in the table, or ``beside``, a further one.
        reason: why the numbers may be read so.
        evidence: where this is said: a place of the paper, or a file and line of a repository.
        keys: the keys of the numbers.
    """

    query: str
    setting: str
    value: str
    use: Use
    reason: str
    evidence: str
    keys: frozenset[tuple[str, ...]]

    @property
    def kind(self) -> str:
        """The kind of sections whose setting it is, such as ``sampler``; empty for a coordinate or a need."""
        return self.setting.partition(".")[0] if "." in self.setting else ""

    @property
    def name(self) -> str:
        """How the reading is called in tables, such as ``variance small``."""
        return f"{self.setting.rpartition('.')[2]} {self.value}"


class Published(NamedTuple):
    """The published tables by paper, readings of what they leave open, how all are named, and the list of figures."""

    papers: Papers
    readings: list[Reading]
    titles: dict[tuple[str, str], str]
    methods: list[PublishedMethod]
    publications: dict[str, Publication]
    figures: list[PublishedFigure]


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
            figures=read_figures(folder, papers),
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
    """Return the readings of a file with the columns query, setting, value, use, reason and evidence.

    Raises:
        FaultyFile: a query that finds nothing, an unknown setting or use, a coordinate that is printed, an empty field,
            two defaults of a setting for one number, or a further reading of a setting without a default.
    """
    found: list[Reading] = []
    defaults: dict[tuple[tuple[str, ...], str], str] = {}
    for place, record in read_records(name, text, Reading._fields[:-1]):
        reading = _reading(place, record, papers)
        found.append(reading)
        for key in reading.keys if reading.setting != NEEDS else ():
            known = defaults.get((key, reading.setting))
            if reading.use == "default":
                if known is not None:
                    raise FaultyFile(f"{place}: {reading.setting} has a default, {known}, for some of these rows")
                defaults[key, reading.setting] = reading.value
            elif known in (None, reading.value):
                raise FaultyFile(f"{place}: beside needs a default of {reading.setting} above it, of another value")
    return found


def _reading(place: str, record: Mapping[str, str], papers: Papers) -> Reading:
    try:
        rows = select(parse_query(record["query"]), papers)
    except ValueError as error:
        raise FaultyFile(f"{place}: {error}") from None
    setting = record["setting"]
    use = next((known for known in get_args(Use) if known == record["use"]), None)
    if setting not in (*COORDINATES, NEEDS) and not is_setting(setting):
        raise FaultyFile(
            f"{place}: setting {setting!r}: must be {NEEDS}, one of {', '.join(COORDINATES)}, or a setting of sections "
            "of params.yaml, such as sampler.variance"
        )
    if use is None or (use == "beside" and not is_setting(setting)):
        raise FaultyFile(f"{place}: use {record['use']!r}: must be default, or beside for a setting of sections")
    if not rows or not all(record.values()):
        raise FaultyFile(f"{place}: must name rows that exist, a value, a reason and its evidence")
    if setting in COORDINATES and any(getattr(row, setting) for row in rows):
        raise FaultyFile(f"{place}: {setting} is printed; only what is not can be read")
    return Reading(**{**record, "use": use}, keys=frozenset(row.key for row in rows))


class ReadRow(NamedTuple):
    """A published number under one reading of what it leaves open.

    Attributes:
        row: the number, with its coordinates completed.
        needs: what it needs beyond its coordinates.
        settings: the settings that sections of params.yaml must have, by kind and name, such as ``sampler.variance``.
    """

    row: Row
    needs: frozenset[str]
    settings: Mapping[str, str]


def readings_of(row: Row, readings: Sequence[Reading]) -> list[Reading]:
    """Return the readings that concern a published number."""
    return [reading for reading in readings if row.key in reading.keys]


def read_row(row: Row, readings: Sequence[Reading], beside: Reading | None = None) -> ReadRow:
    """Return a published number as the readings that concern it have it.

    Args:
        row: the number as printed.
        readings: those that concern it.
        beside: the further reading to take in place of the default of its setting. One of a method also takes the
            place of the other settings of its kind, which are of another method.
    """
    taken = [reading for reading in readings if reading.use == "default"]
    if beside is not None:
        replaced = f"{beside.kind}." if beside.setting == f"{beside.kind}.method" else beside.setting
        taken = [*(reading for reading in taken if not reading.setting.startswith(replaced)), beside]
    coordinates = {reading.setting: reading.value for reading in taken if reading.setting in COORDINATES}
    return ReadRow(
        row=row._replace(**coordinates),
        needs=frozenset(reading.value for reading in taken if reading.setting == NEEDS),
        settings={reading.setting: reading.value for reading in taken if "." in reading.setting},
    )

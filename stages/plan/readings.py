"""How the plan reads what the published tables leave open, and what they need beyond their coordinates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from stages.auditing.claims.queries import parse_query, select
from stages.auditing.tables.rows import COORDINATES, FaultyFile, Papers, Row, read_records

# In place of a coordinate: the rows are of a method that no coordinate tells.
NEEDS = "needs"


class Reading(NamedTuple):
    """For the published numbers of ``keys``: a value for a coordinate that is not printed, or a need, and why."""

    query: str
    setting: str
    value: str
    reason: str
    keys: frozenset[tuple[str, ...]]


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

"""The published tables that a study regenerates, and the readings of what they leave open."""

from __future__ import annotations

from typing import NamedTuple

from stages.auditing.tables.published import READINGS, TABLES, read_papers, read_text
from stages.auditing.tables.rows import FaultyFile, Papers, read_records
from stages.config.errors import InputError
from stages.plan.readings import Reading, parse_readings
from stages.store.paths import published_folder


class Published(NamedTuple):
    """The project's published tables by paper, their titles, and readings of what they leave open."""

    papers: Papers
    readings: list[Reading]
    titles: dict[tuple[str, str], str]


def read_published() -> Published:
    """Return all that the study regenerates.

    Raises:
        InputError: a file is missing or breaks the schema.
    """
    folder = published_folder()
    try:
        papers = read_papers(folder)
        readings = parse_readings(READINGS, read_text(folder / READINGS), papers)
        records = list(read_records(TABLES, read_text(folder / TABLES), ("paper", "table", "title")))
    except FaultyFile as error:
        raise InputError(f"{folder}/{error}") from None
    return Published(papers, readings, {(r["paper"], r["table"]): r["title"] for _, r in records})

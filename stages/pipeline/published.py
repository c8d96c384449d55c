"""Reading a folder of published numbers: tables, metrics, and how the plan reads what the tables leave open."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from stages.papers.readings import Reading, parse_readings
from stages.papers.tables import FaultyFile, Metric, Row, parse_metrics, parse_table, read_records
from stages.pipeline.errors import InputError
from stages.pipeline.layout import PUBLISHED

CLAIMS, METRICS, READINGS, TABLES, TITLES = "claims.csv", "metrics.csv", "readings.csv", "tables.csv", "titles.csv"
OTHERS = (CLAIMS, METRICS, READINGS, TABLES, TITLES)


class Published(NamedTuple):
    """The project's published tables by paper, their metrics and titles, and readings of what they leave open."""

    papers: dict[str, list[Row]]
    metrics: dict[str, Metric]
    readings: list[Reading]
    titles: dict[tuple[str, str], str]


def read_published() -> Published:
    """Return all that the study regenerates.

    Raises:
        InputError: a file is missing or breaks the schema.
    """
    try:
        papers, metrics = read_papers(PUBLISHED)
        readings = parse_readings(READINGS, read_text(PUBLISHED / READINGS), papers)
        records = list(read_records(TABLES, read_text(PUBLISHED / TABLES), ("paper", "table", "title")))
    except FaultyFile as error:
        raise InputError(f"{PUBLISHED}/{error}") from None
    return Published(papers, metrics, readings, {(r["paper"], r["table"]): r["title"] for _, r in records})


def read_papers(published: Path) -> tuple[dict[str, list[Row]], dict[str, Metric]]:
    """Return the rows of every file of published numbers, by the file's name, and the metrics that they may hold.

    Raises:
        InputError: the folder or a file of it is missing.
        FaultyFile: a file breaks the schema.
    """
    metrics = parse_metrics(METRICS, read_text(published / METRICS))
    names = sorted(path.name for path in published.glob("*.csv") if path.name not in OTHERS)
    papers = {name.removesuffix(".csv"): parse_table(name, read_text(published / name), metrics) for name in names}
    if not papers:
        raise InputError(f"{published}: holds no table (PAPER.csv)")
    return papers, metrics


def read_text(path: Path) -> str:
    """Return the text of a file, which must be UTF-8."""
    needed = f"needed are {METRICS}, {CLAIMS} and one PAPER.csv per paper"
    if path.exists() and not path.is_file():
        # A pipe would be waited for without end.
        raise InputError(f"{path}: no file; {needed}")
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); {needed}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8") from None

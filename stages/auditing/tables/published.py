"""Reading a folder of published numbers: tables, their schema and their metrics."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from stages.auditing.tables.rows import FaultyFile, Papers, parse_metrics, parse_table, read_records
from stages.auditing.tables.schema import DIFFUSION, parse_schema
from stages.config.errors import InputError

CLAIMS = "claims.csv"
METRICS = "metrics.csv"
PAPERS = "papers.csv"
READINGS = "readings.csv"
TABLES = "tables.csv"
METHODS = "methods.csv"
FIGURES = "figures.csv"
SCHEMA = "schema.yaml"
# Files that hold no table of a paper.
NOT_TABLES = (CLAIMS, METRICS, PAPERS, READINGS, TABLES, METHODS, FIGURES)


class Publication(NamedTuple):
    """How a paper is named: ``name`` within a sentence, ``year`` with its venue, such as ICML 2023."""

    paper: str
    name: str
    title: str
    year: str

    @property
    def citation(self) -> str:
        """The title, and the year in parentheses if it is given."""
        return f"{self.title} ({self.year})" if self.year else self.title


def read_papers(published: Path) -> Papers:
    """Return the rows of every file of published numbers, by the file's name, with their schema and metrics.

    Raises:
        InputError: the folder or a file of it is missing.
        FaultyFile: a file breaks the schema.
    """
    schema = parse_schema(SCHEMA, read_text(published / SCHEMA)) if (published / SCHEMA).exists() else DIFFUSION
    metrics = parse_metrics(METRICS, read_text(published / METRICS))
    names = sorted(path.name for path in published.glob("*.csv") if path.name not in NOT_TABLES)
    rows = {n.removesuffix(".csv"): parse_table(n, read_text(published / n), metrics, schema) for n in names}
    if not rows:
        raise InputError(f"{published}: has no table (PAPER.csv)")
    return Papers(rows, schema, metrics)


def read_publications(published: Path) -> dict[str, Publication]:
    """Return how each paper is named, by its key; a folder without papers.csv names none.

    Raises:
        FaultyFile: a paper is listed twice, or a name or title is empty.
    """
    if not (published / PAPERS).exists():
        return {}
    publications: dict[str, Publication] = {}
    for place, record in read_records(PAPERS, read_text(published / PAPERS), Publication._fields):
        publication = Publication(**record)
        if publication.paper in publications:
            raise FaultyFile(f"{place}: paper {publication.paper!r} occurs twice")
        if not (publication.paper and publication.name and publication.title):
            raise FaultyFile(f"{place}: paper, name and title must not be empty")
        publications[publication.paper] = publication
    return publications


def read_text(path: Path) -> str:
    """Return the text of a file, which must be UTF-8."""
    needed = f"needed are {METRICS}, {CLAIMS} and one PAPER.csv per paper"
    if path.exists() and not path.is_file():
        # Reading a pipe might never end.
        raise InputError(f"{path}: not a file; {needed}")
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); {needed}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8") from None

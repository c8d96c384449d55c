"""Reading a folder of published numbers: tables, their schema and their metrics."""

from __future__ import annotations

from pathlib import Path

from stages.auditing.tables.rows import Papers, parse_metrics, parse_table
from stages.auditing.tables.schema import DIFFUSION, parse_schema
from stages.config.errors import InputError

CLAIMS, METRICS, READINGS, TABLES, TITLES = "claims.csv", "metrics.csv", "readings.csv", "tables.csv", "titles.csv"
SCHEMA = "schema.yaml"
OTHERS = (CLAIMS, METRICS, READINGS, TABLES, TITLES)


def read_papers(published: Path) -> Papers:
    """Return the rows of every file of published numbers, by the file's name, with their schema and metrics.

    Raises:
        InputError: the folder or a file of it is missing.
        FaultyFile: a file breaks the schema.
    """
    schema = parse_schema(SCHEMA, read_text(published / SCHEMA)) if (published / SCHEMA).exists() else DIFFUSION
    metrics = parse_metrics(METRICS, read_text(published / METRICS))
    names = sorted(path.name for path in published.glob("*.csv") if path.name not in OTHERS)
    rows = {n.removesuffix(".csv"): parse_table(n, read_text(published / n), metrics, schema) for n in names}
    if not rows:
        raise InputError(f"{published}: holds no table (PAPER.csv)")
    return Papers(rows, schema, metrics)


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

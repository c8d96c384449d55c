"""Making a folder ready to audit: the paper's numbers, schema, metrics and proposed claims, and what is to decide."""

from __future__ import annotations

import csv
import io
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from stages.auditing.importer.decisions import Decision, decisions_text
from stages.auditing.importer.interpret.labels import paper_name
from stages.auditing.importer.interpret.number_rows import Number, metrics_of, numbers_of
from stages.auditing.importer.propose.proposals import claims_text, proposed_claims
from stages.auditing.importer.read.files import read_tables
from stages.auditing.importer.read.grids import Table, Unread, numbered
from stages.auditing.tables.published import CLAIMS, METRICS, NOT_TABLES, SCHEMA
from stages.auditing.tables.rows import SOURCES, Metric, Papers, parse_table
from stages.auditing.tables.schema import Schema
from stages.config.errors import InputError

DECIDE = "DECIDE.md"


def make_folder(target: Path | None, files: Sequence[Path]) -> int:
    """Return 0 after making ``target`` from the tables of the files, with a summary on stdout.

    Raises:
        InputError: folder or files are not named, the folder holds something, a file cannot be read, or no file has a
            table with a number.
    """
    if target is None:
        raise InputError(f"{files[0]}: files are read with --init DIR alone; --published DIR audits a folder")
    if not files:
        raise InputError(f"--init {target}: must be followed by the files to read, such as main.tex")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError(f"{target}: exists and is not an empty folder")
    found = [read_tables(path) for path in files]
    tables, decisions = numbered([[t for t in part if isinstance(t, Table)] for part in found])
    unread = [t for part in found for t in part if isinstance(t, Unread)]
    decisions = [*(Decision("unread", t.place, t.reason) for t in unread), *decisions]
    numbers: dict[str, list[Number]] = {}
    for table in tables:
        rows, told = numbers_of(table)
        decisions += told
        if rows:
            numbers[table.number] = rows
        else:
            decisions.append(Decision("unread", f"Table {table.number} ({table.place})", "holds no number"))
    if not numbers:
        reason = f" ({unread[0].place}: {unread[0].reason})" if unread else ""
        raise InputError(f"{', '.join(map(str, files))}: no table with a number is found{reason}")
    content, claims, told = contents(paper_of(files[0]), numbers)
    decisions += told
    write_folder(target, {**content, DECIDE: decisions_text(paper_of(files[0]), decisions)})
    print("\n".join(summary(target, tables, numbers, claims, decisions)))
    return 0


def paper_of(path: Path) -> str:
    """Return the name of the paper of a file, other than those that mean something else in a folder."""
    name = paper_name(path.stem)
    return f"{name}-paper" if f"{name}.csv" in (*NOT_TABLES, f"{SOURCES}.csv") else name


def contents(paper: str, tables: Mapping[str, Sequence[Number]]) -> tuple[dict[str, str], int, list[Decision]]:
    """Return the files of the folder by name, how many claims it has, and what is to decide about them."""
    numbers = [number for table in tables.values() for number in table]
    schema = schema_of(numbers)
    metrics, unknown = metrics_of(numbers)
    rows = table_text(paper, numbers, schema)
    papers = Papers({paper: parse_table(f"{paper}.csv", rows, metrics, schema)}, schema, metrics)
    claims, guessed = proposed_claims(paper, tables, papers)
    kept = {key: list(value) for key, value in schema.model_dump().items()}
    content = {
        f"{paper}.csv": rows,
        SCHEMA: yaml.safe_dump(kept, sort_keys=False, default_flow_style=None),
        METRICS: csv_text(Metric._fields, [tuple(metric) for metric in metrics.values()]),
        CLAIMS: claims_text(claims),
    }
    return content, sum(bool(claim["formula"]) for claim in claims), [*unknown, *guessed]


def schema_of(numbers: Sequence[Number]) -> Schema:
    """Return the schema of numbers: their coordinates, and those of the numbers beside and marks that are there."""
    coordinates = dict.fromkeys(axis for number in numbers for axis in number.coordinates)
    beside = [name for name in ("improvement", "sd") if any(getattr(number, name) for number in numbers)]
    marks = ["bold"] if any(number.bold for number in numbers) else []
    return Schema(coordinates=tuple(coordinates) or ("method",), beside=tuple(beside), marks=tuple(marks))


def table_text(paper: str, numbers: Sequence[Number], schema: Schema) -> str:
    """Return the file of a paper's numbers."""
    records = []
    for number in numbers:
        fields = {"paper": paper, **number.coordinates, **number._asdict()}
        records.append([fields.get(column, "") for column in schema.columns])
    return csv_text(schema.columns, records)


def csv_text(header: Sequence[str], records: Sequence[Sequence[str]]) -> str:
    """Return records under a header as CSV."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(records)
    return stream.getvalue()


def write_folder(target: Path, content: Mapping[str, str]) -> None:
    """Write files into a new folder, which is there with all of them or not at all."""
    target.absolute().parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(dir=target.absolute().parent, prefix=f".{target.name}.", suffix=".tmp"))
    try:
        for name, text in content.items():
            (unfinished / name).write_text(text, encoding="utf-8", newline="")
        unfinished.chmod(0o755)
        os.replace(unfinished, target.absolute())
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def summary(
    target: Path,
    tables: Sequence[Table],
    numbers: Mapping[str, Sequence[Number]],
    claims: int,
    decisions: Sequence[Decision],
) -> list[str]:
    """Return in lines what was made and the next command."""
    lines = []
    for table in tables:
        if table.number in numbers:
            label = f", {table.label}" if table.label else ""
            lines.append(f"Table {table.number} ({table.place}{label}): {_many(len(numbers[table.number]), 'number')}")
    total = _many(sum(map(len, numbers.values())), "number")
    proposed = _many(claims, "claim")
    open_ = _many(len(set(decisions)), "thing")
    lines += [
        "",
        f"{_many(len(numbers), 'table')}, {total}, {proposed} proposed, {open_} to decide",
        f"decide what {target / DECIDE} lists, complete {target / CLAIMS}, then:",
        f"python -m stages audit --published {target}",
    ]
    return lines


def _many(count: int, word: str) -> str:
    return f"{count} {word}{'s' * (count != 1)}"

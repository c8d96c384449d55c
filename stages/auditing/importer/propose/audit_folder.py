"""Making a folder that can be audited: a paper's numbers, schema, metrics, proposed claims, and open decisions."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import yaml

from stages.auditing.importer.decisions import Decision, decisions_text
from stages.auditing.importer.interpret.labels import paper_name
from stages.auditing.importer.interpret.number_rows import Number, metrics_of, numbers_of
from stages.auditing.importer.propose.proposals import claims_text, proposed_claims
from stages.auditing.importer.read.grids import Table, Unread, numbered
from stages.auditing.importer.read.paper_files import read_tables
from stages.auditing.tables.published import CLAIMS, METRICS, NOT_TABLES, SCHEMA
from stages.auditing.tables.rows import SOURCES, Metric, Papers, csv_text, parse_table
from stages.auditing.tables.schema import Schema
from stages.config.errors import InputError

DECIDE = "DECIDE.md"


class FolderContents(NamedTuple):
    """The files of a folder by name, the number of proposed claims, and what a person must decide about them."""

    files: dict[str, str]
    claims: int
    decisions: list[Decision]


def make_folder(target: Path | None, files: Sequence[Path]) -> int:
    """Make the folder ``target`` from the tables of the files, print a summary, and return 0.

    Raises:
        InputError: folder or files are not given, the folder is not empty, a file cannot be read, or no file has a
            table with a number.
    """
    if target is None:
        raise InputError(f"{files[0]}: files are read with --init DIR alone; --published DIR audits a folder")
    if not files:
        raise InputError(f"--init {target}: must be followed by the files to read, such as main.tex")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError(f"{target}: exists and is not an empty folder")
    read = [read_tables(path) for path in files]
    unread = [table for tables in read for table in tables if isinstance(table, Unread)]
    decisions = [Decision("unread", table.place, table.reason) for table in unread]
    tables, renamed = numbered([[table for table in tables if isinstance(table, Table)] for tables in read])
    decisions += renamed
    numbers: dict[str, list[Number]] = {}
    for table in tables:
        found, doubts = numbers_of(table)
        decisions += doubts
        if found:
            numbers[table.number] = found
        else:
            decisions.append(Decision("unread", f"Table {table.number} ({table.place})", "has no number"))
    if not numbers:
        reason = f" ({unread[0].place}: {unread[0].reason})" if unread else ""
        raise InputError(f"{', '.join(map(str, files))}: no table with a number is found{reason}")
    paper = paper_of(files[0])
    content = contents(paper, numbers)
    decisions += content.decisions
    write_folder(target, {**content.files, DECIDE: decisions_text(paper, decisions)})
    print("\n".join(summary(target, tables, numbers, content.claims, decisions)))
    return 0


def paper_of(path: Path) -> str:
    """Return the name of a file's paper, which must not be the name of another file of the folder."""
    name = paper_name(path.stem)
    return f"{name}-paper" if f"{name}.csv" in (*NOT_TABLES, f"{SOURCES}.csv") else name


def contents(paper: str, tables: Mapping[str, Sequence[Number]]) -> FolderContents:
    """Return the contents of the folder for the numbers of each table."""
    numbers = [number for table in tables.values() for number in table]
    schema = schema_of(numbers)
    metrics, unknown = metrics_of(numbers)
    rows = table_text(paper, numbers, schema)
    papers = Papers({paper: parse_table(f"{paper}.csv", rows, metrics, schema)}, schema, metrics)
    proposal = proposed_claims(paper, tables, papers)
    columns = {key: list(value) for key, value in schema.model_dump().items()}
    files = {
        f"{paper}.csv": rows,
        SCHEMA: yaml.safe_dump(columns, sort_keys=False, default_flow_style=None),
        METRICS: csv_text(Metric._fields, metrics.values()),
        CLAIMS: claims_text(proposal.claims),
    }
    claims = sum(bool(claim["formula"]) for claim in proposal.claims)
    return FolderContents(files, claims, [*unknown, *proposal.decisions])


def schema_of(numbers: Sequence[Number]) -> Schema:
    """Return the schema of numbers: their coordinates, and the columns and marks beside the values."""
    coordinates = dict.fromkeys(axis for number in numbers for axis in number.coordinates)
    beside = [name for name in ("improvement", "sd") if any(getattr(number, name) for number in numbers)]
    marks = ["bold"] if any(number.bold for number in numbers) else []
    return Schema(coordinates=tuple(coordinates) or ("method",), beside=tuple(beside), marks=tuple(marks))


def table_text(paper: str, numbers: Sequence[Number], schema: Schema) -> str:
    """Return the text of the file of a paper's numbers."""
    records = []
    for number in numbers:
        fields = {"paper": paper, **number.coordinates, **number._asdict()}
        records.append([fields.get(column, "") for column in schema.columns])
    return csv_text(schema.columns, records)


def write_folder(target: Path, content: Mapping[str, str]) -> None:
    """Write files into a new folder, which appears with all of them or not at all."""
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
    """Return the summary of a new folder as lines, the last of which is the next command."""
    lines = []
    for table in tables:
        if table.number in numbers:
            label = f", {table.label}" if table.label else ""
            lines.append(f"Table {table.number} ({table.place}{label}): {_many(len(numbers[table.number]), 'number')}")
    total = _many(sum(map(len, numbers.values())), "number")
    proposed = _many(claims, "claim")
    undecided = _many(len(set(decisions)), "thing")
    return [
        *lines,
        "",
        f"{_many(len(numbers), 'table')}, {total}, {proposed} proposed, {undecided} to decide",
        f"decide what {target / DECIDE} lists, complete {target / CLAIMS}, then:",
        f"python -m stages audit --published {target}",
    ]


def _many(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"

"""Audit published numbers: which follow from one another, which contradict each other. No training, no torch."""

from __future__ import annotations

import csv
import gc
import io
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stages.auditing.checks.screen import screen
from stages.auditing.claims.claims import SANITY, Claim, parse_claims
from stages.auditing.claims.verdicts import VERDICTS, Finding, judge
from stages.auditing.importer.propose.folder import make_folder
from stages.auditing.output.candidates import candidate_records
from stages.auditing.output.findings import COLUMNS, OUTCOMES, WRONG, audit_record, verdict_of, warnings
from stages.auditing.output.markdown import audit_markdown
from stages.auditing.output.pages import render_page
from stages.auditing.output.sarif import sarif_log
from stages.auditing.output.spreadsheet import harmless
from stages.auditing.output.summary import news_lines, summary_lines, warning_line
from stages.auditing.tables.published import CLAIMS, read_papers, read_publications, read_text
from stages.auditing.tables.rows import SOURCES, FaultyFile, Papers, Row
from stages.auditing.watching import changes
from stages.config.errors import InputError
from stages.store.files import json_bytes, write_bytes, write_json_lines
from stages.store.paths import REPORTS, published_folder


def run(
    published: Path | None = None, paper: str | None = None, table: str | None = None, fail_on: str | None = None,
    *, strict: bool = False, watch: bool = False, init: Path | None = None, files: Sequence[Path] = (),
) -> int:  # fmt: skip
    """Return the exit status after judging every claim of a folder: 0, or 1 at a finding as grave as ``fail_on``.

    To ``watch`` is to do so again whenever a file of the folder changes, and never to return. With ``init`` that folder
    is made from the tables of ``files``, and nothing is judged.
    """
    if init or files:
        return make_folder(init, files)
    published = published or published_folder()
    if watch:
        watch_folder(published, lambda: audit(published, paper, table, strict=strict))
    statements = [f for f in audit(published, paper, table, strict=strict) if f.claim.kind != SANITY]
    return int(any(fail_on and VERDICTS.index(f.verdict) <= VERDICTS.index(fail_on) for f in statements))


def watch_folder(published: Path, audited: Callable[[], list[Finding]]) -> None:
    """Audit a folder at every change of its tables and claims, without end, and tell what is new.

    A fault of the inputs is told and waited out.
    """
    known: dict[str, str] | None = None
    for _ in changes(published, ("*.csv", "*.yaml")):
        print(f"\n{time.strftime('%H:%M:%S')} {published}", flush=True)
        try:
            found = {finding.id: verdict_of(finding) for finding in audited()}
        except InputError as error:
            print(f"audit: {error}", file=sys.stderr, flush=True)
            continue
        if known is not None:
            print("\nsince the last audit:", *(news_lines(known, found) or ["nothing new"]), sep="\n    ")
        known = found
        sys.stdout.flush()


@contextmanager
def uncollected() -> Iterator[None]:
    """Work without the collector, which would go again and again through what is read and stays to the end."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@uncollected()
def audit(published: Path, paper: str | None, table: str | None, *, strict: bool) -> list[Finding]:
    """Return the findings of a folder, or those on a paper or a table, after writing and printing what was found.

    The whole audit is written to reports/ (another folder's to audit/ inside it) and summed up on stdout. One narrowed
    to a paper or a table is printed in full and writes nothing. What a claim's operands could pair and did not is a
    warning, or where ``strict`` a fault of the inputs.
    """
    try:
        papers = read_papers(published)
        claims = parse_claims(CLAIMS, read_text(published / CLAIMS), papers.schema)
        findings = judge_all(claims, papers)
        candidates = screen(papers, claims)
        titles = {paper: publication.citation for paper, publication in read_publications(published).items()}
    except FaultyFile as error:
        raise InputError(f"{published}/{error}") from None
    if strict:
        check_pairs(published, findings)
    check_place(papers, paper, table)
    narrowed = [finding for finding in findings if concerns(finding, paper, table)]
    if not narrowed:
        asked = " and ".join(f"{word} {name}" for word, name in (("paper", paper), ("table", table)) if name)
        raise InputError(f"{published}/{CLAIMS}: no claim speaks of {asked}")
    if paper or table:
        seen = candidate_records([c for c in candidates if among(c.rows, paper, table)])
        print("\n".join(summary_lines(audit_record(narrowed, papers, titles, seen), (*VERDICTS, *OUTCOMES))))
    else:
        record = audit_record(findings, papers, titles, candidate_records(candidates))
        folder = REPORTS if published.resolve() == published_folder().resolve() else published / "audit"
        write_audit(folder, record, source_folder(published))
        print("\n".join(summary_lines(record, WRONG)))
        print(f"\nthe other findings and every table: {folder / 'audit.html'}")
    return narrowed


def judge_all(claims: Sequence[Claim], papers: Papers) -> list[Finding]:
    """Return the findings of all claims, refusing two of the same id."""
    findings: dict[str, Finding] = {}
    for finding in (finding for claim in claims for finding in judge(claim, papers)):
        if finding.id in findings:
            place = finding.claim.place
            raise FaultyFile(f"{place}: there is a finding {finding.id!r} already; name the claim otherwise")
        findings[finding.id] = finding
    return list(findings.values())


def concerns(finding: Finding, paper: str | None, table: str | None) -> bool:
    """Return whether a finding is made by the paper, or rests on a number of it (and of the table, if one is named)."""
    rows = [row for c in finding.comparisons for rows in c.group.values() for row in rows]
    rows += [row for _, row in finding.unmatched]
    return among(rows, paper, table) or (not table and paper in (None, finding.claim.paper))


def among(rows: Sequence[Row], paper: str | None, table: str | None) -> bool:
    """Return whether one of the rows is of the paper (and of the table, if one is named)."""
    return any(paper in (None, row.paper) and table in (None, row.table) for row in rows)


def check_pairs(published: Path, findings: Sequence[Finding]) -> None:
    """Refuse claims that name rows which are part of no comparison though their operands could pair them."""
    if found := warnings(findings):
        more = f" (and {len(found) - 1} more claims with such rows)" if len(found) > 1 else ""
        raise InputError(f"{published}/{warning_line(found[0])}{more}")


def check_place(papers: Papers, paper: str | None, table: str | None) -> None:
    """Refuse a paper or a table that the folder does not hold."""
    known = [name for name in papers if name != SOURCES]
    if paper and paper not in known:
        raise InputError(f"--paper {paper}: must be one of {', '.join(known)}")
    tables = dict.fromkeys(row.table for name in known if paper in (None, name) for row in papers[name])
    if table and table not in tables:
        raise InputError(f"--table {table}: must be one of {', '.join(tables)}")


def source_folder(published: Path) -> str:
    """Return the folder as seen from the working directory, the root of a repository; empty where it lies outside."""
    relative = Path(os.path.relpath(published))
    return "" if ".." in relative.parts or relative == Path() else relative.as_posix()


def write_audit(folder: Path, record: Mapping[str, Any], source: str) -> None:
    """Write audit.json, .csv, .html, .md and .sarif, of tables in the folder ``source``, once all are rendered."""
    contents = {
        "audit.csv": findings_csv(record).encode(),
        "audit.html": render_page("audit.html.j2", audit=record, tables_elsewhere=False).encode(),
        "audit.md": audit_markdown(record).encode(),
        "audit.sarif": json_bytes(sarif_log(record, source)),
    }
    for name in ("audit.json", *contents):
        if (folder / name).is_dir():
            raise InputError(f"{folder / name}: cannot be written (a folder is in its place)")
    write_json_lines(folder / "audit.json", record)
    for name, content in contents.items():
        write_bytes(folder / name, content)


def findings_csv(record: Mapping[str, Any]) -> str:
    """Return a table of all findings."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for finding in record["findings"]:
        cells = (finding[column] for column in COLUMNS)
        writer.writerow([harmless("; ".join(cell) if isinstance(cell, list) else str(cell)) for cell in cells])
    return stream.getvalue()

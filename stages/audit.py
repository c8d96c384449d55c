"""Audit published numbers: which follow from one another, and which contradict each other. Needs no torch."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stages.auditing.claims.verdicts import VERDICTS
from stages.auditing.folder_audit import FolderAudit, audit_folder, narrowed, without_garbage_collection
from stages.auditing.importer.propose.audit_folder import make_folder
from stages.auditing.output.findings import OUTCOMES, WRONG, findings_csv
from stages.auditing.output.markdown import audit_markdown
from stages.auditing.output.pages import render_page
from stages.auditing.output.sarif import sarif_log
from stages.auditing.output.summary import news_lines, summary_lines
from stages.auditing.watching import changes
from stages.config.errors import InputError
from stages.store.files import json_bytes, write_bytes, write_json_lines
from stages.store.paths import REPORTS, published_folder


def run(
    published: Path | None = None,
    paper: str | None = None,
    table: str | None = None,
    fail_on: str | None = None,
    *,
    strict: bool = False,
    watch: bool = False,
    init: Path | None = None,
    files: Sequence[Path] = (),
) -> int:
    """Judge every claim of a folder and return the exit status: 1 if a finding is at least as grave as ``fail_on``.

    With ``watch``, the audit is repeated whenever a file of the folder changes, and does not return. With ``init``,
    nothing is judged; the folder is made from the tables of ``files``.
    """
    if init or files:
        return make_folder(init, files)
    published = published or published_folder()
    if watch:
        watch_folder(published, paper, table, strict=strict)
    return int(report(published, paper, table, strict=strict).has_finding_as_grave_as(fail_on))


def watch_folder(published: Path, paper: str | None, table: str | None, *, strict: bool) -> None:
    """Audit a folder at every change of its tables and claims, without end, and print the differences.

    Faulty inputs are reported and waited out.
    """
    known: Mapping[str, str] | None = None
    for _ in changes(published, ("*.csv", "*.yaml")):
        print(f"\n{time.strftime('%H:%M:%S')} {published}", flush=True)
        try:
            verdicts = report(published, paper, table, strict=strict).verdicts
        except InputError as error:
            print(f"audit: {error}", file=sys.stderr, flush=True)
            continue
        if known is not None:
            print("\nsince the last audit:", *(news_lines(known, verdicts) or ["nothing new"]), sep="\n    ")
        known = verdicts
        sys.stdout.flush()


@without_garbage_collection()
def report(published: Path, paper: str | None, table: str | None, *, strict: bool) -> FolderAudit:
    """Return the audit of a folder, or its part on a paper or a table, after printing it.

    A whole audit is also written, to reports/ or, for another folder, to audit/ inside that folder. A part is printed
    in full and writes nothing.
    """
    audit = audit_folder(published, strict=strict)
    part = narrowed(audit, paper, table)
    record = part.record
    if paper or table:
        print("\n".join(summary_lines(record, (*VERDICTS, *OUTCOMES))))
        return part
    folder = REPORTS if published.resolve() == published_folder().resolve() else published / "audit"
    write_audit(folder, record, source_folder(published))
    print("\n".join(summary_lines(record, WRONG)))
    print(f"\nthe other findings and every table: {folder / 'audit.html'}")
    return part


def source_folder(published: Path) -> str:
    """Return the folder relative to the working directory, the root of a repository; empty if it lies outside."""
    relative = Path(os.path.relpath(published))
    return "" if ".." in relative.parts or relative == Path() else relative.as_posix()


def write_audit(folder: Path, record: Mapping[str, Any], source: str) -> None:
    """Write audit.json, .csv, .html, .md and .sarif, once all are rendered; ``source`` is the folder of the tables."""
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

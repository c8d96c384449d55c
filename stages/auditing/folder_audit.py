"""The audit of a folder: everything that is read and judged, and the part that concerns a paper or a table."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from stages.auditing.checks.screen import screen
from stages.auditing.checks.table_cells import Candidate
from stages.auditing.claims.claims import SANITY, parse_claims
from stages.auditing.claims.comparisons import rows_of
from stages.auditing.claims.verdicts import VERDICTS, Finding, judge_all
from stages.auditing.output.findings import audit_record, candidate_records, verdict_of, warnings
from stages.auditing.output.summary import warning_line
from stages.auditing.tables.published import CLAIMS, Publication, read_papers, read_publications, read_text
from stages.auditing.tables.rows import SOURCES, FaultyFile, Papers, Row
from stages.config.errors import InputError


class FolderAudit(NamedTuple):
    """A folder of published tables and claims with its findings and candidates."""

    folder: Path
    papers: Papers
    publications: dict[str, Publication]
    findings: list[Finding]
    candidates: list[Candidate]

    @property
    def record(self) -> dict[str, Any]:
        """The content of the audit's page and files."""
        titles = {paper: publication.citation for paper, publication in self.publications.items()}
        return audit_record(self.findings, self.papers, titles, candidate_records(self.candidates))

    @property
    def verdicts(self) -> dict[str, str]:
        """The verdicts and outcomes by the ids of the findings."""
        return {finding.id: verdict_of(finding) for finding in self.findings}

    def has_finding_as_grave_as(self, verdict: str | None) -> bool:
        """Return whether a finding, other than a sanity check, has the verdict or a worse one; never for None."""
        if verdict is None:
            return False
        statements = [finding for finding in self.findings if finding.claim.kind != SANITY]
        return any(VERDICTS.index(finding.verdict) <= VERDICTS.index(verdict) for finding in statements)


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """Disable the garbage collector, which would scan all that an audit reads and keeps again and again."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def audit_folder(folder: Path, *, strict: bool = False) -> FolderAudit:
    """Return the audit of a folder.

    Raises:
        InputError: a file is missing or faulty or, with ``strict``, a claim names rows that its operands should pair
            but do not.
    """
    try:
        papers = read_papers(folder)
        claims = parse_claims(CLAIMS, read_text(folder / CLAIMS), papers.schema)
        findings = judge_all(claims, papers)
        candidates = screen(papers, claims)
        publications = read_publications(folder)
    except FaultyFile as error:
        raise InputError(f"{folder}/{error}") from None
    found = warnings(findings) if strict else []
    if found:
        more = f" (and {len(found) - 1} more claims with such rows)" if len(found) > 1 else ""
        raise InputError(f"{folder}/{warning_line(found[0])}{more}")
    return FolderAudit(folder, papers, publications, findings, candidates)


def narrowed(audit: FolderAudit, paper: str | None, table: str | None) -> FolderAudit:
    """Return the part of an audit that concerns a paper, a table or both; all of it for None.

    Raises:
        InputError: the folder has no such paper or table, or no claim concerns it.
    """
    if not (paper or table):
        return audit
    known = [name for name in audit.papers if name != SOURCES]
    if paper and paper not in known:
        raise InputError(f"--paper {paper}: must be one of {', '.join(known)}")
    tables = dict.fromkeys(row.table for name in known if paper in (None, name) for row in audit.papers[name])
    if table and table not in tables:
        raise InputError(f"--table {table}: must be one of {', '.join(tables)}")
    findings = [finding for finding in audit.findings if _concerns(finding, paper, table)]
    if not findings:
        names = [f"{word} {name}" for word, name in (("paper", paper), ("table", table)) if name]
        raise InputError(f"{audit.folder}/{CLAIMS}: no claim concerns {' and '.join(names)}")
    candidates = [candidate for candidate in audit.candidates if _any_of(candidate.rows, paper, table)]
    return audit._replace(findings=findings, candidates=candidates)


def _concerns(finding: Finding, paper: str | None, table: str | None) -> bool:
    """Return whether the paper makes a claim, or the claim uses a number of the paper (and of the table, if given)."""
    rows = [row for comparison in finding.comparisons for row in rows_of(comparison)]
    rows += [row for _, row in finding.unmatched]
    return _any_of(rows, paper, table) or (not table and paper in (None, finding.claim.paper))


def _any_of(rows: Sequence[Row], paper: str | None, table: str | None) -> bool:
    """Return whether one of the rows is of the paper (and of the table, if given)."""
    return any(paper in (None, row.paper) and table in (None, row.table) for row in rows)

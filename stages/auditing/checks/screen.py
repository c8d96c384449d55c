"""Screening: what can be seen in tables without a claim. Candidates are something to look at, never verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType

from stages.auditing.checks import (
    averages,
    bold,
    digits,
    duplicates,
    exchanged,
    grim,
    grimmer,
    overlaps,
    percentages,
    statcheck,
    unstated,
)
from stages.auditing.checks.table_cells import Candidate, Paper
from stages.auditing.claims.claims import Claim
from stages.auditing.tables.rows import SOURCES, Papers

# Each has TITLE, LITERATURE, LIMITS and candidates; its candidates bear its name.
CHECKS: dict[str, ModuleType] = {
    "grim": grim, "grimmer": grimmer, "percentages": percentages, "averages": averages, "statcheck": statcheck,
    "bold": bold, "overlaps": overlaps, "duplicates": duplicates, "digits": digits, "exchanged": exchanged,
    "unstated": unstated,
}  # fmt: skip


def screen(papers: Papers, claims: Sequence[Claim] = ()) -> list[Candidate]:
    """Return the candidates of all checks in all papers, other sources aside, check by check."""
    read = [
        Paper(rows, papers.metrics, [claim for claim in claims if claim.paper == name])
        for name, rows in papers.items()
        if name != SOURCES
    ]
    return [candidate for check in CHECKS.values() for paper in read for candidate in check.candidates(paper)]

"""Screening: checks of published tables that need no claim. They find candidates, which are never verdicts."""

from __future__ import annotations

from collections.abc import Sequence

from stages.auditing.checks import averages, duplicates, exchanged, last_digits, percentages, statcheck, unstated
from stages.auditing.checks.bold import BOLD, OVERLAPS
from stages.auditing.checks.grim import GRIM, GRIMMER
from stages.auditing.checks.table_cells import Candidate, Check, Paper
from stages.auditing.claims.claims import Claim
from stages.auditing.tables.rows import SOURCES, Papers

# In the order of the reports.
CHECKS: tuple[Check, ...] = (
    GRIM,
    GRIMMER,
    percentages.CHECK,
    averages.CHECK,
    statcheck.CHECK,
    BOLD,
    OVERLAPS,
    duplicates.CHECK,
    last_digits.CHECK,
    exchanged.CHECK,
    unstated.CHECK,
)


def screen(papers: Papers, claims: Sequence[Claim] = ()) -> list[Candidate]:
    """Return the candidates of all checks in all papers, check by check; rows of other sources are not checked."""
    inputs = [
        Paper(rows, papers.metrics, [claim for claim in claims if claim.paper == name])
        for name, rows in papers.items()
        if name != SOURCES
    ]
    return [candidate for check in CHECKS for paper in inputs for candidate in check.find(paper)]

"""Bold numbers that are not the best of theirs, and best ones that are not bold."""

from __future__ import annotations

from collections.abc import Iterator

from stages.auditing.checks.marks import contests
from stages.auditing.checks.table_cells import Candidate, Paper

TITLE = "Bold is not the best number"
LITERATURE = "None known; the marks of a table are held against its numbers"
LIMITS = (
    "What bold numbers are best of (a column, a row, a part of one) is guessed from the table, as the reading under "
    "which most are right. Wrong where bold marks something else, or the best of the authors' own; second-best marks "
    "are not handled."
)


def candidates(paper: Paper) -> Iterator[Candidate]:
    """Yield the groups of a table whose bold number is not their best, or is missing while others have theirs."""
    for table in paper.tables:
        for contest in contests(table, paper.metrics):
            wrong = [row for row in contest.marked if row not in contest.best]
            better = f"{contest.best[0].value} is the best ({paper.metrics[contest.best[0].metric].better} is better)"
            if wrong:
                told = f"{wrong[0].value} is bold, but {better}"
                yield Candidate("bold", told, (*wrong, *contest.best))
            elif not contest.marked:
                told = f"nothing is bold among {', '.join(row.value for row in contest.rows)}, of which {better}"
                yield Candidate("bold", told, tuple(contest.best))

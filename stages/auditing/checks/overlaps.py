"""Numbers marked as the best whose range of mean and SD overlaps with that of the next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from stages.auditing.checks.marks import Contest, contests
from stages.auditing.checks.table_cells import Candidate, Paper, beside, number
from stages.auditing.tables.numbers import Printed
from stages.auditing.tables.rows import Row

TITLE = "The best is within the spread of the next"
LITERATURE = "Cumming, Fidler and Vaux (2007), Error bars in experimental biology"
LIMITS = (
    "An overlap of SDs is no test: with enough runs the difference may be certain, and without one it may be chance. "
    "Silent without a column sd."
)


class Spread(NamedTuple):
    """A number with the standard deviation beside it."""

    row: Row
    mean: Printed
    sd: Printed

    def overlaps(self, other: Spread) -> bool:
        """Return whether the ranges of mean ± SD have more than their ends in common."""
        return abs(self.mean.value - other.mean.value) < self.sd.value + other.sd.value


def candidates(paper: Paper) -> Iterator[Candidate]:
    """Yield, for each group of a table, the bold best with those that it overlaps with."""
    for table in paper.tables:
        for contest in contests(table, paper.metrics):
            if contest.right:
                yield from _overlapping(contest)


def _overlapping(contest: Contest) -> Iterator[Candidate]:
    spreads = [
        Spread(row, mean, sd)
        for row in contest.rows
        if (mean := number(row.value)) and (sd := beside(row, "sd"))
    ]  # fmt: skip
    best = next((spread for spread in spreads if spread.row in contest.marked), None)
    if best is None:
        return
    others = [other for other in spreads if other.row not in contest.marked and best.overlaps(other)]
    if others:
        nearest = min(others, key=lambda other: abs(other.mean.value - best.mean.value))
        more = f", and so do {len(others) - 1} more" if len(others) > 1 else ""
        told = f"{_spelled(best)} is bold, but {_spelled(nearest)} overlaps with it{more}"
        yield Candidate("overlaps", told, (best.row, *(other.row for other in others)))


def _spelled(spread: Spread) -> str:
    return f"{spread.mean.text} ± {spread.sd.text}"

"""Bold numbers: those that are not the best of their group, best ones that are not bold, and narrow wins."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from stages.auditing.checks.table_cells import Candidate, Check, Paper, beside, levels, number
from stages.auditing.tables.numbers import Printed
from stages.auditing.tables.rows import Metric, Row


class Contest(NamedTuple):
    """A group of numbers of one metric, its best ones, and the ones printed bold."""

    rows: Sequence[Row]
    best: Sequence[Row]
    marked: Sequence[Row]

    @property
    def right(self) -> bool:
        """Whether at least one number is bold, and only best ones are."""
        return bool(self.marked) and all(row in self.best for row in self.marked)


# Bold may mark the best of a column, of its rows under one heading, of a row, or of its columns under one heading.
GROUPS: tuple[Callable[[Row], tuple[str, ...]], ...] = (
    lambda row: (row.metric, row.column),
    lambda row: (row.metric, row.column, *levels(row.row)[:-1]),
    lambda row: (row.metric, row.row),
    lambda row: (row.metric, row.row, *levels(row.column)[:-1]),
)


def contests(table: Sequence[Row], metrics: Mapping[str, Metric]) -> list[Contest]:
    """Return the groups whose best number a table prints bold; empty if bold does not mostly mark the best.

    Of the ways to group a table, the one is chosen with the most bold numbers that are the best of their group, minus
    the groups without a bold number or with a wrong one.
    """
    if not any(map(is_marked, table)):
        return []
    scored = [row for row in table if metrics[row.metric].better and number(row.value)]
    marked = {row.metric for row in scored if is_marked(row)}
    readings = [_contests([row for row in scored if row.metric in marked], metrics, group) for group in GROUPS]
    best = max(readings, key=_score)
    right = sum(contest.right for contest in best)
    return best if right > len(best) - right else []


def is_marked(row: Row) -> bool:
    """Return whether a number is printed bold."""
    return getattr(row, "bold", "") == "yes"


def _contests(
    rows: Sequence[Row], metrics: Mapping[str, Metric], group: Callable[[Row], tuple[str, ...]]
) -> list[Contest]:
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(group(row), []).append(row)
    found = []
    for members in (members for members in groups.values() if len(members) > 1):
        values = [_value(row) for row in members]
        top = min(values) if metrics[members[0].metric].better == "lower" else max(values)
        best = [row for row, value in zip(members, values, strict=True) if value == top]
        found.append(Contest(members, best, [row for row in members if is_marked(row)]))
    return found


def _value(row: Row) -> Fraction:
    value = number(row.value)
    assert value is not None
    return value.value


def _score(found: Sequence[Contest]) -> int:
    hits = sum(row in contest.best for contest in found for row in contest.marked)
    return hits - sum(not contest.right for contest in found)


def bold_candidates(paper: Paper) -> Iterator[Candidate]:
    """Yield the groups whose bold number is not the best of its group, or that have none while other groups do."""
    for table in paper.tables:
        for contest in contests(table, paper.metrics):
            wrong = [row for row in contest.marked if row not in contest.best]
            better = f"{contest.best[0].value} is the best ({paper.metrics[contest.best[0].metric].better} is better)"
            if wrong:
                message = f"{wrong[0].value} is bold, but {better}"
                yield Candidate("bold", message, (*wrong, *contest.best))
            elif not contest.marked:
                message = f"nothing is bold among {', '.join(row.value for row in contest.rows)}, of which {better}"
                yield Candidate("bold", message, tuple(contest.best))


class Spread(NamedTuple):
    """A number with the standard deviation beside it."""

    row: Row
    mean: Printed
    sd: Printed

    def overlaps(self, other: Spread) -> bool:
        """Return whether the ranges mean ± SD share more than an end point."""
        return abs(self.mean.value - other.mean.value) < self.sd.value + other.sd.value


def overlap_candidates(paper: Paper) -> Iterator[Candidate]:
    """Yield, for each group of a table, its bold best number with those that overlap with it."""
    for table in paper.tables:
        for contest in contests(table, paper.metrics):
            if contest.right:
                yield from _overlapping(contest)


def _overlapping(contest: Contest) -> Iterator[Candidate]:
    spreads = []
    for row in contest.rows:
        mean = number(row.value)
        sd = beside(row, "sd")
        if mean and sd:
            spreads.append(Spread(row, mean, sd))
    best = next((spread for spread in spreads if spread.row in contest.marked), None)
    if best is None:
        return
    others = [other for other in spreads if other.row not in contest.marked and best.overlaps(other)]
    if others:
        nearest = min(others, key=lambda other: abs(other.mean.value - best.mean.value))
        more = f", and so do {len(others) - 1} more" if len(others) > 1 else ""
        message = f"{_spelled(best)} is bold, but {_spelled(nearest)} overlaps with it{more}"
        yield Candidate("overlaps", message, (best.row, *(other.row for other in others)))


def _spelled(spread: Spread) -> str:
    return f"{spread.mean.text} ± {spread.sd.text}"


BOLD = Check(
    "bold",
    bold_candidates,
    title="The bold number is not the best",
    literature="None known; compares the marks of a table with its numbers",
    limits=(
        "The group that a bold number is the best of (column, row, or part of one) is guessed: the grouping under "
        "which most bold numbers are right. Wrong if bold marks something else, or the best of the authors' own "
        "results; marks of the second best are not handled."
    ),
)


OVERLAPS = Check(
    "overlaps",
    overlap_candidates,
    title="The best is within the spread of another number",
    literature="Cumming, Fidler and Vaux (2007), Error bars in experimental biology",
    limits=(
        "Overlapping SDs are not a test: with enough runs the difference may be certain, and without overlap it may be "
        "chance. Silent without a column sd."
    ),
)

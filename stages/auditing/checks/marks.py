"""What the bold numbers of a table are the best of: the reading under which the fewest marks are wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from stages.auditing.checks.table_cells import levels, number
from stages.auditing.tables.rows import Metric, Row


class Contest(NamedTuple):
    """Numbers of one metric of which the best is to be marked, those that are best, and those that are marked."""

    rows: Sequence[Row]
    best: Sequence[Row]
    marked: Sequence[Row]

    @property
    def right(self) -> bool:
        """Whether something is marked, and nothing but the best."""
        return bool(self.marked) and all(row in self.best for row in self.marked)


# What may compete: a column, its part under one heading of the rows, a row, its part under one heading of the columns.
GROUPS: tuple[Callable[[Row], tuple[str, ...]], ...] = (
    lambda row: (row.metric, row.column),
    lambda row: (row.metric, row.column, *levels(row.row)[:-1]),
    lambda row: (row.metric, row.row),
    lambda row: (row.metric, row.row, *levels(row.column)[:-1]),
)


def contests(table: Sequence[Row], metrics: Mapping[str, Metric]) -> list[Contest]:
    """Return what competes in a table, or nothing where its marks do not mostly stand at the best.

    Of the groups that may compete, those are taken under which the most marked numbers are the best of theirs, less
    the groups whose mark is missing or wrong.
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
        values = [value.value for row in members if (value := number(row.value))]
        top = min(values) if metrics[members[0].metric].better == "lower" else max(values)
        best = [row for row, value in zip(members, values, strict=True) if value == top]
        found.append(Contest(members, best, [row for row in members if is_marked(row)]))
    return found


def _score(found: Sequence[Contest]) -> int:
    hits = sum(row in contest.best for contest in found for row in contest.marked)
    return hits - sum(not contest.right for contest in found)

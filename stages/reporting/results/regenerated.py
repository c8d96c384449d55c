"""The published tables with the study as one more data set: same rows, same columns, measured numbers or reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, Literal, NamedTuple

from stages.auditing.tables.rows import Row
from stages.config.samplers import CLASSIFIER_FREE, GUIDED
from stages.plan.planning import CLASS, TEXT, PlannedRow, table_id
from stages.plan.readings import NEEDS

LEVELS = " | "
APART = {CLASS: "class-conditional", TEXT: "text-conditional", GUIDED: "guided", CLASSIFIER_FREE: "guided"}
Coverage = Literal["measured", "partly", "published only", "lost"]


class Number(NamedTuple):
    """One place of a table's block: a measured value with margin and n, the study's setting, or the reason for neither.

    ``row`` and ``column`` are the published labels with the study's data set in place of the paper's.
    """

    row: str
    column: str
    metric: str
    steps: str
    cell: str | None
    value: float | None
    margin: float | None
    n: int | None
    setting: str
    reason: str


class Table(NamedTuple):
    """A published table by its number, the study's block, and how much of it there is."""

    id: str
    rows: list[PlannedRow]
    block: list[Number]

    @property
    def counts(self) -> Counter[str]:
        """How many of its published numbers are measured, settings, absent or lost."""
        return Counter("lost" if not planned.row.value else planned.status for planned in self.rows)

    @property
    def coverage(self) -> Coverage:
        """How much of it has a number of the study beside it."""
        counts = self.counts
        if not counts["measured"] and not counts["setting"]:
            return "lost" if counts["lost"] == len(self.rows) else "published only"
        return "partly" if counts["absent"] else "measured"


def regenerate(
    rows: Sequence[PlannedRow], scores: Mapping[str, Mapping[str, Any]], settings: Mapping[tuple[str, ...], str],
    dataset: str,
) -> list[Table]:  # fmt: skip
    """Return every published table with the study's block.

    Args:
        rows: the planned rows of all tables.
        scores: what was measured, by cell, or by ``diagnosis_key``.
        settings: the study's own value of a published setting, by the row's key.
        dataset: the study's data set, as labels shall have it.
    """
    tables = []
    for _, group in groupby(rows, key=lambda planned: (planned.row.paper, planned.row.table)):
        table = list(group)
        tables.append(Table(table_id(table[0].row), table, _block(table, scores, settings, dataset)))
    return tables


def _block(
    table: Sequence[PlannedRow], scores: Mapping[str, Mapping[str, Any]], settings: Mapping[tuple[str, ...], str],
    dataset: str,
) -> list[Number]:  # fmt: skip
    ours = [dataset + _told(planned) for planned in table]
    relabelled = {
        axis: _relabelled([getattr(p.row, axis) for p in table], [p.row.dataset for p in table], ours)
        for axis in ("row", "column")
    }
    block: dict[tuple[str, str, str, str], Number] = {}
    for i, planned in enumerate(table):
        number = _number(planned, relabelled["row"][i], relabelled["column"][i], scores, settings)
        key = (number.row, number.column, number.metric, number.steps)
        # Rows of several data sets fall together; one of them that needs more than the others leaves their number.
        if key not in block or (block[key].reason and not number.reason):
            block[key] = number
    return list(block.values())


def _number(
    planned: PlannedRow, row: str, column: str, scores: Mapping[str, Mapping[str, Any]],
    settings: Mapping[tuple[str, ...], str],
) -> Number:  # fmt: skip
    published = planned.row
    number = Number(row, column, published.metric, published.steps, planned.cell, None, None, None, "", planned.reason)
    if planned.status == "setting":
        ours = settings.get(published.key, "")
        return number._replace(setting=ours, reason="" if ours else "the study has no such setting")
    source = diagnosis_key(planned.model, published.steps) if planned.model else planned.cell
    if source is None:
        return number
    score = scores[source]
    found = score[published.metric]
    n = found["n"] if "n" in found else score["n_fake"]
    return number._replace(value=found["value"], margin=found["margin"], n=n)


def diagnosis_key(model: str, steps: str | int) -> str:
    """Return what names, among scores by cell, what a model's diagnosis measured; no cell has such a name."""
    return f"{model} @ {steps}"


def _told(planned: PlannedRow) -> str:
    """Return what sets a measured number apart from those of plain models and samplers at the same place."""
    needs = {reading.value for reading in planned.readings if reading.setting == NEEDS}
    return "".join(f", {word}" for need, word in APART.items() if planned.cell and need in needs)


def _relabelled(labels: Sequence[str], datasets: Sequence[str], ours: Sequence[str]) -> list[str]:
    """Return labels with the study's data set in the level that tells the paper's ones apart, if there is one."""
    split = [label.split(LEVELS) for label in labels]
    depth = max(map(len, split))
    for level in range(depth):
        told: dict[str, set[str]] = {}
        for levels, name in zip(split, datasets, strict=True):
            if level < len(levels):
                told.setdefault(levels[level], set()).add(name)
        if len(told) > 1 and all(len(names) == 1 for names in told.values()) and len(set(datasets)) > 1:
            split = [
                [*ls[:level], own, *ls[level + 1 :]] if level < len(ls) else ls
                for ls, own in zip(split, ours, strict=True)
            ]
    return [LEVELS.join(levels) for levels in split]


def reasons(table: Table) -> list[tuple[str, int]]:
    """Return why numbers of a table are absent, with how many, in the order met."""
    return list(Counter(planned.reason for planned in table.rows if planned.status == "absent").items())


def row_cell(rows: Sequence[PlannedRow], paper: str, table: str, row: str, column: str) -> list[PlannedRow]:
    """Return the published numbers at one place of a table."""

    def there(found: Row) -> bool:
        return (found.paper, found.table, found.row, found.column) == (paper, table, row, column)

    return [planned for planned in rows if there(planned.row)]

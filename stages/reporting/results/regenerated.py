"""The published tables with the study as one more data set: same rows, same columns, measured numbers or reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Literal, NamedTuple

from stages.config.method_settings import CLASSIFIER_FREE, GUIDED
from stages.plan.planning import CLASS, TEXT, PlannedRow, table_id
from stages.plan.published_tables import NEEDS
from stages.reporting.results.measurements import Measurement, diagnosis_key

# Levels of row and column labels are separated by this.
LEVELS = " | "
# What is appended to the data set of numbers that need it.
QUALIFIERS = {
    CLASS: "class-conditional",
    TEXT: "text-conditional",
    GUIDED: "guided",
    CLASSIFIER_FREE: "guided",
}
Coverage = Literal["measured", "partly", "published only", "lost"]


class Number(NamedTuple):
    """One place of a table's block: a measured number, the study's own value of a setting, or the reason for neither.

    ``row`` and ``column`` are the published labels with the study's data set in place of the paper's. ``reading`` is
    the name of the further reading that the number is of, empty under the default ones.
    """

    row: str
    column: str
    metric: str
    steps: str
    cell: str | None
    value: float | None = None
    margin: float | None = None
    n: int | None = None
    setting: str = ""
    reason: str = ""
    reading: str = ""


class Table(NamedTuple):
    """A published table by its id, its planned rows, the study's block, and the numbers under further readings."""

    id: str
    rows: list[PlannedRow]
    block: list[Number]
    beside: list[Number]

    @property
    def counts(self) -> Counter[str]:
        """The numbers of published values that are measured, settings, absent or lost in the source."""
        return Counter(planned.status if planned.row.value else "lost" for planned in self.rows)

    @property
    def coverage(self) -> Coverage:
        """How much of the table has a number of the study beside it."""
        counts = self.counts
        if not counts["measured"] and not counts["setting"]:
            return "lost" if counts["lost"] == len(self.rows) else "published only"
        return "partly" if counts["absent"] else "measured"

    @property
    def has_block(self) -> bool:
        """Whether anything of the study stands beside the published numbers."""
        return any(number.value is not None or number.setting for number in self.block)

    @property
    def reasons(self) -> dict[str, int]:
        """Why numbers are absent, with how many, in the order of the table."""
        return dict(Counter(planned.reason for planned in self.rows if planned.status == "absent"))


def distinct_scores(tables: Sequence[Table]) -> int:
    """Return how many different scores stand beside published numbers: data sets and tables may share one."""
    found = set()
    for planned in (planned for table in tables for planned in table.rows if planned.status == "measured"):
        source = diagnosis_key(planned.model, planned.row.steps) if planned.model else planned.cell
        found.add((source, planned.row.metric))
    return len(found)


def row_with_reason(
    planned: PlannedRow, cells: Mapping[str, object], measured: Mapping[str, Mapping[str, Measurement]]
) -> PlannedRow:
    """Return a planned row as it is, or as absent if its cell is not in the plan or was not timed.

    A further reading whose cell is not there loses it.

    Args:
        planned: the row as the current params plan it.
        cells: the cells of cells.json.
        measured: the measured numbers by cell or ``diagnosis_key``, and by metric.
    """
    if planned.model:
        if diagnosis_key(planned.model, planned.row.steps) in measured:
            return planned
        reason = "not in cells.json; run python -m stages plan"
        return planned._replace(status="absent", model=None, reason=reason)
    if planned.cell is None:
        return planned
    beside = []
    for under in planned.beside:
        reason = _missing(under.cell, planned.row.metric, cells, measured) if under.cell else ""
        beside.append(under._replace(cell=None, reason=reason) if reason else under)
    planned = planned._replace(beside=tuple(beside))
    reason = _missing(str(planned.cell), planned.row.metric, cells, measured)
    return planned._replace(status="absent", cell=None, reason=reason) if reason else planned


def _missing(
    cell: str, metric: str, cells: Mapping[str, object], measured: Mapping[str, Mapping[str, Measurement]]
) -> str:
    """Return why a metric of a cell was not measured; empty if it was."""
    if cell not in cells:
        return "not in cells.json; run python -m stages plan"
    return "" if metric in measured[cell] else "not timed yet; run python -m stages times"


def regenerate(
    rows: Sequence[PlannedRow],
    measured: Mapping[str, Mapping[str, Measurement]],
    settings: Mapping[tuple[str, ...], str],
    dataset: str,
) -> list[Table]:
    """Return every published table with the study's block.

    Args:
        rows: the planned rows of all tables.
        measured: the measured numbers by cell or ``diagnosis_key``, and by metric.
        settings: the study's own value of a published setting, by the key of its row.
        dataset: the name of the study's data set in labels.
    """
    tables = []
    for _, group in groupby(rows, key=lambda planned: (planned.row.paper, planned.row.table)):
        table = list(group)
        block = _block(table, measured, settings, dataset)
        names = dict.fromkeys(under.reading.name for planned in table for under in planned.beside if under.cell)
        beside = [
            number._replace(reading=name)
            for name in names
            for number in _block([_under(planned, name) for planned in table], measured, settings, dataset)
            if number.value is not None
        ]
        tables.append(Table(table_id(table[0].row), table, block, beside))
    return tables


def _under(planned: PlannedRow, name: str) -> PlannedRow:
    """Return a planned row under the further reading of a name; absent if it has no cell there."""
    cell = next((under.cell for under in planned.beside if under.reading.name == name), None)
    return planned._replace(cell=cell, model=None, status="measured" if cell else "absent")


def _block(
    table: Sequence[PlannedRow],
    measured: Mapping[str, Mapping[str, Measurement]],
    settings: Mapping[tuple[str, ...], str],
    dataset: str,
) -> list[Number]:
    published_datasets = [planned.row.dataset for planned in table]
    own_datasets = [dataset + _qualifiers(planned) for planned in table]
    row_labels = _relabelled([planned.row.row for planned in table], published_datasets, own_datasets)
    column_labels = _relabelled([planned.row.column for planned in table], published_datasets, own_datasets)
    block: dict[tuple[str, str, str, str], Number] = {}
    for planned, row_label, column_label in zip(table, row_labels, column_labels, strict=True):
        number = _number(planned, row_label, column_label, measured, settings)
        key = (number.row, number.column, number.metric, number.steps)
        # Rows of several data sets fall on one place; if one of them is absent, the number of another is shown.
        if key not in block or (block[key].reason and not number.reason):
            block[key] = number
    return list(block.values())


def _number(
    planned: PlannedRow,
    row_label: str,
    column_label: str,
    measured: Mapping[str, Mapping[str, Measurement]],
    settings: Mapping[tuple[str, ...], str],
) -> Number:
    row = planned.row
    number = Number(row_label, column_label, row.metric, row.steps, planned.cell, reason=planned.reason)
    if planned.status == "setting":
        setting = settings.get(row.key, "")
        return number._replace(setting=setting, reason="" if setting else "the study has no such setting")
    source = diagnosis_key(planned.model, row.steps) if planned.model else planned.cell
    if source is None:
        return number
    found = measured[source][row.metric]
    return number._replace(value=found.value, margin=found.margin, n=found.n)


def _qualifiers(planned: PlannedRow) -> str:
    """Return what distinguishes a measured number from those of plain models and samplers at the same place."""
    if not planned.cell:
        return ""
    needs = {reading.value for reading in planned.readings if reading.setting == NEEDS}
    return "".join(f", {word}" for need, word in QUALIFIERS.items() if need in needs)


def _relabelled(labels: Sequence[str], datasets: Sequence[str], own_datasets: Sequence[str]) -> list[str]:
    """Return labels with the study's data set in the level that tells the paper's data sets apart, if there is one."""
    split = [label.split(LEVELS) for label in labels]
    for level in range(max(map(len, split))):
        datasets_of_text: dict[str, set[str]] = {}
        for levels, dataset in zip(split, datasets, strict=True):
            if level < len(levels):
                datasets_of_text.setdefault(levels[level], set()).add(dataset)
        one_dataset_each = all(len(found) == 1 for found in datasets_of_text.values())
        if len(datasets_of_text) > 1 and one_dataset_each and len(set(datasets)) > 1:
            for levels, own_dataset in zip(split, own_datasets, strict=True):
                if level < len(levels):
                    levels[level] = own_dataset
    return [LEVELS.join(levels) for levels in split]

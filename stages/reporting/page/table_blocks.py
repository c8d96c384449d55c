"""The study's block of a published table: the same rows and columns with measured numbers, settings or reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stages.auditing.output.table_layout import table_layout
from stages.auditing.tables.rows import Metric, Row
from stages.reporting.results.regenerated import Number, Table

BELOW_FLOOR = "lower than the FID of real images against other real ones, and no better for it: see above the tables"
EMPTY = Row(*[""] * len(Row._fields))


def block_layout(
    table: Table, metrics: Mapping[str, Metric], verdicts: Mapping[tuple[str, str], str], floor: float | None
) -> dict[str, Any] | None:
    """Return a table's block in the layout of the published one, or None if nothing of it was measured or set.

    Numbers have ``value``, ``margin`` and the ``verdict`` on the change that the paper prints for them. Absent numbers
    have the mark of their reason, which ``notes`` lists, and a FID below that of real images has one too.

    Args:
        table: the regenerated table.
        metrics: the metrics of published tables.
        verdicts: words by cell and metric.
        floor: the FID of real images against other real ones, None if it is not known.
    """
    if not table.has_block:
        return None
    published = table.rows[0].row
    rows = [
        EMPTY._replace(
            paper=published.paper, table=published.table, row=number.row, column=number.column, metric=number.metric
        )
        for number in table.block
    ]
    layout = table_layout(rows, metrics, {})
    block = [_noted(number, floor) for number in table.block]
    reasons = dict.fromkeys(number.reason for number in block if number.reason)
    marks = {reason: i for i, reason in enumerate(reasons, 1)}
    _fill(layout["body"], block, marks, verdicts)
    layout["notes"] = [{"text": reason, "about": "", "mark": mark} for reason, mark in marks.items()]
    return layout


def _noted(number: Number, floor: float | None) -> Number:
    """Return a number with a note in place of a reason if it needs one."""
    if number.metric == "fid" and number.value is not None and floor is not None and number.value < floor:
        return number._replace(reason=BELOW_FLOOR)
    return number


def _fill(
    body: Sequence[Mapping[str, Any]],
    block: Sequence[Number],
    marks: Mapping[str, int],
    verdicts: Mapping[tuple[str, str], str],
) -> None:
    """Write the numbers of a block into the cells of its layout."""
    places: dict[tuple[str, str], list[Number]] = {}
    for number in block:
        places.setdefault((number.row, number.column), []).append(number)
    row_labels = list(dict.fromkeys(number.row for number in block))
    column_labels = list(dict.fromkeys(number.column for number in block))
    for row_label, line in zip(row_labels, body, strict=True):
        for column_label, cell in zip(column_labels, line["cells"], strict=True):
            numbers = places.get((row_label, column_label), [])
            metrics = [number.metric for number in numbers]
            for shown, number in zip(cell, numbers, strict=True):
                shown |= _shown(number, marks, verdicts)
                # A place that stands for several data sets may hold several step counts.
                if metrics.count(number.metric) > 1:
                    shown["heading"] = f"{number.steps} steps"


def _shown(number: Number, marks: Mapping[str, int], verdicts: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    value = number.setting
    margin = ""
    verdict = ""
    if number.value is not None and number.margin is not None:
        # Two decimals, three below 1, for the margin as for the value.
        digits = 2 if abs(number.value) >= 1 else 3
        value = f"{number.value:.{digits}f}"
        margin = f"{number.margin:.{digits}f}"
        if number.cell:
            verdict = verdicts.get((number.cell, number.metric), "")
    return {
        "value": value,
        "margin": margin,
        "verdict": verdict,
        "words": False,
        "cell": number.cell or "",
        "marks": [marks[number.reason]] if number.reason else [],
    }

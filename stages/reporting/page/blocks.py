"""The study's block of a published table: the same rows and columns with measured numbers, settings or reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stages.auditing.output.table_layout import table_layout
from stages.auditing.tables.rows import Metric, Row
from stages.reporting.results.regenerated import Number, Table

EMPTY = Row(*[""] * len(Row._fields))


def block_layout(
    table: Table, metrics: Mapping[str, Metric], verdicts: Mapping[tuple[str, str], str]
) -> dict[str, Any] | None:
    """Return a table's block in the layout of the published one, or None where nothing of it was measured or set.

    Numbers have ``value``, ``margin`` and the ``verdict`` on the change that the paper prints for them; those that are
    absent have the mark of their reason, which ``notes`` lists.

    Args:
        table: the regenerated table.
        metrics: the metrics of published tables.
        verdicts: words by cell and metric.
    """
    if not any(number.value is not None or number.setting for number in table.block):
        return None
    rows = [
        EMPTY._replace(
            paper=table.rows[0].row.paper, table=table.rows[0].row.table, row=n.row, column=n.column, metric=n.metric
        )
        for n in table.block
    ]
    layout = table_layout(rows, metrics, {})
    marks = {reason: i for i, reason in enumerate(dict.fromkeys(n.reason for n in table.block if n.reason), 1)}
    _fill(layout["body"], table.block, marks, verdicts)
    layout["notes"] = [{"text": reason, "about": "", "mark": mark} for reason, mark in marks.items()]
    return layout


def _fill(
    body: Sequence[Mapping[str, Any]], block: Sequence[Number], marks: Mapping[str, int],
    verdicts: Mapping[tuple[str, str], str],
) -> None:  # fmt: skip
    """Write the block's numbers into the cells of its layout."""
    places: dict[tuple[str, str], list[Number]] = {}
    for number in block:
        places.setdefault((number.row, number.column), []).append(number)
    labels, columns = (list(dict.fromkeys(getattr(number, axis) for number in block)) for axis in ("row", "column"))
    for label, line in zip(labels, body, strict=True):
        for column, cell in zip(columns, line["cells"], strict=True):
            numbers = places.get((label, column), [])
            metrics = [number.metric for number in numbers]
            for shown, number in zip(cell, numbers, strict=True):
                shown |= _shown(number, marks, verdicts)
                # A place that stood for several data sets may hold several step counts.
                if metrics.count(number.metric) > 1:
                    shown["heading"] = f"{number.steps} steps"


def _shown(number: Number, marks: Mapping[str, int], verdicts: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    verdict = verdicts.get((number.cell, number.metric), "") if number.cell else ""
    value, margin = number.setting, ""
    if number.value is not None and number.margin is not None:
        # Two decimals, three below 1, for the margin as for the value.
        digits = 2 if abs(number.value) >= 1 else 3
        value, margin = f"{number.value:.{digits}f}", f"{number.margin:.{digits}f}"
    return {
        "value": value, "margin": margin, "verdict": verdict if margin else "", "words": False,
        "cell": number.cell or "",
        "marks": [marks[number.reason]] if number.reason else [],
    }  # fmt: skip

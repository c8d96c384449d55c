"""Published tables in the layout of their papers: header levels, row labels, and the numbers of each cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from stages.papers.tables import Metric, Row

LEVELS = " | "


def table_layout(
    rows: Sequence[Row], metrics: Mapping[str, Metric], flags: Mapping[tuple[str, ...], tuple[str, str]]
) -> dict[str, Any]:
    """Return one published table as its paper prints it, each number with the finding against it."""
    columns = list(dict.fromkeys(row.column for row in rows))
    labels = list(dict.fromkeys(row.row for row in rows))
    cells: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in rows:
        verdict, finding = flags.get(row.key, ("", ""))
        number = {
            "metric": row.metric, "heading": metrics[row.metric].heading or row.metric, "value": row.value,
            "improvement": row.improvement, "note": row.note, "verdict": verdict, "finding": finding,
        }  # fmt: skip
        cells.setdefault((row.row, row.column), []).append(number)
    return {
        "paper": rows[0].paper, "table": rows[0].table, "where": rows[0].where,
        "metrics": list(dict.fromkeys(_heading(metrics[row.metric]) for row in rows)),
        "head": _spans([column.split(LEVELS) for column in columns]),
        "labels": _depth(labels),
        "body": [
            {"labels": label, "cells": [cells.get((name, column), []) for column in columns]}
            for name, label in zip(labels, _leading(labels), strict=True)
        ],
    }  # fmt: skip


def _heading(metric: Metric) -> str:
    return (metric.heading or metric.metric) + {"lower": " ↓", "higher": " ↑", "": ""}[metric.better]


def _spans(columns: Sequence[Sequence[str]]) -> list[list[dict[str, Any]]]:
    """Return the header's levels, each a list of labels with the number of columns they span."""
    depth = max(map(len, columns))
    padded = [[""] * (depth - len(levels)) + list(levels) for levels in columns]
    head = []
    for level in range(depth):
        # Equal labels are one only under an equal parent.
        parts = groupby(padded, key=lambda levels: levels[: level + 1])
        head.append([{"text": levels[level], "span": len(list(group))} for levels, group in parts])
    return head


def _depth(labels: Sequence[str]) -> int:
    return max(len(label.split(LEVELS)) for label in labels)


def _leading(labels: Sequence[str]) -> list[list[str]]:
    """Return the levels of each row's label, empty where the row above has the same."""
    depth, previous, shown = _depth(labels), [""], []
    for label in labels:
        levels = label.split(LEVELS)
        levels = [""] * (depth - len(levels)) + levels
        shown.append([text if levels[: i + 1] != previous[: i + 1] else "" for i, text in enumerate(levels)])
        previous = levels
    return shown

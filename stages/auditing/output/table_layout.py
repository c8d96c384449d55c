"""Published tables in the layout of their papers: header levels, row labels, and the numbers of each cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from stages.auditing.tables.rows import Metric, Row

LEVELS = " | "


def anchor(paper: str, table: str) -> str:
    """Return the id of a published table on a page."""
    return f"{paper}-table-{table}"


def table_layout(
    rows: Sequence[Row], metrics: Mapping[str, Metric], flags: Mapping[tuple[str, ...], tuple[str, str]]
) -> dict[str, Any]:
    """Return one published table as its paper prints it, each number with the gravest finding against it.

    Each of the ``notes`` is listed once. ``marks``, counted from 1, link labels and numbers to notes; a note about all
    numbers has no mark, and neither has one about all numbers of a metric, which it names.
    """
    columns = list(dict.fromkeys(row.column for row in rows))
    labels = list(dict.fromkeys(row.row for row in rows))
    headings = {row.metric: metrics[row.metric].heading or row.metric for row in rows}
    notes, marks = _notes(rows, headings)
    cells: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        verdict, finding = flags.get(row.key, ("", ""))
        number = {
            "metric": row.metric,
            "heading": headings[row.metric],
            "value": row.value,
            "improvement": getattr(row, "improvement", ""),
            "note": row.note,
            "verdict": verdict,
            "finding": finding,
            "words": metrics[row.metric].type == "text",
            "marks": marks.get((row.row, row.column, row.metric), []),
        }
        cells.setdefault((row.row, row.column), []).append(number)
    head = _spans([column.split(LEVELS) for column in columns])
    for label, column in zip(head[-1], columns, strict=True):
        label["marks"] = marks.get(("", column, ""), [])
    return {
        "paper": rows[0].paper,
        "table": rows[0].table,
        "where": rows[0].where,
        "anchor": anchor(rows[0].paper, rows[0].table),
        "metrics": list(dict.fromkeys(_heading(metrics[row.metric]) for row in rows)),
        "head": head,
        "labels": _depth(labels),
        "notes": notes,
        "body": [
            {
                "labels": label,
                "group": " · ".join(name.split(LEVELS)[:-1]),
                "label": name.split(LEVELS)[-1],
                "marks": marks.get((name, "", ""), []),
                "cells": [cells.get((name, column), []) for column in columns],
            }
            for name, label in zip(labels, _leading(labels), strict=True)
        ],
    }


def _notes(rows: Sequence[Row], headings: Mapping[str, str]) -> tuple[list[dict[str, Any]], dict[tuple, list[int]]]:
    """Return a table's notes, and the marks of its numbers by (row, column, metric) and of whole rows and columns."""
    places = [(row.row, row.column, row.metric) for row in rows]
    notes: list[dict[str, Any]] = []
    marks: dict[tuple, list[int]] = {}
    for text in dict.fromkeys(row.note for row in rows if row.note):
        noted = {place for place, row in zip(places, rows, strict=True) if row.note == text}
        wholes = [metric for metric in headings if noted == {place for place in places if place[2] == metric}]
        if noted == set(places) or wholes:
            about = "" if noted == set(places) else headings[wholes[0]]
            notes.append({"text": text, "about": about, "mark": 0})
            continue
        mark = 1 + max((note["mark"] for note in notes), default=0)
        notes.append({"text": text, "about": "", "mark": mark})
        for place in _marked(noted, places):
            marks.setdefault(place, []).append(mark)
    return sorted(notes, key=lambda note: note["mark"]), marks


def _marked(noted: set[tuple[str, str, str]], places: Sequence[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """Return the places of a note's mark: whole rows or columns that it is about, or single numbers."""
    for axis in (0, 1):
        touched = dict.fromkeys(place[axis] for place in places if place in noted)
        if noted == {place for place in places if place[axis] in touched}:
            return [(name, "", "") if axis == 0 else ("", name, "") for name in touched]
    return [place for place in places if place in noted]


def _heading(metric: Metric) -> str:
    return (metric.heading or metric.metric) + {"lower": " ↓", "higher": " ↑", "": ""}[metric.better]


def _spans(columns: Sequence[Sequence[str]]) -> list[list[dict[str, Any]]]:
    """Return the header's levels, each a list of labels with the number of columns that they span."""
    depth = max(map(len, columns))
    padded = [[""] * (depth - len(levels)) + list(levels) for levels in columns]
    head = []
    for level in range(depth):
        # Equal labels are merged only under an equal parent.
        parts = groupby(padded, key=lambda levels: levels[: level + 1])
        spans = [(levels[level], len(list(group))) for levels, group in parts]
        head.append([{"text": text, "span": span, "marks": []} for text, span in spans])
    return head


def _depth(labels: Sequence[str]) -> int:
    return max(len(label.split(LEVELS)) for label in labels)


def _leading(labels: Sequence[str]) -> list[list[str]]:
    """Return the levels of each row's label, empty if the row above has the same."""
    depth = _depth(labels)
    previous = [""]
    shown = []
    for label in labels:
        levels = label.split(LEVELS)
        levels = [""] * (depth - len(levels)) + levels
        shown.append([text if levels[: i + 1] != previous[: i + 1] else "" for i, text in enumerate(levels)])
        previous = levels
    return shown

"""Headings: which labels of a table name the metric, and which coordinates the other labels give."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from stages.auditing.importer.interpret.labels import (
    WEAK,
    direction_of,
    find_metric,
    is_computed,
    name_of,
    plain_label,
    word_of,
    words_of,
)
from stages.auditing.importer.interpret.layout import Layout

STEPS = re.compile(
    r"(?:(?:NFE|T|steps?)\s*=?\s*)?(\d{1,3}(?:,\d{3})+|\d+)(?:[\s-]*(?:steps?|NFEs?|sampling steps))?", re.I
)


class Heading(NamedTuple):
    """The metric of a row's or a column's numbers, the label that names it, and the coordinates."""

    metric: str
    text: str
    coordinates: Mapping[str, str]


class Columns(NamedTuple):
    """The headings of the columns of numbers and of the rows, of which either have the metric.

    ``guesses`` are decisions for a person, each with its kind and text.
    """

    columns: Sequence[Heading]
    rows: Sequence[Heading]
    guesses: Sequence[tuple[str, str]]


def columns_of(layout: Layout, caption: str) -> Columns:
    """Return the headings of a table, whose metric a header level, a label column or the caption names."""
    depth = max(map(len, layout.columns), default=0)
    levels = [[path[i] if i < len(path) else "" for path in layout.columns] for i in range(depth)]
    level = _metric_group(levels)
    label_column = _metric_group([[line.labels[i] for line in layout.lines] for i in range(len(layout.names))])
    in_rows = None
    if level is None and label_column is not None and _mostly_metrics(layout, label_column):
        in_rows = label_column
    word = find_metric(caption)
    in_caption = word.metric if word and word.metric not in WEAK else ""
    if level is None and label_column is None and not in_caption:
        level = _level_of_arrows(levels)
    names = _label_names(layout.names, in_rows)
    rows = _row_headings(layout, names, in_rows)
    if in_rows is not None:
        columns = _column_headings(levels, None, "")
        return Columns(columns, rows, _guesses(names, columns, rows, layout))
    columns = _column_headings(levels, level, in_caption)
    guesses = _guesses(names, columns, rows, layout)
    if level is None:
        source = "the caption" if in_caption else "nothing; it is called value"
        guesses.insert(0, ("metric", f"the metric of its numbers is named by {source}"))
    return Columns(columns, rows, guesses)


def _metric_group(groups: Sequence[Sequence[str]]) -> int | None:
    """Return the index of the group of labels that names most metrics, or None if none does.

    A mean, a p or an n is a metric only beside another metric: alone it may be a mean over columns, or a setting.
    """
    best = None
    most = 0
    for i, labels in enumerate(groups):
        words = [word for word in map(find_metric, labels) if word]
        metrics = {word.metric for word in words}
        named = metrics - set(WEAK) or len(metrics) > 1 or (metrics and len(labels) == 1)
        if named and len(words) > most:
            best = i
            most = len(words)
    return best


def _level_of_arrows(levels: Sequence[Sequence[str]]) -> int | None:
    """Return the level of a header with arrows over most columns, since only metrics have a direction; or None."""
    arrows = [sum(bool(direction_of(label)) for label in labels) for labels in levels]
    most = max(arrows, default=0)
    return arrows.index(most) if levels and most * 2 > len(levels[0]) else None


def _mostly_metrics(layout: Layout, label_column: int) -> bool:
    labels = {line.labels[label_column] for line in layout.lines}
    return sum(find_metric(label) is not None for label in labels) * 2 >= len(labels)


def _label_names(headers: Sequence[str], metric: int | None) -> list[str]:
    """Return the coordinate of each label column: its header as a name, else ``method``; empty for the metric's."""
    names: list[str] = []
    for i, header in enumerate(headers):
        name = name_of(header) or ("method" if "method" not in names else "part")
        while name in names and i != metric:
            name += "_2"
        names.append("" if i == metric else name)
    return names


def _row_headings(layout: Layout, names: Sequence[str], metric: int | None) -> list[Heading]:
    words = [words_of(line.labels[i] for line in layout.lines) for i in range(len(names))]
    known = _metric_headings([line.labels[metric] for line in layout.lines], "") if metric is not None else {}
    found = []
    for line in layout.lines:
        given = {}
        for i, (name, label) in enumerate(zip(names, line.labels, strict=True)):
            steps = _steps(label) if name == "steps" else ""
            if name:
                given[name] = steps or words[i][label]
        if metric is None:
            found.append(Heading("", "", given))
        else:
            heading = known[line.labels[metric]]
            found.append(heading._replace(coordinates={**given, **heading.coordinates}))
    return found


def _column_headings(levels: Sequence[Sequence[str]], metric: int | None, caption: str) -> list[Heading]:
    """Return the headings of the columns; level ``metric`` names their metrics, ``caption`` is the caption's metric."""
    width = len(levels[0]) if levels else 0
    given: list[dict[str, str]] = [{} for _ in range(width)]
    for i, labels in enumerate(levels):
        alone = metric is None and not caption and len(levels) == 1
        if i != metric and (len(set(labels)) > 1 or alone):
            _set_coordinate(given, labels)
    if metric is None:
        return [Heading(caption, caption, coordinates) for coordinates in given]
    labels = [levels[metric][j] or next(filter(None, (level[j] for level in levels)), "") for j in range(width)]
    few = sum(find_metric(label) is not None for label in labels) * 2 < width
    known = _metric_headings(labels, caption if few else "")
    headings = [known[label] for label in labels]
    return [
        heading._replace(coordinates={**coordinates, **heading.coordinates})
        for heading, coordinates in zip(headings, given, strict=True)
    ]


def _set_coordinate(given: Sequence[dict[str, str]], labels: Sequence[str]) -> None:
    """Add one header level to the columns' coordinates: as steps if its labels are numbers of steps, else a setting."""
    words = words_of(labels)
    plain = [label for label in labels if label and not is_computed(label)]
    counted = bool(plain) and all(_steps(label) for label in plain)
    taken = {name for coordinates in given for name in coordinates}
    names = ("setting", "setting_2", "setting_3", "setting_4", "setting_5", "setting_6")
    name = next(name for name in names if name not in taken)
    for coordinates, label in zip(given, labels, strict=True):
        if counted and "steps" not in taken and _steps(label):
            coordinates["steps"] = _steps(label)
        elif words[label]:
            coordinates[name] = words[label]


def _steps(label: str) -> str:
    """Return the number of steps that a label states; empty if it is anything else."""
    match = STEPS.fullmatch(plain_label(label))
    return match[1].replace(",", "") if match else ""


def _metric_headings(labels: Iterable[str], caption: str) -> dict[str, Heading]:
    """Return the heading of each label; if several name a metric, the rest of the label is a coordinate."""
    found: dict[str, Heading] = {}
    rests: dict[str, str] = {}
    for label in dict.fromkeys(labels):
        word = find_metric(label)
        if word:
            found[label] = Heading(word.metric, label, {})
            rests[label] = word.rest
        elif caption:
            found[label] = Heading(caption, caption, {})
            rests[label] = label
        else:
            found[label] = Heading(word_of(label).replace("-", "_") or "value", label, {})
            rests[label] = ""
    metrics = [heading.metric for heading in found.values()]
    words = words_of(rests.values())
    for label, heading in found.items():
        if metrics.count(heading.metric) > 1 and rests[label]:
            found[label] = heading._replace(coordinates={"variant": words[rests[label]]})
    return found


def _guesses(
    names: Sequence[str], columns: Sequence[Heading], rows: Sequence[Heading], layout: Layout
) -> list[tuple[str, str]]:
    """Return a guess that lists where the coordinates of a table come from."""
    headers = [f"{name} (headed {header!r})" for name, header in zip(names, layout.names, strict=True) if name]
    by_column = sorted({name for heading in columns for name in heading.coordinates})
    by_row = sorted({name for heading in rows for name in heading.coordinates} - set(names))
    origins = {"the rows' labels": headers, "the header": by_column, "the rows' metrics": by_row}
    texts = [f"{', '.join(found)} from {origin}" for origin, found in origins.items() if found]
    return [("coordinate", f"coordinates: {'; '.join(texts)}")]

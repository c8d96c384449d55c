"""Which part of a table's labels names the metric, and which coordinates the others give."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from stages.auditing.importer.interpret.labels import (
    WEAK,
    direction_of,
    find_metric,
    is_average,
    is_derived,
    is_total,
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
    """What a label says of its numbers: their metric, the words that name it, and coordinates."""

    metric: str
    text: str
    coordinates: Mapping[str, str]


class Columns(NamedTuple):
    """Headings of the columns of numbers and of the rows; either has the metric, the other leaves it empty.

    ``guesses`` are what a person must look at: its kind and the words.
    """

    columns: Sequence[Heading]
    rows: Sequence[Heading]
    guesses: Sequence[tuple[str, str]]


def columns_of(layout: Layout, caption: str) -> Columns:
    """Return what the labels of a table say: a header level, a label column or the caption names the metric."""
    depth = max(map(len, layout.columns), default=0)
    levels = [[path[i] if i < len(path) else "" for path in layout.columns] for i in range(depth)]
    level = _metric_place(levels)
    named = _metric_place([[line.labels[i] for line in layout.lines] for i in range(len(layout.names))])
    in_rows = named if level is None and named is not None and _mostly(layout, named) else None
    word = find_metric(caption)
    told = word.metric if word and word.metric not in WEAK else ""
    if level is None and named is None and not told:
        level = _arrows_place(levels)
    names = _label_names(layout.names, in_rows)
    rows = _row_headings(layout, names, in_rows)
    if in_rows is not None:
        columns = _column_headings(levels, None, "")
        return Columns(columns, rows, _told(names, columns, rows, layout, ""))
    columns = _column_headings(levels, level, told)
    source = "" if level is not None else "the caption" if told else "nothing; it is called value"
    return Columns(columns, rows, _told(names, columns, rows, layout, source))


def _metric_place(groups: Sequence[Sequence[str]]) -> int | None:
    """Return which group of labels names most metrics, None where none does.

    A mean, a p or an n is a metric only beside another: alone it may be a mean over the others, or a setting.
    """
    found = []
    for i, labels in enumerate(groups):
        metrics = {word.metric for label in set(labels) if (word := find_metric(label))}
        if metrics - set(WEAK) or len(metrics) > 1 or (metrics and len(labels) == 1):
            found.append((-sum(find_metric(label) is not None for label in labels), i))
    return min(found)[1] if found else None


def _arrows_place(levels: Sequence[Sequence[str]]) -> int | None:
    """Return which level of a header has an arrow over most columns: what has a direction is a metric."""
    arrows = [sum(bool(direction_of(label)) for label in labels) for labels in levels]
    most = max(arrows, default=0)
    return arrows.index(most) if levels and most * 2 > len(levels[0]) else None


def _mostly(layout: Layout, place: int) -> bool:
    labels = {line.labels[place] for line in layout.lines}
    return sum(find_metric(label) is not None for label in labels) * 2 >= len(labels)


def _label_names(headers: Sequence[str], metric: int | None) -> list[str]:
    """Return a name for each label column: its header as a word, ``method`` where it has none."""
    names: list[str] = []
    for i, header in enumerate(headers):
        name = name_of(header) or ("method" if "method" not in names else "part")
        while name in names and i != metric:
            name += "_2"
        names.append("" if i == metric else name)
    return names


def _row_headings(layout: Layout, names: Sequence[str], metric: int | None) -> list[Heading]:
    words = [words_of(line.labels[i] for line in layout.lines) for i in range(len(names))]
    known = _split({line.labels[metric]: "" for line in layout.lines}, "") if metric is not None else {}
    found = []
    for line in layout.lines:
        given = {
            name: _steps(label) if name == "steps" and _steps(label) else words[i][label]
            for i, (name, label) in enumerate(zip(names, line.labels, strict=True))
            if name
        }
        if metric is None:
            found.append(Heading("", "", given))
        else:
            heading = known[line.labels[metric]]
            found.append(heading._replace(coordinates={**given, **heading.coordinates}))
    return found


def _column_headings(levels: Sequence[Sequence[str]], metric: int | None, caption: str) -> list[Heading]:
    """Return the headings of the columns; ``metric`` is the level that names it, ``caption`` what the caption names."""
    width = len(levels[0]) if levels else 0
    given: list[dict[str, str]] = [{} for _ in range(width)]
    for i, labels in enumerate(levels):
        if i != metric and (len(set(labels)) > 1 or (metric is None and not caption and len(levels) == 1)):
            _set_level(given, labels)
    if metric is None:
        return [Heading(caption, caption, coordinates) for coordinates in given]
    labels = [levels[metric][j] or next(filter(None, (level[j] for level in levels)), "") for j in range(width)]
    few = sum(find_metric(label) is not None for label in labels) * 2 < width
    known = _split(dict.fromkeys(labels, ""), caption if few else "")
    return [
        known[label]._replace(coordinates={**given[j], **known[label].coordinates}) for j, label in enumerate(labels)
    ]


def _set_level(given: Sequence[dict[str, str]], labels: Sequence[str]) -> None:
    """Set one level's words as a coordinate: steps where they count, else setting; one of steps holds no other word."""
    words = words_of(labels)
    plain = [label for label in labels if label and not (is_derived(label) or is_average(label) or is_total(label))]
    counted = bool(plain) and all(_steps(label) for label in plain)
    taken = {name for coordinates in given for name in coordinates}
    name = next(
        n for n in ("setting", "setting_2", "setting_3", "setting_4", "setting_5", "setting_6") if n not in taken
    )
    for coordinates, label in zip(given, labels, strict=True):
        if counted and "steps" not in taken and _steps(label):
            coordinates["steps"] = _steps(label)
        elif words[label]:
            coordinates[name] = words[label]


def _steps(label: str) -> str:
    match = STEPS.fullmatch(plain_label(label))
    return match[1].replace(",", "") if match else ""


def _split(labels: Mapping[str, str], caption: str) -> dict[str, Heading]:
    """Return the metric of each label; what else the label says is a coordinate where the metric is there twice."""
    found: dict[str, tuple[str, str, str]] = {}
    for label in labels:
        word = find_metric(label)
        if word:
            found[label] = word.metric, label, word.rest
        elif caption:
            found[label] = caption, caption, label
        else:
            found[label] = word_of(label).replace("-", "_") or "value", label, ""
    metrics = [metric for metric, _, _ in found.values()]
    words = words_of(rest for _, _, rest in found.values())
    return {
        label: Heading(metric, text, {"variant": words[rest]} if metrics.count(metric) > 1 and rest else {})
        for label, (metric, text, rest) in found.items()
    }


def _told(
    names: Sequence[str], columns: Sequence[Heading], rows: Sequence[Heading], layout: Layout, source: str
) -> list[tuple[str, str]]:
    """Return what was guessed of one table, in words."""
    guesses = [("metric", f"what its numbers measure is told by {source}")] if source else []
    headers = [f"{name} (headed {header!r})" for name, header in zip(names, layout.names, strict=True) if name]
    by_column = sorted({name for heading in columns for name in heading.coordinates})
    by_row = sorted({name for heading in rows for name in heading.coordinates} - set(names))
    told = [
        f"{', '.join(headers)} from the rows' labels" * bool(headers),
        f"{', '.join(by_column)} from the header" * bool(by_column),
    ]
    told.append(f"{', '.join(by_row)} from the rows' metrics" * bool(by_row))
    return [*guesses, ("coordinate", f"coordinates: {'; '.join(filter(None, told))}")]

"""The metrics of a folder: their types and directions, from the words and arrows of headers."""

from __future__ import annotations

from collections.abc import Sequence

from stages.auditing.importer.interpret.metric_words import METRICS, direction_of, is_average, is_derived, is_total
from stages.auditing.importer.interpret.names import plain_label
from stages.auditing.importer.interpret.number_rows import Number
from stages.auditing.importer.propose.decisions import Decision
from stages.auditing.tables.numbers import parse_number
from stages.auditing.tables.rows import Metric


def metrics_of(numbers: Sequence[Number]) -> tuple[dict[str, Metric], list[Decision]]:
    """Return the metrics of all numbers by name, and those that a person must give a type or a direction."""
    known = {metric: (kind, better, heading) for metric, kind, better, heading, _ in METRICS}
    found: dict[str, Metric] = {}
    decisions = []
    for name in dict.fromkeys(number.metric for number in numbers):
        mine = [number for number in numbers if number.metric == name]
        place = f"Table {mine[0].table}"
        kind, better, heading = known.get(name, ("number", "", plain_label(mine[0].heading) or name))
        arrows = {way for number in mine if (way := direction_of(number.heading))}
        if mine[0].text:
            kind, better = "text", ""
        elif kind == "count" and any(parse_number(number.value).value.denominator > 1 for number in mine):
            kind = "number"
        if len(arrows) > 1 or (better and arrows - {better}):
            told = f"metric {name}: its arrows contradict each other or the metric's usual direction"
            decisions.append(Decision("metric", place, told))
        better = arrows.pop() if len(arrows) == 1 else better
        if name not in known and kind != "text" and not _computed(heading):
            told = f"metric {name} (headed {heading!r}) is not known: type number, {better or 'no direction'}"
            decisions.append(Decision("metric", place, told))
        found[name] = Metric(name, kind, better, heading)
    return found, decisions


def _computed(heading: str) -> bool:
    return is_derived(heading) or is_average(heading) or is_total(heading)

"""Averages and totals that the other cells of their row or column do not give."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import lru_cache

from stages.auditing.checks.table_cells import Candidate, Check, Paper, decimal, interval, levels, number, places, whole
from stages.auditing.tables.numbers import ROUNDED, Interval, Printed, mean
from stages.auditing.tables.rows import Metric, Row

# Labels of statistics, which are listed beside a mean and are not averaged.
STATISTICS = {"median", "mode", "sd", "std", "stdev", "se", "sem", "var", "variance", "min", "max", "range", "iqr", "n"}
MEANS = ("average", "avg", "mean", "overall")
SUMS = ("total", "sum", "overall")


def candidates(paper: Paper) -> Iterator[Candidate]:
    """Yield the cells labelled as an average or a total that the other cells of their column or row do not give."""
    for table in paper.tables:
        for axis, other in (("row", "column"), ("column", "row")):
            for row in table:
                word = _word(getattr(row, axis))
                if word:
                    yield from _judged(row, word, _parts(row, table, axis, other), paper.metrics[row.metric])


@lru_cache(maxsize=2**16)
def _word(label: str) -> str:
    """Return the level of a label that says average or total; empty unless exactly one does."""
    words = [word for word in map(_plain, levels(label)) if word in MEANS + SUMS]
    return words[0] if len(words) == 1 else ""


def _plain(level: str) -> str:
    return "".join(character for character in level.casefold() if character.isalnum())


def _parts(row: Row, table: Sequence[Row], axis: str, other: str) -> list[Row]:
    """Return the averaged cells: their labels differ in the level that says average. Beside a median or SD, none."""
    label = levels(getattr(row, axis))
    at = next(i for i, level in enumerate(label) if _plain(level) in MEANS + SUMS)
    parts = []
    for part in table:
        if part.metric != row.metric or getattr(part, other) != getattr(row, other) or _word(getattr(part, axis)):
            continue
        found = levels(getattr(part, axis))
        if len(found) == len(label) and found[:at] + found[at + 1 :] == label[:at] + label[at + 1 :]:
            parts.append(part)
    others = {_plain(level) for part in parts for level in levels(getattr(part, axis))}
    return [] if others & STATISTICS else parts


def _judged(row: Row, word: str, parts: Sequence[Row], metric: Metric) -> Iterator[Candidate]:
    printed = number(row.value)
    numbers = [number(part.value) for part in parts]
    found = [value for value in numbers if value]
    if not printed or len(numbers) < 2 or len(found) < len(numbers):
        return
    intervals = [interval(value, metric) for value in found]
    # "Overall" may be either.
    results = []
    if word in MEANS:
        results.append(mean(intervals))
    if word in SUMS:
        results.append(_sum(intervals))
    weights = [whole(part, "n") for part in parts]
    if word in MEANS and all(weights):
        results.append(_weighted(intervals, [weight for weight in weights if weight]))
    # The mean of counts need not be a whole number, so it is rounded like other means.
    around = interval(printed, metric) if word not in MEANS else printed.within(ROUNDED)
    if not any(result.meets(around) for result in results):
        yield Candidate("averages", _message(row, word, printed, found), (row, *parts))


def _sum(intervals: Sequence[Interval]) -> Interval:
    low = sum((interval.low for interval in intervals), Fraction(0))
    high = sum((interval.high for interval in intervals), Fraction(0))
    return Interval(low, high)


def _weighted(intervals: Sequence[Interval], weights: Sequence[int]) -> Interval:
    exact = [Interval(Fraction(weight, sum(weights)), Fraction(weight, sum(weights))) for weight in weights]
    return _sum([weight * value for weight, value in zip(exact, intervals, strict=True)])


def _message(row: Row, word: str, printed: Printed, parts: Sequence[Printed]) -> str:
    total = sum((part.value for part in parts), Fraction(0))
    name = "mean" if word in MEANS else "sum"
    result = total / len(parts) if word in MEANS else total
    values = ", ".join(part.text for part in parts)
    return f"{word} {row.value} is printed, but the {name} of {values} is {decimal(result, places(printed) + 1)}"


CHECK = Check(
    "averages",
    candidates,
    title="The average or total does not follow from its cells",
    literature="Heathers (2025), An Introduction to Forensic Metascience",
    limits=(
        "Silent if a cell is lost, or if the other labels have a different number of levels. Wrong for weighted "
        "averages with other weights than a printed n, geometric means, and averages over cells that the table lacks."
    ),
)

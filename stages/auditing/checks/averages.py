"""Averages and totals that are not those of the cells beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import lru_cache

from stages.auditing.checks.table_cells import Candidate, Paper, decimal, interval, levels, number, places, whole
from stages.auditing.tables.numbers import ROUNDED, Interval, Printed, mean
from stages.auditing.tables.rows import Metric, Row

TITLE = "The average or total is not that of its cells"
LITERATURE = "Heathers (2025), An Introduction to Forensic Metascience"
LIMITS = (
    "Silent where a cell is lost, or the other labels have another number of levels. Wrong for averages with weights "
    "other than a printed n, geometric ones, and those over more cells than the table has."
)
# Columns of which the mean is one, none that it is a mean of.
STATISTICS = {"median", "mode", "sd", "std", "stdev", "se", "sem", "var", "variance", "min", "max", "range", "iqr", "n"}
MEANS, SUMS = ("average", "avg", "mean", "overall"), ("total", "sum", "overall")


def candidates(paper: Paper) -> Iterator[Candidate]:
    """Yield the cells labelled average or total that the other cells of their column or row do not give."""
    for table in paper.tables:
        for axis, other in (("row", "column"), ("column", "row")):
            for row in table:
                if word := _word(getattr(row, axis)):
                    yield from _judged(row, word, _parts(row, table, axis, other), paper.metrics[row.metric])


@lru_cache(maxsize=2**16)
def _word(label: str) -> str:
    """Return the one level of a label that says average or total, or nothing."""
    words = [word for word in map(_plain, levels(label)) if word in MEANS + SUMS]
    return words[0] if len(words) == 1 else ""


def _plain(level: str) -> str:
    return "".join(character for character in level.casefold() if character.isalnum())


def _parts(row: Row, table: Sequence[Row], axis: str, other: str) -> list[Row]:
    """Return the cells that an average is of: its label but for the level that says so; none beside a median or SD."""
    label = levels(getattr(row, axis))
    at = next(i for i, level in enumerate(label) if _plain(level) in MEANS + SUMS)
    parts = [
        part
        for part in table
        if part.metric == row.metric and getattr(part, other) == getattr(row, other)
        and len(found := levels(getattr(part, axis))) == len(label)
        and found[:at] + found[at + 1 :] == label[:at] + label[at + 1 :]
        and not _word(getattr(part, axis))
    ]  # fmt: skip
    others = {_plain(level) for part in parts for level in levels(getattr(part, axis))}
    return [] if others & STATISTICS else parts


def _judged(row: Row, word: str, parts: Sequence[Row], metric: Metric) -> Iterator[Candidate]:
    printed, numbers = number(row.value), [number(part.value) for part in parts]
    found = [value for value in numbers if value]
    if not printed or len(numbers) < 2 or len(found) < len(numbers):
        return
    intervals = [interval(value, metric) for value in found]
    readings: list[Callable[[Sequence[Interval]], Interval]] = [mean] * (word in MEANS) + [_sum] * (word in SUMS)
    results = [reading(intervals) for reading in readings]
    weights = [whole(part, "n") for part in parts]
    if word in MEANS and all(weights):
        results.append(_weighted(intervals, [weight for weight in weights if weight]))
    # A mean of counts need not be whole, so that it is rounded as others are.
    around = interval(printed, metric) if word not in MEANS else printed.within(ROUNDED)
    if not any(result.meets(around) for result in results):
        yield Candidate("averages", _told(row, word, printed, found), (row, *parts))


def _sum(intervals: Sequence[Interval]) -> Interval:
    return Interval(sum((i.low for i in intervals), Fraction(0)), sum((i.high for i in intervals), Fraction(0)))


def _weighted(intervals: Sequence[Interval], weights: Sequence[int]) -> Interval:
    exact = [Interval(Fraction(weight, sum(weights)), Fraction(weight, sum(weights))) for weight in weights]
    return _sum([weight * value for weight, value in zip(exact, intervals, strict=True)])


def _told(row: Row, word: str, printed: Printed, parts: Sequence[Printed]) -> str:
    total = sum((part.value for part in parts), Fraction(0))
    name, result = ("mean", total / len(parts)) if word in MEANS else ("sum", total)
    values = ", ".join(part.text for part in parts)
    return f"{word} {row.value} is printed, but the {name} of {values} is {decimal(result, places(printed) + 1)}"

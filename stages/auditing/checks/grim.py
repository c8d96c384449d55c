"""Means and shares that no n whole numbers give: GRIM, the granularity-related inconsistency of means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from math import ceil, floor

from stages.auditing.checks.table_cells import Candidate, Paper, decimal, number, places, whole
from stages.auditing.tables.numbers import ROUNDED, Printed
from stages.auditing.tables.rows import Metric, Row

TITLE = "The mean is no mean of n whole numbers"
LITERATURE = (
    "Brown and Heathers (2017), The GRIM Test: A Simple Technique Detects Numerous Anomalies in the Reporting of "
    "Results in Psychology"
)
LIMITS = (
    "Silent where n has as many values as the printed digits can tell apart (two decimals: n from 100). Wrong where n "
    "is not the number of whole numbers averaged: several items a person, left-out cases, weights; and where all "
    "percentages of a metric are below 1 and have no % sign, so that they look like fractions."
)


def candidates(paper: Paper) -> Iterator[Candidate]:
    """Yield the scores and shares that no sum of n whole numbers gives, however ties were rounded."""
    for table in paper.tables:
        for row, mean, n in granular(table, paper.metrics):
            if not sums(mean, n):
                yield Candidate("grim", _told(row, mean, n, paper.metrics[row.metric].type), (row,))


def granular(table: Sequence[Row], metrics: Mapping[str, Metric]) -> Iterator[tuple[Row, Printed, int]]:
    """Yield the rows that print a mean of n whole numbers, with the mean, a share as a fraction, and n."""
    told = [row for row in table if metrics[row.metric].type in ("score", "share")]
    percent = {row.metric for row in told if row.value.endswith("%") or ((v := number(row.value)) and v.value > 1)}
    for row in told:
        value, n, kind = number(row.value), whole(row, "n"), metrics[row.metric].type
        if value and n:
            scale = 100 if kind == "share" and row.metric in percent else 1
            yield row, Printed(value.value / scale, value.unit / scale, value.text), n


def sums(mean: Printed, n: int) -> range:
    """Return the sums of n whole numbers whose mean is printed so."""
    around = mean.within(ROUNDED)
    return range(ceil(n * around.low), floor(n * around.high) + 1)


def _told(row: Row, mean: Printed, n: int, kind: str) -> str:
    value = number(row.value)
    assert value is not None
    scale, below = value.value / mean.value, floor(n * mean.value)
    hundred = "100 × " if scale != 1 else ""
    near = (
        f"{hundred}{decimal(Fraction(total), 0)} / {n} = {decimal(scale * total / n, places(value) + 1)}"
        for total in (below, below + 1)
    )
    what = f"share of {n}" if kind == "share" else f"mean of {n} whole numbers"
    return f"{row.value} is no {what}: {' and '.join(near)}"

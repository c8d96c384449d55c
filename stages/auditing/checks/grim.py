"""GRIM and GRIMMER: means, shares and standard deviations that n whole numbers cannot have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from math import ceil, floor

from stages.auditing.checks.table_cells import Candidate, Check, Paper, beside, decimal, number, places, whole
from stages.auditing.tables.numbers import ROUNDED, Interval, Printed
from stages.auditing.tables.rows import Metric, Row


def grim_candidates(paper: Paper) -> Iterator[Candidate]:
    """Yield the scores and shares that are not the mean of n whole numbers, however ties were rounded."""
    for table in paper.tables:
        for row, mean, n in granular(table, paper.metrics):
            if not sums(mean, n):
                yield Candidate("grim", _grim_message(row, mean, n, paper.metrics[row.metric].type), (row,))


def granular(table: Sequence[Row], metrics: Mapping[str, Metric]) -> Iterator[tuple[Row, Printed, int]]:
    """Yield the rows that print a mean of n whole numbers, each with the mean (of a share, the fraction) and n."""
    means = [row for row in table if metrics[row.metric].type in ("score", "share")]
    percent = {row.metric for row in means if _is_percentage(row)}
    for row in means:
        value = number(row.value)
        n = whole(row, "n")
        kind = metrics[row.metric].type
        if value and n:
            scale = 100 if kind == "share" and row.metric in percent else 1
            yield row, Printed(value.value / scale, value.unit / scale, value.text), n


def _is_percentage(row: Row) -> bool:
    value = number(row.value)
    return row.value.endswith("%") or (value is not None and value.value > 1)


def sums(mean: Printed, n: int) -> range:
    """Return the possible sums of n whole numbers whose mean rounds to the printed one."""
    around = mean.within(ROUNDED)
    return range(ceil(n * around.low), floor(n * around.high) + 1)


def _grim_message(row: Row, mean: Printed, n: int, kind: str) -> str:
    value = number(row.value)
    assert value is not None
    scale = value.value / mean.value
    below = floor(n * mean.value)
    hundred = "100 × " if scale != 1 else ""
    near = (
        f"{hundred}{decimal(Fraction(total), 0)} / {n} = {decimal(scale * total / n, places(value) + 1)}"
        for total in (below, below + 1)
    )
    what = f"share of {n}" if kind == "share" else f"mean of {n} whole numbers"
    return f"{row.value} is no {what}: {' and '.join(near)}"


# A mean that leaves more possible sums than this is not checked: its decimals say nothing about n.
MOST = 10_000


def grimmer_candidates(paper: Paper) -> Iterator[Candidate]:
    """Yield the scores whose SD fits no whole sum of squares, whether divided by n − 1 or by n."""
    for table in paper.tables:
        for row, mean, n in granular(table, paper.metrics):
            sd = beside(row, "sd")
            totals = sums(mean, n)
            scored = paper.metrics[row.metric].type == "score"
            if scored and sd and n > 1 and 0 < len(totals) <= MOST and not possible(totals, n, sd):
                yield Candidate("grimmer", _grimmer_message(row, totals, n, sd), (row,))


def possible(totals: range, n: int, sd: Printed) -> bool:
    """Return whether n whole numbers with one of these sums can have an SD that rounds to the printed one."""
    for total in totals:
        for divisor in (n - 1, n):
            squares = sum_of_squares(total, n, divisor, sd)
            # A whole number is even if and only if its square is: both sums are even, or both are odd.
            first = ceil(squares.low)
            if first + (first - total) % 2 <= floor(squares.high):
                return True
    return False


def sum_of_squares(total: int, n: int, divisor: int, sd: Printed) -> Interval:
    """Return the range of the sum of squares of n numbers with this sum and SD: divisor × SD² + total² / n."""
    around = sd.within(ROUNDED)
    low = max(Fraction(0), around.low)
    high = around.high
    return Interval(divisor * low**2 + Fraction(total**2, n), divisor * high**2 + Fraction(total**2, n))


def _grimmer_message(row: Row, totals: range, n: int, sd: Printed) -> str:
    total = totals[len(totals) // 2]
    ranges = [sum_of_squares(total, n, divisor, sd) for divisor in (n - 1, n)]
    sample, population = (f"from {decimal(r.low, 2)} to {decimal(r.high, 2)}" for r in ranges)
    others = f", nor for the other {len(totals) - 1} possible sums" if len(totals) > 1 else ""
    return (
        f"{n} whole numbers with mean {row.value} have the sum {total}, so that an SD of {sd.text} needs a sum of "
        f"squares {sample} (with n − 1) or {population} (with n), and there is no {('even', 'odd')[total % 2]} whole "
        f"number in these{others}"
    )


GRIM = Check(
    "grim",
    grim_candidates,
    title="The mean is not a mean of n whole numbers",
    literature=(
        "Brown and Heathers (2017), The GRIM Test: A Simple Technique Detects Numerous Anomalies in the Reporting of "
        "Results in Psychology"
    ),
    limits=(
        "Silent if the printed digits cannot tell the possible means apart (two decimals: n from 100). Wrong if n is "
        "not the number of averaged whole numbers (several items per person, excluded cases, weights), and if all "
        "percentages of a metric are below 1 and lack a % sign, so that they look like fractions."
    ),
)


GRIMMER = Check(
    "grimmer",
    grimmer_candidates,
    title="No n whole numbers with this mean have this SD",
    literature=(
        "Anaya (2016), The GRIMMER test: A method for testing the validity of reported measures of variability; Allard "
        "(2018), Analytic-GRIMMER: a new way of testing the possibility of standard deviations"
    ),
    limits=(
        "Silent if the mean already fails GRIM, and if n times the square of the SD's last digit leaves room for any "
        "sum of squares. Wrong if n is not the number of averaged whole numbers, and if the column holds standard "
        "errors or anything else than SDs."
    ),
)

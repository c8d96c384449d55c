"""Standard deviations that no n whole numbers of the printed mean have: GRIMMER."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import ceil, floor

from stages.auditing.checks.grim import granular, sums
from stages.auditing.checks.table_cells import Candidate, Paper, beside, decimal
from stages.auditing.tables.numbers import ROUNDED, Interval, Printed
from stages.auditing.tables.rows import Row

TITLE = "The SD is that of no n whole numbers with this mean"
LITERATURE = (
    "Anaya (2016), The GRIMMER test: A method for testing the validity of reported measures of variability; Allard "
    "(2018), Analytic-GRIMMER: a new way of testing the possibility of standard deviations"
)
LIMITS = (
    "Silent where the mean fails GRIM already, and where n times the square of the SD's last digit leaves room for any "
    "sum of squares. Wrong where n is not the number of whole numbers averaged, and where the SD is a standard error "
    "or of something else."
)
# More possible sums than this are not tried; the decimals of such a mean say nothing of its n.
MOST = 10_000


def candidates(paper: Paper) -> Iterator[Candidate]:
    """Yield the scores whose SD fits no whole sum of squares, be it with n − 1 or with n below it."""
    for table in paper.tables:
        for row, mean, n in granular(table, paper.metrics):
            sd, totals = beside(row, "sd"), sums(mean, n)
            scored = paper.metrics[row.metric].type == "score"
            if scored and sd and n > 1 and 0 < len(totals) <= MOST and not possible(totals, n, sd):
                yield Candidate("grimmer", _told(row, totals, n, sd), (row,))


def possible(totals: range, n: int, sd: Printed) -> bool:
    """Return whether n whole numbers of one of these sums have an SD that is printed so."""
    for total in totals:
        for divisor in (n - 1, n):
            squares = sum_of_squares(total, n, divisor, sd)
            # A whole number is even where its square is, so that both sums are even or both odd.
            first = ceil(squares.low)
            if first + (first - total) % 2 <= floor(squares.high):
                return True
    return False


def sum_of_squares(total: int, n: int, divisor: int, sd: Printed) -> Interval:
    """Return the range of the sum of squares of n numbers of this sum and SD: divisor × SD² + total² / n."""
    around = sd.within(ROUNDED)
    low, high = max(Fraction(0), around.low), around.high
    return Interval(divisor * low**2 + Fraction(total**2, n), divisor * high**2 + Fraction(total**2, n))


def _told(row: Row, totals: range, n: int, sd: Printed) -> str:
    total = totals[len(totals) // 2]
    ranges = [sum_of_squares(total, n, divisor, sd) for divisor in (n - 1, n)]
    sample, population = (f"from {decimal(r.low, 2)} to {decimal(r.high, 2)}" for r in ranges)
    others = f", nor for the other {len(totals) - 1} possible sums" if len(totals) > 1 else ""
    return (
        f"{n} whole numbers with mean {row.value} have the sum {total}, so that an SD of {sd.text} needs a sum of "
        f"squares {sample} (with n − 1) or {population} (with n), and there is no {('even', 'odd')[total % 2]} whole "
        f"number in these{others}"
    )

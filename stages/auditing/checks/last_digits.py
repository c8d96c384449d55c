"""Last digits that are not uniformly distributed, and numbers with fewer decimals than the rest of their column."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from stages.auditing.checks.table_cells import Candidate, Check, Paper, coordinates, number, places
from stages.auditing.tables.numbers import Printed
from stages.auditing.tables.rows import Row

LEAST_NUMBERS = 50
LEAST_DIGITS = 3
# Chi-square with 9 degrees of freedom (ten digits) exceeds this with probability 0.001.
CRITICAL = 27.877
# At least this many other numbers must show how many decimals a column has.
LEAST_OTHERS = 3

NO_DIGIT = re.compile(r"[^0-9]")


def candidates(paper: Paper) -> Iterator[Candidate]:
    """Yield the tables whose last digits are uneven, and the numbers with fewer decimals than their column."""
    for table in paper.tables:
        measured = [row for row in table if paper.metrics[row.metric].better and _counted(row, paper)]
        yield from _uneven(measured)
        columns: dict[tuple[str, str], list[Row]] = {}
        for row in measured:
            columns.setdefault((row.column, row.metric), []).append(row)
        for rows in columns.values():
            yield from _shorter(rows)


def _counted(row: Row, paper: Paper) -> bool:
    # The last digits of means and shares depend on n.
    return paper.metrics[row.metric].type in ("number", "count") and number(row.value) is not None


def _uneven(rows: Sequence[Row]) -> Iterator[Candidate]:
    once = {(*coordinates(row), row.metric, row.value) if any(coordinates(row)) else row.key: row for row in rows}
    used = [row for row in once.values() if len(_digits(row.value)) >= LEAST_DIGITS]
    if len(used) < LEAST_NUMBERS:
        return
    counts = Counter(_digits(row.value)[-1] for row in used)
    expected = len(used) / 10
    statistic = sum((counts[digit] - expected) ** 2 / expected for digit in "0123456789")
    if statistic > CRITICAL:
        spelled = ", ".join(f"{counts[digit]} end in {digit}" for digit in "0123456789")
        message = f"of {len(used)} numbers {spelled}: chi-square {statistic:.1f}, above {CRITICAL} (p < .001)"
        yield Candidate("digits", message, tuple(used))


def _digits(text: str) -> str:
    """Return the significant digits of a printed number, trailing zeros included."""
    return NO_DIGIT.sub("", text.partition("e")[0]).lstrip("0")


def _shorter(rows: Sequence[Row]) -> Iterator[Candidate]:
    """Yield the numbers with fewer decimals and digits than all others of a column in which no number ends in 0."""
    parsed = [(row, number(row.value)) for row in rows]
    numbers = [(row, value) for row, value in parsed if value]
    most = max((places(value) for _, value in numbers), default=0)
    full = [value for _, value in numbers if places(value) == most]
    short = [(row, value) for row, value in numbers if places(value) < most]
    if not short or len(full) < max(LEAST_OTHERS, len(short)) or any(_ends_in_zero(value) for _, value in numbers):
        return
    # With three significant digits, 12.3 has one decimal fewer than 4.56.
    fewest = min(len(_digits(value.text)) for value in full)
    lacking = [row for row, value in short if len(_digits(value.text)) < fewest]
    if lacking and len(lacking) == len(short):
        values = ", ".join(row.value for row in lacking)
        message = (
            f"{values} among {len(full)} numbers with {most} decimals, none of which ends in 0: zeros are dropped, or "
            "digits are missing"
        )
        yield Candidate("digits", message, tuple(lacking))


def _ends_in_zero(value: Printed) -> bool:
    return places(value) > 0 and value.text.endswith("0")


CHECK = Check(
    "digits",
    candidates,
    title="The last digits are not as rounding leaves them",
    literature=(
        "Mosimann, Wiseman and Edelman (1995), Data fabrication: Can people generate random digits?; Mosimann, "
        "Dahlberg, Davidian and Krueger (2002), Terminal digits and the examination of questioned data"
    ),
    limits=(
        "Uniform last digits are expected of measured numbers that spread over much more than ten last digits; one in "
        "a thousand honest tables of 50 or more such numbers is reported all the same. Numbers may have fewer "
        "decimals because zeros were dropped."
    ),
)

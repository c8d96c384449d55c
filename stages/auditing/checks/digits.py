"""Last digits that are not evenly spread, and numbers with fewer decimals than the rest of their column."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from stages.auditing.checks.table_cells import Candidate, Paper, coordinates, number, places
from stages.auditing.tables.numbers import Printed
from stages.auditing.tables.rows import Row

TITLE = "The last digits are not as rounding leaves them"
LITERATURE = (
    "Mosimann, Wiseman and Edelman (1995), Data fabrication: Can people generate random digits?; Mosimann, Dahlberg, "
    "Davidian and Krueger (2002), Terminal digits and the examination of questioned data"
)
LIMITS = (
    "Even last digits are expected of measured numbers that spread over much more than ten last digits; a table of 50 "
    "or more of them speaks without cause once in a thousand. Fewer decimals may come from dropped zeros."
)
LEAST_NUMBERS, LEAST_DIGITS = 50, 3
# Chi-square of ten digits, that is with 9 degrees of freedom, which one in a thousand exceeds.
CRITICAL = 27.877
# So many others must show the decimals of a column.
LEAST_OTHERS = 3

NO_DIGIT = re.compile(r"[^0-9]")


def candidates(paper: Paper) -> Iterator[Candidate]:
    """Yield the tables whose last digits are uneven, and the numbers that lack decimals of their column."""
    for table in paper.tables:
        measured = [row for row in table if paper.metrics[row.metric].better and _counted(row, paper)]
        yield from _uneven(measured)
        columns: dict[tuple[str, str], list[Row]] = {}
        for row in measured:
            columns.setdefault((row.column, row.metric), []).append(row)
        for rows in columns.values():
            yield from _shorter(rows)


def _counted(row: Row, paper: Paper) -> bool:
    # A mean or share of n has the last digits that n gives it.
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
        told = f"of {len(used)} numbers {spelled}: chi-square {statistic:.1f}, above {CRITICAL} (p < .001)"
        yield Candidate("digits", told, tuple(used))


def _digits(text: str) -> str:
    """Return the significant digits of a printed number, with the zeros that end it."""
    return NO_DIGIT.sub("", text.partition("e")[0]).lstrip("0")


def _shorter(rows: Sequence[Row]) -> Iterator[Candidate]:
    """Yield the numbers with fewer decimals and fewer digits than all others, where no zero ends any of a column."""
    numbers = [(row, value) for row in rows if (value := number(row.value))]
    most = max((places(value) for _, value in numbers), default=0)
    full = [value for _, value in numbers if places(value) == most]
    short = [(row, value) for row, value in numbers if places(value) < most]
    if not short or len(full) < max(LEAST_OTHERS, len(short)) or any(_ends_in_zero(value) for _, value in numbers):
        return
    # Three significant digits give 12.3 one decimal less than 4.56.
    fewest = min(len(_digits(value.text)) for value in full)
    lacking = [row for row, value in short if len(_digits(value.text)) < fewest]
    if lacking and len(lacking) == len(short):
        values = ", ".join(row.value for row in lacking)
        told = (
            f"{values} among {len(full)} numbers with {most} decimals, none of which ends in 0: zeros are dropped, or "
            "digits are missing"
        )
        yield Candidate("digits", told, tuple(lacking))


def _ends_in_zero(value: Printed) -> bool:
    return places(value) > 0 and value.text.endswith("0")

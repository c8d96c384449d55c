"""What the checks share: their records, and the numbers, labels and coordinates of a table's cells."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache, cached_property, lru_cache
from operator import attrgetter
from typing import Any, NamedTuple

from stages.auditing.claims.claims import Claim
from stages.auditing.tables.numbers import PRINTED, ROUNDED, Interval, Printed, parse_number
from stages.auditing.tables.rows import Metric, Row


class Candidate(NamedTuple):
    """Something to look up in the paper, not a verdict.

    ``check`` is the name of the check that found it, ``message`` one sentence with the computation, ``rows`` the
    numbers involved. A candidate without rows is about the statement of a claim; its message names the claim's place.
    """

    check: str
    message: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Paper:
    """The input of a check: the rows of one file, the metrics by name, and the claims about the paper."""

    rows: Sequence[Row]
    metrics: Mapping[str, Metric]
    claims: Sequence[Claim]

    @cached_property
    def tables(self) -> list[list[Row]]:
        """The rows of each table; a table of several parts counts as several tables."""
        return list(grouped(self.rows, ("paper", "table", "where")).values())


class Check(NamedTuple):
    """A check that needs no claim: ``find`` yields its candidates in one paper; the texts describe it to readers."""

    name: str
    find: Callable[[Paper], Iterator[Candidate]]
    title: str
    literature: str
    limits: str


def grouped(rows: Iterable[Row], names: Sequence[str]) -> dict[Any, list[Row]]:
    """Return the rows by their values in the columns ``names``."""
    groups: dict[Any, list[Row]] = defaultdict(list)
    key = attrgetter(*names) if names else lambda _: ()
    for row in rows:
        groups[key(row)].append(row)
    return dict(groups)


def coordinate_names(row: Row) -> tuple[str, ...]:
    """Return the names of the coordinates, without the metric."""
    return _coordinate_names(row._fields)


@cache
def _coordinate_names(fields: tuple[str, ...]) -> tuple[str, ...]:
    return fields[fields.index("column") + 1 : fields.index("metric")]


def beside_names(row: Row) -> tuple[str, ...]:
    """Return the names of the columns of numbers printed beside a value."""
    fields = row._fields
    return fields[fields.index("value") + 1 : fields.index("where")]


def coordinates(row: Row) -> tuple[str, ...]:
    """Return the coordinates of a number, without the metric."""
    fields = row._fields
    return tuple(row[fields.index("column") + 1 : fields.index("metric")])


def levels(label: str) -> list[str]:
    """Return the levels of a row's or a column's label."""
    return label.split(" | ")


@lru_cache(maxsize=2**16)
def number(text: str) -> Printed | None:
    """Return the printed number without a percent sign, or None if the text is not a number."""
    try:
        return parse_number(text.removesuffix("%").rstrip()) if text else None
    except ValueError:
        return None


def beside(row: Row, name: str) -> Printed | None:
    """Return the number in a column beside the value, or None if there is no such column or no number in it."""
    return number(getattr(row, name, ""))


def whole(row: Row, name: str) -> int | None:
    """Return the positive whole number in a column beside the value, or None."""
    found = beside(row, name)
    if found is None or found.value <= 0 or found.value.denominator > 1 or found.unit > 1:
        return None
    return int(found.value)


def interval(value: Printed, metric: Metric) -> Interval:
    """Return the range of numbers that round to the printed one; a count without K or M is exact."""
    exact = metric.type == "count" and value.unit <= 1
    return value.within(PRINTED if exact else ROUNDED)


def places(value: Printed) -> int:
    """Return the number of printed decimals."""
    return len(str(value.unit.denominator)) - 1


def significant(text: str) -> str:
    """Return the significant digits of a printed number, without leading and trailing zeros."""
    mantissa = text.partition("e")[0]
    return "".join(character for character in mantissa if character.isdigit()).strip("0")


def decimal(value: Fraction, digits: int) -> str:
    """Return a number rounded to that many decimals, with a typographic minus sign."""
    return f"{Decimal(round(value * 10**digits)).scaleb(-digits):f}".replace("-", "−")

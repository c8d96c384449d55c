"""Cells of tables as the checks see them: candidates, tables, coordinates, numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
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
    """Something to look at, no verdict: the check that found it, one sentence with the sum, and the rows it rests on.

    Without rows it rests on the statement of a claim, whose place the sentence names.
    """

    check: str
    told: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Paper:
    """All that a check may look at: the rows of one file, the metrics by name, the claims made of the paper."""

    rows: Sequence[Row]
    metrics: Mapping[str, Metric]
    claims: Sequence[Claim]

    @cached_property
    def tables(self) -> list[list[Row]]:
        """The rows of each table, or of each of its parts where it has several."""
        return list(grouped(self.rows, ("paper", "table", "where")).values())


def grouped(rows: Iterable[Row], names: Sequence[str]) -> dict[Any, list[Row]]:
    """Return rows by what they have in some columns."""
    groups: dict[Any, list[Row]] = defaultdict(list)
    key = attrgetter(*names) if names else lambda _: ()
    for row in rows:
        groups[key(row)].append(row)
    return dict(groups)


def coordinate_names(row: Row) -> tuple[str, ...]:
    """Return the columns that say what a number was measured on, without the metric."""
    return _coordinate_names(row._fields)


@cache
def _coordinate_names(fields: tuple[str, ...]) -> tuple[str, ...]:
    return fields[fields.index("column") + 1 : fields.index("metric")]


def beside_names(row: Row) -> tuple[str, ...]:
    """Return the columns of what is printed beside a value."""
    fields = row._fields
    return fields[fields.index("value") + 1 : fields.index("where")]


def coordinates(row: Row) -> tuple[str, ...]:
    """Return what a number was measured on, without the metric."""
    fields = row._fields
    return tuple(row[fields.index("column") + 1 : fields.index("metric")])


def levels(label: str) -> list[str]:
    """Return the levels of a row's or a column's label."""
    return label.split(" | ")


@lru_cache(maxsize=2**16)
def number(text: str) -> Printed | None:
    """Return the printed number, a per cent sign aside, or None where the text is none."""
    try:
        return parse_number(text.removesuffix("%").rstrip()) if text else None
    except ValueError:
        return None


def beside(row: Row, name: str) -> Printed | None:
    """Return the number of a column beside the value, or None where there is no such column or no number in it."""
    return number(getattr(row, name, ""))


def whole(row: Row, name: str) -> int | None:
    """Return the positive whole number of a column beside the value, or None."""
    found = beside(row, name)
    exact = found and found.value > 0 and found.value.denominator == 1 and found.unit <= 1
    return int(found.value) if found and exact else None


def interval(value: Printed, metric: Metric) -> Interval:
    """Return the numbers that are printed as this one; a count without K or M is what it is."""
    return value.within(PRINTED if metric.type == "count" and value.unit <= 1 else ROUNDED)


def places(value: Printed) -> int:
    """Return how many decimals a number is printed with."""
    return len(str(value.unit.denominator)) - 1


def significant(text: str) -> str:
    """Return the significant digits of a printed number, without the zeros before and after them."""
    return "".join(c for c in text.partition("e")[0] if c.isdigit()).strip("0")


def decimal(value: Fraction, digits: int) -> str:
    """Return a number rounded to so many decimals, with a minus sign that is one."""
    return f"{Decimal(round(value * 10**digits)).scaleb(-digits):f}".replace("-", "−")

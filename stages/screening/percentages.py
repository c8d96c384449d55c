"""Percentages printed beside a value that do not come out where the others of the table do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

from stages.papers.numbers import ROUNDED, Interval, Printed
from stages.papers.tables import Row
from stages.screening.cells import (
    Candidate,
    Paper,
    beside,
    beside_names,
    coordinate_names,
    decimal,
    number,
    places,
    tables_of,
)

TITLE = "The printed percentage is not that of the two values"
LITERATURE = "Heathers (2025), An Introduction to Forensic Metascience"
LIMITS = (
    "The base is a guess: the row, column or value of a coordinate against which most percentages come out, at least 3 "
    "of them. Silent where another base of the table gives the percentage; wrong where its base is not in the table."
)
LEAST = 3
NAMES = ("improvement", "percent")
HUNDRED = Interval(Fraction(100), Fraction(100))
ONE = Interval(Fraction(1), Fraction(1))


class Pair(NamedTuple):
    """A value with its percentage, the value that may be its base, and the reduction in per cent that they give."""

    row: Row
    base: Row
    percentage: Printed
    reduction: Interval

    def agrees(self, sign: int) -> bool:
        """Return whether the percentage is the reduction (1) or the change (-1)."""
        return (self.reduction if sign > 0 else -self.reduction).meets(self.percentage.within(ROUNDED))


class Reading(NamedTuple):
    """One choice of the bases, and whether the percentages are reductions (1) or changes (-1)."""

    pairs: Sequence[Pair]
    sign: int

    @property
    def held(self) -> int:
        """How many percentages come out so."""
        return sum(pair.agrees(self.sign) for pair in self.pairs)


def candidates(paper: Paper) -> Iterator[Candidate]:
    """Yield the percentages that differ from those of the base and the sign by which most of their metric come out."""
    for table in tables_of(paper.rows):
        for name in (name for name in beside_names(table[0]) if name.endswith(NAMES)):
            for metric in dict.fromkeys(row.metric for row in table):
                yield from _odd([row for row in table if row.metric == metric], name)


def _odd(rows: Sequence[Row], name: str) -> Iterator[Candidate]:
    readings = [Reading(pairs, sign) for pairs in _pairings(rows, name) for sign in (1, -1)]
    best = max(readings, key=lambda reading: (reading.held, -len(reading.pairs)), default=None)
    if best is None or best.held < LEAST or 2 * best.held <= len(best.pairs):
        return
    alike = [pair for reading in readings if reading.sign == best.sign for pair in reading.pairs]
    explained = {pair.row.key for pair in alike if pair.agrees(best.sign)}
    for pair in best.pairs:
        if pair.row.key not in explained:
            yield Candidate("percentages", _told(pair, best), (pair.row, pair.base))


def _pairings(rows: Sequence[Row], name: str) -> list[list[Pair]]:
    """Return, for each row, column and value of a coordinate that may hold the bases, the pairs that it gives."""
    names = coordinate_names(rows[0])
    kept = {name: [other for other in names if other != name] for name in names}
    kept |= {"row": ["column"], "column": ["row"]}
    found = []
    for field, others in kept.items():
        for value in dict.fromkeys(getattr(row, field) for row in rows):
            bases: dict[tuple[str, ...], list[Row]] = {}
            for row in (row for row in rows if getattr(row, field) == value):
                bases.setdefault(tuple(getattr(row, other) for other in others), []).append(row)
            matched = ((row, bases.get(tuple(getattr(row, other) for other in others), [])) for row in rows)
            found.append([pair for row, base in matched if len(base) == 1 and (pair := _pair(row, base[0], name))])
    return [pairs for pairs in found if pairs]


def _pair(row: Row, base: Row, name: str) -> Pair | None:
    percentage, value, other = beside(row, name), number(row.value), number(base.value)
    if row is base or not (percentage and value and other):
        return None
    try:
        quotient = value.within(ROUNDED) / other.within(ROUNDED)
    except ZeroDivisionError:
        return None
    return Pair(row, base, percentage, HUNDRED * (ONE - quotient))


def _told(pair: Pair, reading: Reading) -> str:
    value, base = number(pair.row.value), number(pair.base.value)
    assert value is not None
    assert base is not None
    quotient = value.value / base.value
    result = decimal(reading.sign * 100 * (1 - quotient), places(pair.percentage))
    share = f"{pair.row.value} / {pair.base.value}"
    formula = f"100 × (1 − {share})" if reading.sign > 0 else f"100 × ({share} − 1)"
    others = f"{reading.held} others of the table come out so"
    return f"{pair.percentage.text} % is printed, but {formula} = {result} %; {others}"

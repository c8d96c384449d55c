"""Improvements printed beside a value that do not follow from it, while the others of the table do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

from stages.auditing.checks.table_cells import (
    Candidate,
    Check,
    Paper,
    beside,
    beside_names,
    coordinate_names,
    decimal,
    grouped,
    number,
    places,
)
from stages.auditing.tables.numbers import ROUNDED, Interval, Printed, parse_number
from stages.auditing.tables.rows import Row

LEAST = 3
# Among thousands of rows some base gives any number, and the time to try them all is quadratic.
MOST_PAIRS = 10_000
# A formula is tried on about this many pairs of a large table before it is tried on all.
PROBED = 50
# Floats that differ by less, relatively, are compared exactly.
NEAR = 1e-9
NAMES = ("improvement", "percent")
# How value and base may give the number beside the value, as text and as arithmetic. Each is monotonic in both.
FORMULAS: dict[str, Callable[[Any, Any], Any]] = {
    "100 × (1 − {value} / {base})": lambda value, base: 100 * (1 - value / base),
    "100 × ({value} / {base} − 1)": lambda value, base: 100 * (value / base - 1),
    "{base} − {value}": lambda value, base: base - value,
    "{value} − {base}": lambda value, base: value - base,
}


class Pair(NamedTuple):
    """A row, the row that may be its base, and their numbers; ``printed`` stands beside the value."""

    row: Row
    base: Row
    printed: Printed
    value: Printed
    base_value: Printed


class Reading(NamedTuple):
    """One choice of bases and formula: all its pairs, and those for which it gives the printed number."""

    formula: str
    pairs: Sequence[Pair]
    held: Sequence[Pair]


def candidates(paper: Paper) -> Iterator[Candidate]:
    """Yield the numbers that the bases and the formula that fit most numbers of a metric in a table do not give."""
    for table in paper.tables:
        for name in beside_names(table[0]):
            if not name.endswith(NAMES):
                continue
            for metric in dict.fromkeys(row.metric for row in table):
                yield from _odd([row for row in table if row.metric == metric], name)


def _odd(rows: Sequence[Row], name: str) -> Iterator[Candidate]:
    readings = [
        Reading(formula, pairs, [pair for pair in pairs if _agrees(pair, formula)])
        for pairs in _pairings(rows, name)
        for formula in FORMULAS
        if any(_agrees(pair, formula) for pair in pairs[:: 1 + len(pairs) // PROBED])
    ]
    accepted = [reading for reading in readings if len(reading.held) >= max(LEAST, len(reading.pairs) // 2 + 1)]
    if not accepted:
        return
    best = max(accepted, key=lambda reading: (len(reading.held), -len(reading.pairs)))
    formulas = {reading.formula for reading in accepted}
    explained = {pair.row.key for reading in readings if reading.formula in formulas for pair in reading.held}
    for pair in best.pairs:
        if pair.row.key not in explained:
            yield Candidate("percentages", _message(pair, best), (pair.row, pair.base))


def _pairings(rows: Sequence[Row], name: str) -> list[list[Pair]]:
    """Return the pairs for each row, column and value of a coordinate that may hold the bases.

    Beside a base, nothing or 0 is printed.
    """
    names = coordinate_names(rows[0])
    kept = {field: [other for other in names if other != field] for field in names}
    kept |= {"row": ["column"], "column": ["row"]}
    printed = [row for row in rows if beside(row, name)]
    bare = [row for row in rows if _is_bare(row, name)]
    found: dict[tuple[tuple[str, ...], ...], list[Pair]] = {}
    for field, others in kept.items():
        groups = grouped(bare, [field]).values()
        if len(groups) * len(printed) > MOST_PAIRS:
            continue
        placed = grouped(printed, others)
        for group in groups:
            bases = [(place, base[0]) for place, base in grouped(group, others).items() if len(base) == 1]
            matched = [_pair(row, base, name) for place, base in bases for row in placed.get(place, [])]
            pairs = [pair for pair in matched if pair]
            # A label and a coordinate often give the same pairs.
            found[tuple((*pair.row.key, *pair.base.key) for pair in pairs)] = pairs
    return list(found.values())


def _is_bare(row: Row, name: str) -> bool:
    aside = beside(row, name)
    return aside is None or not aside.value


def _pair(row: Row, base: Row, name: str) -> Pair | None:
    printed = beside(row, name)
    value = number(row.value)
    other = number(base.value)
    # A base that may be 0 can give any percentage.
    if row is base or not (printed and value and other and abs(other.value) > other.unit):
        return None
    return Pair(row, base, printed, value, other)


def _agrees(pair: Pair, formula: str) -> bool:
    """Return whether numbers that round to the printed values give one that rounds to the printed number."""
    low, high = _corners(formula, _float_ends(pair.value.text), _float_ends(pair.base_value.text))
    printed_low, printed_high = _float_ends(pair.printed.text)
    apart = max(low - printed_high, printed_low - high)
    # Floats decide unless the two are close.
    if abs(apart) > NEAR * (1 + abs(low) + abs(high)):
        return apart < 0
    low, high = _corners(formula, _ends(pair.value), _ends(pair.base_value))
    return Interval(low, high).meets(pair.printed.within(ROUNDED))


def _corners(formula: str, value: Sequence[Any], base: Sequence[Any]) -> tuple[Any, Any]:
    results = [FORMULAS[formula](x, y) for x in value for y in base]
    return min(results), max(results)


@lru_cache(maxsize=2**16)
def _float_ends(text: str) -> tuple[float, float]:
    low, high = _ends(parse_number(text))
    return float(low), float(high)


def _ends(number: Printed) -> tuple[Fraction, Fraction]:
    around = number.within(ROUNDED)
    return around.low, around.high


def _message(pair: Pair, reading: Reading) -> str:
    exact = FORMULAS[reading.formula](pair.value.value, pair.base_value.value)
    result = decimal(exact, places(pair.printed))
    spelled = reading.formula.format(value=pair.row.value, base=pair.base.value)
    others = f"{len(reading.held)} others of the table come out so"
    return f"{pair.printed.text} is printed beside {pair.row.value}, but {spelled} = {result}; {others}"


CHECK = Check(
    "percentages",
    candidates,
    title="The printed percentage is not that of the two values",
    literature="Heathers (2025), An Introduction to Forensic Metascience",
    limits=(
        "What it is computed from is a guess: the row, column or value of a coordinate with nothing, or 0, printed "
        "beside it, and the formula (reduction or change in per cent, difference), by which most come out, at least "
        "3. Silent where another base of the table gives the number; wrong where its base is not in the table. Of "
        "tables so large that rows and bases make more than 10,000 pairs, bases of one row each are not tried."
    ),
)

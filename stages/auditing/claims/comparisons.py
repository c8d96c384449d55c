"""Comparisons of a claim: both of its sides over the rows of each instance, and whether its relation holds."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from stages.auditing.claims.claims import Claim
from stages.auditing.claims.formulas import Filled, fill, is_printed, is_selection, spell
from stages.auditing.claims.instances import lost_in, sequence_of
from stages.auditing.claims.operand_values import reader, same_words, words_of
from stages.auditing.claims.queries import Group, Key
from stages.auditing.claims.ranges import enclose
from stages.auditing.claims.relations import IS, RANGES, SPANS, Held, Range, Trend, compare, trend_of
from stages.auditing.tables.numbers import (
    NUMBER,
    ROUNDED,
    Interval,
    greatest,
    least,
    parse_number,
    parse_span,
)
from stages.auditing.tables.rows import Row

GRAVITY: tuple[Held, ...] = ("yes", "possible", "no", "lost")


class Comparison(NamedTuple):
    """One instance of a claim: its rows, whether the relation held between them, and both sides spelled out.

    ``left`` is the range of the left side if that is a number, ``result`` its texts otherwise. ``outer`` says that a
    range may be wider than the true one. If nothing could be compared, ``reason`` says why.
    """

    group: Group
    held: Held
    left: Range | None
    spelled: str
    stated: str
    result: str = ""
    outer: bool = False
    reason: str = ""


def rows_of(comparison: Comparison) -> list[Row]:
    """Return all rows of a comparison, operand by operand."""
    return [row for rows in comparison.group.values() for row in rows]


def comparisons_of(claim: Claim, formula: ast.expr, instances: Sequence[tuple[Key, Group]]) -> list[Comparison]:
    """Return the comparisons of a claim.

    Raises:
        ValueError: an operand is not a number, or the rows make no trend.
    """
    trend = trend_of(claim.relation)
    if trend:
        return _along(claim, trend, formula, instances)
    compared = [_compared(claim, formula, group) for _, group in instances]
    return _at_ends(claim, formula, compared) if claim.relation == RANGES else compared


def ends_of(comparisons: Sequence[Comparison]) -> tuple[int, int]:
    """Return the indices of the comparisons with the least and with the largest left side."""
    lefts = [comparison.left for comparison in comparisons if comparison.left]
    lows = [left.printed.low for left in lefts]
    highs = [left.printed.high for left in lefts]
    return lows.index(min(lows)), highs.index(max(highs))


def _compared(claim: Claim, formula: ast.expr, group: Group) -> Comparison:
    lost = lost_in(group)
    if lost:
        return _lost(group, lost)
    if claim.relation == IS or is_selection(formula) or is_selection(claim.reference):
        left = words_of(formula, "", group)
        right = words_of(claim.reference, claim.stated, group)
        held = same_words(left, claim.relation, right)
        result = " or ".join(dict.fromkeys(left.printed))
        return Comparison(group, held, None, left.spelled, right.spelled, result)
    filled = fill(formula, reader(group))
    reference = None if claim.reference is None else fill(claim.reference, reader(group))
    stated = claim.stated if reference is None else spell(reference)
    try:
        left = _range(filled)
        right = _stated(claim) if reference is None else _range(reference)
        # A stated range is compared with the least and the largest value alone, in _at_ends.
        spans = claim.relation == RANGES
        held = "yes" if spans else compare(left, claim.relation, right, mutual=_mutual(claim, formula))
    except ArithmeticError as error:
        return _lost(group, f"{error}: {spell(filled)} {claim.relation} {stated}")
    return Comparison(group, held, left, spell(filled), stated, outer=left.outer or right.outer)


def _at_ends(claim: Claim, formula: ast.expr, compared: Sequence[Comparison]) -> list[Comparison]:
    """Return the comparisons, with the least and the largest value compared with the ends of the stated range."""
    lefts = [comparison.left for comparison in compared if comparison.left]
    if len(lefts) < len(compared):
        return list(compared)
    found = list(compared)
    for place, stated, reach in zip(ends_of(compared), parse_span(claim.stated), (least, greatest), strict=True):
        end = Range(lambda slack, reach=reach: reach([left.within(slack) for left in lefts]))
        held = compare(end, "=", Range(stated.within), mutual=_mutual(claim, formula))
        found[place] = found[place]._replace(held=max(held, found[place].held, key=GRAVITY.index))
    return found


def _along(claim: Claim, trend: Trend, formula: ast.expr, instances: Sequence[tuple[Key, Group]]) -> list[Comparison]:
    """Return a comparison for every two neighbours along the coordinate, among rows that agree in all others."""
    along = trend.along
    places = _places(along, [dict(key)[along] for key, _ in instances])
    sequences: dict[Key, dict[Fraction, Group]] = {}
    for key, group in instances:
        word = dict(key)[along]
        sequence = sequences.setdefault(sequence_of(claim, key), {})
        if places[word] in sequence:
            raise ValueError(f"several rows of one sequence have {along} {word}; name a column, row or where")
        sequence[places[word]] = group
    if max(map(len, sequences.values())) < 2:
        raise ValueError(f"a trend needs rows of two values of {along}")
    comparisons = []
    for sequence in sequences.values():
        ordered = [sequence[place] for place in sorted(sequence)]
        comparisons += [_neighbours(formula, trend.relation, first, second) for first, second in pairwise(ordered)]
    return comparisons


def _places(along: str, words: Sequence[str]) -> dict[str, Fraction]:
    """Return the position of each word along a coordinate: its value if all are numbers, else the order of the file."""
    if "" in words:
        raise ValueError(f"a trend along {along} has rows without {along}; name {along} for its operands")
    if all(NUMBER.fullmatch(word) for word in words):
        return {word: parse_number(word).value for word in words}
    return {word: Fraction(place) for place, word in enumerate(dict.fromkeys(words))}


def _neighbours(formula: ast.expr, relation: str, first: Group, second: Group) -> Comparison:
    both = {f"{name}{i}": rows for i, group in enumerate((first, second), 1) for name, rows in group.items()}
    lost = lost_in(both)
    if lost:
        return _lost(both, lost)
    filled = fill(formula, reader(first))
    filled_next = fill(formula, reader(second))
    spelled = spell(filled)
    then = spell(filled_next)
    try:
        left = _range(filled)
        right = _range(filled_next)
        held = compare(left, relation, right)
    except ArithmeticError as error:
        return _lost(both, f"{error}: {spelled}, then {then}")
    return Comparison(both, held, None, spelled, then, outer=left.outer or right.outer)


def _lost(group: Group, reason: str) -> Comparison:
    return Comparison(group, "lost", None, "", "", reason=reason)


def _range(filled: Filled) -> Range:
    """Return the range of a formula.

    Raises:
        ArithmeticError: it cannot be computed from the printed numbers, or from numbers that round to them.
    """
    if isinstance(filled.formula, ast.Name):
        return Range(filled.cells[filled.formula.id].within)
    rounded = enclose(filled, ROUNDED)
    found = Range(lambda slack: enclose(filled, slack).range, outer=not rounded.exact)
    found.rounded = rounded.range
    return found


def _stated(claim: Claim) -> Range:
    if claim.relation in SPANS:
        low, high = parse_span(claim.stated)
        return Range(lambda slack: Interval(low.within(slack).low, high.within(slack).high))
    number = parse_number(claim.stated)
    # "More than 5" means exactly 5, not numbers that round to 5.
    return Range(number.within if claim.relation == "=" else number.exact().within)


def _mutual(claim: Claim, formula: ast.expr) -> bool:
    """Return whether both sides are printed numbers, either of which may have fewer digits."""
    return is_printed(formula) and (claim.reference is None or is_printed(claim.reference))

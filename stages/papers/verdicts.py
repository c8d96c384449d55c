"""Verdicts: whether a claim follows from the published numbers, judged by interval arithmetic over printed decimals."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise, product
from typing import Literal, NamedTuple

from stages.papers.claims import TREND, Claim
from stages.papers.formulas import evaluate, operands_of, spell
from stages.papers.numbers import PRINTED, ROUNDED, ROUNDED_TWICE, Interval, Printed, parse_number
from stages.papers.queries import COORDINATES, Group, distinct, match
from stages.papers.tables import FaultyFile, Row

Verdict = Literal["consistent", "rounding", "inconsistent", "wording", "unverifiable"]
VERDICTS: tuple[Verdict, ...] = ("inconsistent", "wording", "rounding", "consistent", "unverifiable")
Held = Literal["yes", "possible", "no"]

ORDER: dict[str, Callable[[Fraction, Fraction], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


class Range(NamedTuple):
    """A quantity as printed, if its printed numbers were rounded once, and if they were rounded twice."""

    printed: Interval
    rounded: Interval
    twice: Interval


class Comparison(NamedTuple):
    """One instance of a claim: its rows, both sides, and whether the relation held between them."""

    group: Group
    held: Held
    left: Range | None
    right: Range | None
    spelled: str
    stated: str


class Finding(NamedTuple):
    """A verdict with all that a reader needs to check it by hand. ``shaky`` holds what did not plainly hold."""

    id: str
    claim: Claim
    verdict: Verdict
    comparisons: Sequence[Comparison]
    shaky: Sequence[Comparison]
    reason: str
    origin: Sequence[Row]


def judge(claim: Claim, papers: Mapping[str, Sequence[Row]]) -> list[Finding]:
    """Return the findings of one claim: one per group of matching rows, or a single one for a quantified claim.

    Raises:
        FaultyFile: the claim's operands or its origin name no rows.
    """
    origin = [row for group in match(claim.origin, papers).values() for rows in group.values() for row in rows]
    if claim.origin and not origin:
        raise FaultyFile(f"claim {claim.id}: its origin names no row")
    if claim.formula is None:
        return [Finding(claim.id, claim, "unverifiable", (), (), claim.reason, origin)]
    comparisons = list(_comparisons(claim, papers))
    if claim.quantifier or TREND.fullmatch(claim.relation):
        return [_quantified(claim, comparisons, origin)]
    names = distinct([comparison.group for comparison in comparisons])
    findings = [_single(claim, comparison, origin) for comparison in comparisons]
    return [f._replace(id=f"{claim.id}.{n}" if n else claim.id) for f, n in zip(findings, names, strict=True)]


def compare(left: Range, relation: str, right: Range) -> Held:
    """Return whether the relation holds between the printed numbers, only between numbers behind them, or not at all.

    "=" holds when the left side, computed from the printed numbers, rounds to the right side.
    """
    if relation == "=":
        if left.printed.meets(right.rounded):
            return "yes"
        return "possible" if left.rounded.meets(right.rounded) or left.twice.meets(right.twice) else "no"
    holds = ORDER[relation]
    if holds(left.printed.low, right.printed.low):
        return "yes"
    ends = (left.twice.low, right.twice.high) if relation.startswith("<") else (left.twice.high, right.twice.low)
    return "possible" if holds(*ends) else "no"


def _single(claim: Claim, comparison: Comparison, origin: Sequence[Row]) -> Finding:
    if lost := _lost(comparison.group):
        return Finding(claim.id, claim, "unverifiable", [comparison], (), f"{lost.label} is lost", origin)
    against: Verdict = "inconsistent" if claim.relation in ("=", "is") else "wording"
    verdicts: dict[Held, Verdict] = {"yes": "consistent", "possible": "rounding", "no": against}
    shaky = [] if comparison.held == "yes" else [comparison]
    return Finding(claim.id, claim, verdicts[comparison.held], [comparison], shaky, "", origin)


def _quantified(claim: Claim, comparisons: Sequence[Comparison], origin: Sequence[Row]) -> Finding:
    if lost := next(filter(None, (_lost(c.group) for c in comparisons)), None):
        return Finding(claim.id, claim, "unverifiable", comparisons, (), f"{lost.label} is lost", origin)
    if trend := TREND.fullmatch(claim.relation):
        comparisons = list(_steps_of(comparisons, trend["axis"], "<" if trend["way"] == "rises" else ">"))
    yes = sum(c.held == "yes" for c in comparisons)
    possible = sum(c.held != "no" for c in comparisons)
    # "Most" is more than half; "all" more than all but one half.
    needed = len(comparisons) / 2 if claim.quantifier == "most" else len(comparisons) - 0.5
    verdict: Verdict = "consistent" if yes > needed else "rounding" if possible > needed else "wording"
    return Finding(claim.id, claim, verdict, comparisons, [c for c in comparisons if c.held != "yes"], "", origin)


def _steps_of(comparisons: Sequence[Comparison], axis: str, relation: str) -> Iterator[Comparison]:
    """Yield one comparison for every two neighbours along the axis, within rows that agree in all else."""
    sequences: dict[tuple, list[tuple[Interval, Comparison]]] = {}
    for comparison in comparisons:
        rows = [row for rows in comparison.group.values() for row in rows]
        rest = tuple(tuple(getattr(row, c) for row in rows) for c in COORDINATES if c != axis)
        place = parse_number(getattr(rows[0], axis)).within(PRINTED)
        sequences.setdefault(rest, []).append((place, comparison))
    for sequence in sequences.values():
        ordered = [comparison for _, comparison in sorted(sequence, key=lambda pair: pair[0].low)]
        for first, second in pairwise(ordered):
            assert first.left is not None
            assert second.left is not None
            group = {f"{name}{i}": rows for i, c in enumerate((first, second)) for name, rows in c.group.items()}
            held = compare(first.left, relation, second.left)
            yield Comparison(group, held, first.left, second.left, first.spelled, second.spelled)


def _comparisons(claim: Claim, papers: Mapping[str, Sequence[Row]]) -> Iterator[Comparison]:
    trend = TREND.fullmatch(claim.relation)
    groups = match(claim.operands, papers, trend["axis"] if trend else None)
    if not groups:
        raise FaultyFile(f"claim {claim.id}: no rows match its operands")
    numbers = {name: text for name, text in claim.operands.items() if isinstance(text, str)}
    written = {name: [_written(claim, text)] for name, text in numbers.items()}
    reduced = _reduced(claim)
    for group in groups.values():
        names = list(group)
        choices = [[group[name]] if reduced.get(name) else [[row] for row in group[name]] for name in names]
        for choice in product(*choices):
            yield _compared(claim, dict(zip(names, choice, strict=True)) | written)


def _compared(claim: Claim, group: Group) -> Comparison:
    def read(name: str, attribute: str) -> list[Printed]:
        return [parse_number(getattr(row, attribute)) for row in group[name]]

    assert claim.formula is not None
    if _lost(group):
        return Comparison(group, "no", None, None, "", claim.stated)
    if claim.relation == "is":
        return _same_text(claim, group)
    try:
        left = _range(claim.formula, read)
        right = left if TREND.fullmatch(claim.relation) else _stated(claim, read)
    except (ValueError, ZeroDivisionError) as error:
        raise FaultyFile(f"claim {claim.id}: {error}") from None
    held = "yes" if TREND.fullmatch(claim.relation) else compare(left, claim.relation, right)
    stated = spell(claim.reference, read) if claim.reference is not None else claim.stated
    return Comparison(group, held, left, right, spell(claim.formula, read), stated)


def _stated(claim: Claim, read: Callable[[str, str], list[Printed]]) -> Range:
    if claim.reference is not None:
        return _range(claim.reference, read)
    number = parse_number(claim.stated)
    # "More than 5" means 5 itself, not what rounds to 5.
    slacks = (PRINTED, ROUNDED, ROUNDED_TWICE) if claim.relation == "=" else (PRINTED,) * 3
    return Range(*(number.within(slack) for slack in slacks))


def _range(formula: ast.expr, read: Callable[[str, str], list[Printed]]) -> Range:
    return Range(*(evaluate(formula, read, slack) for slack in (PRINTED, ROUNDED, ROUNDED_TWICE)))


def _same_text(claim: Claim, group: Group) -> Comparison:
    assert claim.formula is not None
    (name,) = operands_of(claim.formula)
    text = group[name][0].value
    stated = group[claim.stated][0].value if claim.stated in group else claim.stated
    held: Held = "yes" if _plain(text) == _plain(stated) else "no"
    return Comparison(group, held, None, None, text, stated)


def _plain(text: str) -> str:
    return "".join(text.casefold().split())


def _reduced(claim: Claim) -> dict[str, bool]:
    names: dict[str, bool] = {}
    for formula in (claim.formula, claim.reference):
        for name, reduced in operands_of(formula).items() if formula is not None else ():
            names[name] = names.get(name, True) and reduced
    return names


def _lost(group: Group) -> Row | None:
    return next((row for rows in group.values() for row in rows if not row.value), None)


def _written(claim: Claim, text: str) -> Row:
    blank = dict.fromkeys(Row._fields, "")
    return Row(**blank | {"paper": claim.paper, "value": text, "where": claim.where})

"""Verdicts: whether a claim follows from the published numbers, judged by interval arithmetic over printed decimals."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Literal, NamedTuple

from stages.papers.claims import TRENDS, Claim
from stages.papers.formulas import evaluate, is_printed, operands_of, spell
from stages.papers.instances import instances_of, lost_in, sequence_of, unpaired_rows
from stages.papers.numbers import PRINTED, ROUNDED, ROUNDED_TWICE, Interval, Printed, parse_number
from stages.papers.queries import Group, Key, distinct, select
from stages.papers.tables import FaultyFile, Papers, Row

Verdict = Literal["inconsistent", "wording", "rounding", "consistent", "unverifiable"]
VERDICTS: tuple[Verdict, ...] = ("inconsistent", "wording", "rounding", "consistent", "unverifiable")
Held = Literal["yes", "possible", "no", "lost"]

ORDER: dict[str, Callable[[Fraction, Fraction], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


class Range(NamedTuple):
    """A quantity as printed, if its printed numbers were rounded once, and if they were rounded twice."""

    printed: Interval
    rounded: Interval
    twice: Interval


class Comparison(NamedTuple):
    """One instance of a claim: its rows, whether the relation held between them, and both sides spelled out."""

    group: Group
    held: Held
    left: Range | None
    spelled: str
    stated: str


class Finding(NamedTuple):
    """A verdict with all that a reader needs to check it by hand.

    ``case`` tells it from the other findings of its claim; ``unmatched`` are the rows that the claim names but that are
    part of none of its comparisons, each with the name of its operand.
    """

    id: str
    claim: Claim
    case: Sequence[str]
    verdict: Verdict
    comparisons: Sequence[Comparison]
    reason: str
    origin: Sequence[Row]
    unmatched: Sequence[tuple[str, Row]]


def judge(claim: Claim, papers: Papers) -> list[Finding]:
    """Return the findings of one claim: one per group of matching rows, or a single one for a quantified claim.

    Raises:
        FaultyFile: the claim's paper is none of these, its operands or its origin name no rows, or a formula cannot be
            evaluated on them.
    """
    if claim.paper not in papers:
        raise FaultyFile(f"{claim.place}: paper {claim.paper!r}: must be one of {', '.join(papers)}")
    try:
        origin = select(claim.origin, papers) if claim.origin else []
        if claim.origin and not origin:
            raise ValueError("no rows match its origin")
        if claim.formula is None:
            return [Finding(claim.id, claim, (), "unverifiable", (), claim.reason, origin, ())]
        instances = instances_of(claim, papers)
        compared = list((_trend if claim.relation in TRENDS else _compared)(claim, claim.formula, instances))
    except (ValueError, ZeroDivisionError) as error:
        raise FaultyFile(f"{claim.place}: claim {claim.id}: {error}") from None
    rest = origin, unpaired_rows(claim, papers, instances)
    if claim.quantifier:
        return [Finding(claim.id, claim, (), *_quantified(claim, compared), *rest)]
    cases = distinct([comparison.group for comparison in compared])
    names = [f"{claim.id}.{'-'.join(case)}" if case else claim.id for case in cases]
    return [
        Finding(name, claim, case, *_single(claim, comparison), *rest)
        for name, case, comparison in zip(names, cases, compared, strict=True)
    ]


def compare(left: Range, relation: str, right: Range, *, mutual: bool = False) -> Held:
    """Return whether the relation holds between the printed numbers, only between numbers behind them, or not at all.

    "=" holds when the left side, computed from the printed numbers, rounds to the right side; ``mutual`` when either
    may be the one with fewer digits, two printings of one number. An order is possible only between values inside the
    intervals: rounding never reverses it, so that of two printed numbers of equal digits the larger was not smaller.
    """
    if relation == "=":
        if left.printed.meets(right.rounded) or (mutual and right.printed.meets(left.rounded)):
            return "yes"
        return "possible" if left.twice.meets(right.twice) else "no"
    if ORDER[relation](left.printed.low, right.printed.low):
        return "yes"
    below, above = (left, right) if relation.startswith("<") else (right, left)
    return "possible" if below.rounded.low < above.rounded.high else "no"


def _single(claim: Claim, comparison: Comparison) -> tuple[Verdict, Sequence[Comparison], str]:
    if comparison.held == "lost":
        return "unverifiable", [comparison], lost_in(comparison.group)
    against: Verdict = "inconsistent" if claim.relation in ("=", "is") else "wording"
    verdicts: dict[Held, Verdict] = {"yes": "consistent", "possible": "rounding", "no": against}
    return verdicts[comparison.held], [comparison], ""


def _quantified(claim: Claim, comparisons: Sequence[Comparison]) -> tuple[Verdict, Sequence[Comparison], str]:
    """Judge all or most: a statement in words, so that counter-examples make it wording, whatever the relation."""
    total = len(comparisons)
    yes, possible, lost = (sum(c.held == held for c in comparisons) for held in ("yes", "possible", "lost"))
    # "Most" is more than half; "all" more than all but one half.
    needed = total / 2 if claim.quantifier == "most" else total - 0.5
    if yes > needed:
        return "consistent", comparisons, ""
    if yes + possible + lost > needed:
        reason = next((lost_in(c.group) for c in comparisons if c.held == "lost"), "")
        return "unverifiable" if lost else "rounding", comparisons, reason
    return "wording", comparisons, ""


def _compared(claim: Claim, formula: ast.expr, instances: Sequence[tuple[Key, Group]]) -> Iterator[Comparison]:
    for _, group in instances:
        if lost_in(group):
            yield Comparison(group, "lost", None, "", claim.stated)
        elif claim.relation == "is":
            yield _same_text(claim, formula, group)
        else:
            left, right = _range(formula, group), _stated(claim, group)
            mutual = is_printed(formula) and (claim.reference is None or is_printed(claim.reference))
            held = compare(left, claim.relation, right, mutual=mutual)
            stated = claim.stated if claim.reference is None else spell(claim.reference, _reader(group))
            yield Comparison(group, held, left, spell(formula, _reader(group)), stated)


def _trend(claim: Claim, formula: ast.expr, instances: Sequence[tuple[Key, Group]]) -> Iterator[Comparison]:
    """Yield one comparison for every two neighbours along the steps, within rows that agree in all else."""
    sequences: dict[Key, dict[Fraction, Group]] = {}
    for key, group in instances:
        steps = parse_number(dict(key)["steps"]).value
        sequence = sequences.setdefault(sequence_of(key), {})
        if steps in sequence:
            raise ValueError(f"several rows of one sequence have {steps} steps; name a column, row or where")
        sequence[steps] = group
    if max(map(len, sequences.values())) < 2:
        raise ValueError("a trend needs rows of two numbers of steps")
    for sequence in sequences.values():
        for first, second in pairwise(group for _, group in sorted(sequence.items())):
            both = {f"{name}{i}": rows for i, group in enumerate((first, second), 1) for name, rows in group.items()}
            if lost_in(both):
                yield Comparison(both, "lost", None, "", "")
                continue
            held = compare(_range(formula, first), TRENDS[claim.relation], _range(formula, second))
            yield Comparison(both, held, None, spell(formula, _reader(first)), spell(formula, _reader(second)))


def _range(formula: ast.expr, group: Group) -> Range:
    return Range(*(evaluate(formula, _reader(group), slack) for slack in (PRINTED, ROUNDED, ROUNDED_TWICE)))


def _stated(claim: Claim, group: Group) -> Range:
    if claim.reference is not None:
        return _range(claim.reference, group)
    # "More than 5" means 5 itself, not what rounds to 5.
    slacks = (PRINTED, ROUNDED, ROUNDED_TWICE) if claim.relation == "=" else (PRINTED,) * 3
    return Range(*(parse_number(claim.stated).within(slack) for slack in slacks))


def _reader(group: Group) -> Callable[[str, str], list[Printed]]:
    def read(name: str, attribute: str) -> list[Printed]:
        try:
            return [parse_number(getattr(row, attribute)) for row in group[name]]
        except ValueError as error:
            label = ", ".join(row.label for row in group[name])
            raise ValueError(f"{name}.{attribute} of {label}: {error}") from None

    return read


def _same_text(claim: Claim, formula: ast.expr, group: Group) -> Comparison:
    (name,) = operands_of(formula)
    text = group[name][0].value
    stated = group[claim.stated][0].value if claim.stated in group else claim.stated
    same = "".join(text.casefold().split()) == "".join(stated.casefold().split())
    return Comparison(group, "yes" if same else "no", None, text, stated)

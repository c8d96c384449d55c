"""Verdicts: whether a claim follows from the published numbers, judged by interval arithmetic over printed decimals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from stages.auditing.claims.claims import Claim
from stages.auditing.claims.comparisons import GRAVITY, Comparison, comparisons_of
from stages.auditing.claims.instances import instances_of, unpaired_rows
from stages.auditing.claims.quantifiers import parse_quantifier
from stages.auditing.claims.queries import distinct, select
from stages.auditing.claims.relations import RANGES, STATING, Held
from stages.auditing.tables.rows import FaultyFile, Papers, Row

Verdict = Literal["inconsistent", "wording", "rounding", "consistent", "unverifiable"]
VERDICTS: tuple[Verdict, ...] = ("inconsistent", "wording", "rounding", "consistent", "unverifiable")


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
    """Return the findings of one claim: one per group of matching rows, or one for all where the claim is of all.

    Raises:
        FaultyFile: the claim's paper is none of these, its operands or its origin name no rows, or a formula cannot be
            read from them.
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
        compared = comparisons_of(claim, claim.formula, instances)
    except ValueError as error:
        raise FaultyFile(f"{claim.place}: claim {claim.id}: {error}") from None
    rest = origin, unpaired_rows(claim, papers, instances)
    if claim.quantifier:
        return [Finding(claim.id, claim, (), *_quantified(claim, compared), *rest)]
    if claim.relation == RANGES:
        return [Finding(claim.id, claim, (), *_single(claim, compared), *rest)]
    cases = distinct([comparison.group for comparison in compared])
    names = [f"{claim.id}.{'-'.join(case)}" if case else claim.id for case in cases]
    return [
        Finding(name, claim, case, *_single(claim, [comparison]), *rest)
        for name, case, comparison in zip(names, cases, compared, strict=True)
    ]


def _single(claim: Claim, comparisons: Sequence[Comparison]) -> tuple[Verdict, Sequence[Comparison], str]:
    """Judge what must hold at every comparison."""
    worst = max(comparisons, key=lambda comparison: GRAVITY.index(comparison.held))
    against: Verdict = "inconsistent" if claim.relation in STATING else "wording"
    verdicts: dict[Held, Verdict] = {
        "yes": "consistent", "possible": "rounding", "no": against, "lost": "unverifiable",
    }  # fmt: skip
    return verdicts[worst.held], comparisons, worst.reason


def _quantified(claim: Claim, comparisons: Sequence[Comparison]) -> tuple[Verdict, Sequence[Comparison], str]:
    """Judge how many hold. All, most and none are words: counter-examples make them wording, whatever the relation."""
    quantifier, total = parse_quantifier(claim.quantifier), len(comparisons)
    if quantifier.total not in (0, total):
        return "inconsistent", comparisons, f"stated of {quantifier.total} comparisons; there are {total}"
    yes, possible, lost = (sum(c.held == held for c in comparisons) for held in ("yes", "possible", "lost"))
    if all(quantifier.admits(count, total) for count in range(yes, yes + lost + 1)):
        return "consistent", comparisons, ""
    if any(quantifier.admits(count, total) for count in range(yes, yes + possible + lost + 1)):
        reason = next((comparison.reason for comparison in comparisons if comparison.reason), "")
        return "unverifiable" if lost else "rounding", comparisons, reason
    return "inconsistent" if quantifier.is_number else "wording", comparisons, ""

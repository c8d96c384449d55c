"""Verdicts: whether a claim follows from the published numbers, by interval arithmetic over printed decimals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from stages.auditing.claims.claims import Claim
from stages.auditing.claims.comparisons import GRAVITY, Comparison, comparisons_of
from stages.auditing.claims.instances import instances_of, unpaired_rows
from stages.auditing.claims.queries import distinct, select
from stages.auditing.claims.relations import RANGES, STATING, Held, parse_quantifier
from stages.auditing.tables.rows import FaultyFile, Papers, Row

Verdict = Literal["inconsistent", "wording", "rounding", "consistent", "unverifiable"]
VERDICTS: tuple[Verdict, ...] = ("inconsistent", "wording", "rounding", "consistent", "unverifiable")


class Finding(NamedTuple):
    """A verdict with all that a reader needs to check it by hand.

    ``case`` distinguishes it from the other findings of its claim; ``unmatched`` are the rows that the claim names but
    none of its comparisons uses, each with the name of its operand.
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
    """Return the findings of one claim: one per group of matching rows, or one for all groups of a quantified claim.

    Raises:
        FaultyFile: the claim's paper is unknown, its operands or its origin name no rows, or its formula cannot be
            computed from them.
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
    unmatched = unpaired_rows(claim, papers, instances)
    if claim.quantifier or claim.relation == RANGES:
        judgement = _quantified(claim, compared) if claim.quantifier else _single(claim, compared)
        return [Finding(claim.id, claim, (), judgement.verdict, compared, judgement.reason, origin, unmatched)]
    findings = []
    for case, comparison in zip(distinct([comparison.group for comparison in compared]), compared, strict=True):
        name = f"{claim.id}.{'-'.join(case)}" if case else claim.id
        judgement = _single(claim, [comparison])
        findings.append(
            Finding(name, claim, case, judgement.verdict, [comparison], judgement.reason, origin, unmatched)
        )
    return findings


def judge_all(claims: Sequence[Claim], papers: Papers) -> list[Finding]:
    """Return the findings of all claims.

    Raises:
        FaultyFile: a claim cannot be judged, or two findings have the same id.
    """
    findings: dict[str, Finding] = {}
    for claim in claims:
        for finding in judge(claim, papers):
            if finding.id in findings:
                raise FaultyFile(f"{claim.place}: there is a finding {finding.id!r} already; rename the claim")
            findings[finding.id] = finding
    return list(findings.values())


class Judgement(NamedTuple):
    """A verdict, and the reason for it if nothing can be compared or counts differ."""

    verdict: Verdict
    reason: str = ""


def _single(claim: Claim, comparisons: Sequence[Comparison]) -> Judgement:
    """Judge a relation that must hold at every comparison."""
    worst = max(comparisons, key=lambda comparison: GRAVITY.index(comparison.held))
    against: Verdict = "inconsistent" if claim.relation in STATING else "wording"
    verdicts: dict[Held, Verdict] = {
        "yes": "consistent",
        "possible": "rounding",
        "no": against,
        "lost": "unverifiable",
    }
    return Judgement(verdicts[worst.held], worst.reason)


def _quantified(claim: Claim, comparisons: Sequence[Comparison]) -> Judgement:
    """Judge how many comparisons hold. Counter-examples to "all", "most" and "none" are matters of wording."""
    quantifier = parse_quantifier(claim.quantifier)
    total = len(comparisons)
    if quantifier.total not in (0, total):
        return Judgement("inconsistent", f"stated of {quantifier.total} comparisons; there are {total}")
    yes = sum(comparison.held == "yes" for comparison in comparisons)
    possible = sum(comparison.held == "possible" for comparison in comparisons)
    lost = sum(comparison.held == "lost" for comparison in comparisons)
    if all(quantifier.admits(count, total) for count in range(yes, yes + lost + 1)):
        return Judgement("consistent")
    if any(quantifier.admits(count, total) for count in range(yes, yes + possible + lost + 1)):
        reason = next((comparison.reason for comparison in comparisons if comparison.reason), "")
        return Judgement("unverifiable" if lost else "rounding", reason)
    return Judgement("inconsistent" if quantifier.is_number else "wording")

"""Claims: what a paper says of its numbers, as data, and which of the published rows it speaks of."""

from __future__ import annotations

import ast
import re
from typing import NamedTuple

from stages.papers.formulas import operands_of, parse_formula
from stages.papers.numbers import NUMBER
from stages.papers.queries import COORDINATES, Operand, parse_operands
from stages.papers.tables import FaultyFile, read_records

KINDS = (
    "improvement", "difference", "ratio", "repeated", "ordering", "trend", "mean", "speed-up", "hyperparameter",
    "protocol",
)  # fmt: skip
COMPARISONS = ("=", "<", "<=", ">", ">=", "is")
TREND = re.compile(rf"(?P<way>rises|falls) with (?P<axis>{'|'.join(COORDINATES)})")
QUANTIFIERS = ("", "all", "most")


class Claim(NamedTuple):
    """One checkable statement: ``formula`` ``relation`` ``stated``, over the rows that its operands name.

    Without a quantifier every group of matching rows is a check of its own; with all or most there is one check over
    the groups. A claim without a formula cannot be checked, and ``reason`` says why.
    """

    id: str
    paper: str
    where: str
    kind: str
    statement: str
    operands: dict[str, Operand]
    formula: ast.expr | None
    relation: str
    stated: str
    quantifier: str
    explanation: str
    origin: dict[str, Operand]
    reason: str

    @property
    def reference(self) -> ast.expr | None:
        """What the formula is compared with, where that is no number written out."""
        return None if self.relation == "is" or not self.stated or NUMBER.fullmatch(self.stated) else _parsed(self)


def parse_claims(name: str, text: str) -> list[Claim]:
    """Return the claims of one file.

    Raises:
        FaultyFile: unknown columns, kind, relation or quantifier, an id that is there twice, a malformed operand or
            formula.
    """
    claims: dict[str, Claim] = {}
    for place, record in read_records(name, text, Claim._fields):
        try:
            claim = _claim(record)
            if claim.id in claims:
                raise ValueError(f"id {claim.id!r} is there twice")
        except ValueError as error:
            raise FaultyFile(f"{place}: {error}") from None
        claims[claim.id] = claim
    return list(claims.values())


def _claim(record: dict[str, str]) -> Claim:
    fields: dict[str, object] = dict(record)
    fields["operands"] = parse_operands(record["operands"])
    fields["formula"] = parse_formula(record["formula"]) if record["formula"] else None
    # An origin is one query; it is kept as an operand for the sake of one grammar.
    fields["origin"] = parse_operands(f"origin = {record['origin']}") if record["origin"] else {}
    claim = Claim(**fields)  # pyright: ignore[reportArgumentType]
    _check_words(claim)
    _check_names(claim)
    return claim


def _check_words(claim: Claim) -> None:
    if not re.fullmatch(r"[a-z0-9.-]+", claim.id):
        raise ValueError(f"id {claim.id!r}: must be made of a-z, 0-9, '.' and '-'")
    for field in ("paper", "where", "statement"):
        if not getattr(claim, field):
            raise ValueError(f"{field} is empty")
    for field, allowed in (("kind", KINDS), ("quantifier", QUANTIFIERS)):
        if getattr(claim, field) not in allowed:
            raise ValueError(f"{field} {getattr(claim, field)!r}: must be one of {', '.join(map(repr, allowed))}")
    if claim.formula is None:
        if not claim.reason:
            raise ValueError("without a formula the reason must say why it cannot be checked")
    elif claim.relation not in COMPARISONS and not TREND.fullmatch(claim.relation):
        raise ValueError(f"relation {claim.relation!r}: must be one of {' '.join(COMPARISONS)}, or 'rises with steps'")
    elif bool(claim.stated) == bool(TREND.fullmatch(claim.relation)):
        raise ValueError(f"stated {claim.stated!r}: must be given, except for a trend")


def _check_names(claim: Claim) -> None:
    used = {
        name for formula in (claim.formula, claim.reference) if formula is not None for name in operands_of(formula)
    }
    if claim.relation == "is":
        used |= {claim.stated} & set(claim.operands)
    if unknown := used - set(claim.operands):
        raise ValueError(f"the formula names {', '.join(sorted(unknown))}, which is no operand")
    if claim.formula is not None and (idle := set(claim.operands) - used):
        raise ValueError(f"the formula does not use {', '.join(sorted(idle))}")


def _parsed(claim: Claim) -> ast.expr:
    return parse_formula(claim.stated)

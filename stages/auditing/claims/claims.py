"""Claims: the statements of a paper about its numbers, as data, parsed from claims.csv."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Mapping
from typing import NamedTuple

from stages.auditing.claims.formulas import FUNCTIONS, is_operand, is_selection, mentions, operands_of, parse_formula
from stages.auditing.claims.queries import Operand, Query, parse_operands, parse_query
from stages.auditing.claims.relations import COMPARISONS, IS, QUANTIFIERS, RANGES, SPANS, parse_quantifier, trend_of
from stages.auditing.tables.numbers import NUMBER, parse_span
from stages.auditing.tables.rows import FaultyFile, read_records
from stages.auditing.tables.schema import DIFFUSION, Schema

COLUMNS = (
    "id",
    "paper",
    "where",
    "line",
    "kind",
    "statement",
    "operands",
    "formula",
    "relation",
    "stated",
    "quantifier",
    "explanation",
    "cause",
    "origin",
    "reason",
)
# The usual kinds; a project may add others.
KINDS = (
    "improvement",
    "difference",
    "ratio",
    "repeated",
    "ordering",
    "trend",
    "mean",
    "speed-up",
    "hyperparameter",
    "protocol",
    "sanity",
)
# The kind of checks that an auditor expects sound tables to pass, though no paper states them.
SANITY = "sanity"


class Claim(NamedTuple):
    """One checkable statement: ``formula`` ``relation`` ``stated``, over the rows that its operands name.

    Without a quantifier, every group of matching rows is checked separately; with a quantifier, or with the relation
    "ranges over", all groups are one check. A claim without a formula cannot be checked, and ``reason`` says why.
    ``reference`` is the parsed ``stated`` if that names operands; ``check`` is the whole check as written; ``place`` is
    the claim's file and line. ``line`` is the line of the paper's text that makes the statement.
    """

    place: str
    id: str
    paper: str
    where: str
    line: str
    kind: str
    statement: str
    operands: Mapping[str, Operand]
    formula: ast.expr | None
    relation: str
    stated: str
    reference: ast.expr | None
    quantifier: str
    check: str
    explanation: str
    cause: str
    origin: Query | None
    reason: str

    @property
    def along(self) -> str:
        """The coordinate of a trend; empty for other relations."""
        trend = trend_of(self.relation)
        return trend.along if trend else ""


def parse_claims(name: str, text: str, schema: Schema = DIFFUSION) -> list[Claim]:
    """Return the claims of one file.

    Raises:
        FaultyFile: there is no claim; a column, relation, quantifier or attribute is unknown; an id occurs twice; an
            operand or formula is malformed.
    """
    claims: dict[str, Claim] = {}
    for place, record in read_records(name, text, COLUMNS):
        try:
            _check_words(record)
            claim = _claim(place, record, schema)
            _check_names(claim)
            check_columns(claim, schema)
            if claim.id in claims:
                raise ValueError(f"id {claim.id!r} occurs twice")
        except ValueError as error:
            raise FaultyFile(f"{place}: {error}") from None
        claims[claim.id] = claim
    if not claims:
        raise FaultyFile(f"{name}: has no claim, so nothing would be checked")
    return list(claims.values())


def check_columns(claim: Claim, schema: Schema) -> None:
    """Refuse an attribute, or a trend's coordinate, that the tables do not have.

    Raises:
        ValueError: there is no such column.
    """
    allowed = ("value", "spread", *schema.beside, *schema.axes)
    sides = [formula for formula in (claim.formula, claim.reference) if formula is not None]
    for side in sides:
        for mention in mentions(side):
            if mention.attribute not in allowed:
                raise ValueError(f"{mention.name}.{mention.attribute}: must be one of {', '.join(allowed)}")
    if claim.along and claim.along not in schema.axes:
        raise ValueError(f"relation {claim.relation!r}: must be along one of {', '.join(schema.axes)}")


def _claim(place: str, record: Mapping[str, str], schema: Schema) -> Claim:
    operands = parse_operands(record["operands"], schema)
    check = f"{record['formula']} {record['relation']} {record['stated']}".strip()
    return Claim(
        place=place,
        id=record["id"],
        paper=record["paper"],
        where=record["where"],
        line=record["line"],
        kind=record["kind"],
        statement=record["statement"],
        operands=operands,
        formula=parse_formula(record["formula"]) if record["formula"] else None,
        relation=record["relation"],
        stated=record["stated"],
        reference=_reference(record, operands) if record["formula"] else None,
        quantifier=record["quantifier"],
        check=f"{check}; {record['operands']}",
        explanation=record["explanation"],
        cause=record["cause"],
        origin=parse_query(record["origin"], schema) if record["origin"] else None,
        reason=record["reason"],
    )


def _reference(record: Mapping[str, str], operands: Collection[str]) -> ast.expr | None:
    """Return the formula that is stated, or None for a number or, with the relation "is", a text."""
    stated = record["stated"]
    relation = record["relation"]
    if relation in SPANS or trend_of(relation) or NUMBER.fullmatch(stated):
        return None
    try:
        reference = parse_formula(stated)
        if operands_of(reference) and (relation != IS or set(operands_of(reference)) <= set(operands)):
            return reference
    except ValueError:
        pass
    if relation == IS:
        return None
    message = "must be a number (such as 8.00, -74.53, 500K) or name operands; a text goes with the relation 'is'"
    raise ValueError(f"stated {stated!r}: {message}")


def _check_words(record: dict[str, str]) -> None:
    if not re.fullmatch(r"[a-z0-9.-]+", record["id"]):
        raise ValueError(f"id {record['id']!r}: must be made of a-z, 0-9, '.' and '-'")
    if not re.fullmatch(r"([1-9]\d*)?", record["line"], re.ASCII):
        raise ValueError(f"line {record['line']!r}: must be the number of a line of the paper's text, or empty")
    for field in ("paper", "where", "statement"):
        if not record[field]:
            raise ValueError(f"{field} is empty")
    if not re.fullmatch(r"[a-z]+(-[a-z]+)*", record["kind"]):
        raise ValueError(f"kind {record['kind']!r}: must be a word of a-z and '-', such as {', '.join(KINDS)}")
    if record["quantifier"]:
        parse_quantifier(record["quantifier"])
    if not record["formula"] and not record["reason"]:
        raise ValueError("formula is empty: the reason must say why it cannot be checked")
    if record["formula"] and record["reason"]:
        raise ValueError("both a formula and a reason why it cannot be checked are given: leave one empty")
    if record["origin"] and not (record["explanation"] or record["reason"]):
        raise ValueError("an origin needs an explanation or a reason")
    if record["formula"]:
        _check_relation(record["relation"], record["stated"], record["quantifier"])


def _check_relation(relation: str, stated: str, quantifier: str) -> None:
    trend = trend_of(relation)
    if not trend and relation not in (*COMPARISONS, IS, *SPANS):
        words = ", ".join((*COMPARISONS, IS, *SPANS, "rises with COORDINATE", "falls with COORDINATE"))
        raise ValueError(f"relation {relation!r}: must be one of {words}")
    if bool(stated) == bool(trend):
        raise ValueError(f"stated {stated!r}: must be given, except for a trend")
    if trend and not quantifier:
        raise ValueError(f"quantifier: '{relation}' needs one: {QUANTIFIERS}")
    if relation == RANGES and quantifier:
        raise ValueError(f"quantifier {quantifier!r}: must be empty, as '{relation}' is of all comparisons")
    if relation in SPANS:
        parse_span(stated)


def _check_names(claim: Claim) -> None:
    if claim.formula is None:
        return
    sides = [formula for formula in (claim.formula, claim.reference) if formula is not None]
    uses = [operands_of(formula) for formula in sides]
    used = {name for names in uses for name in names}
    computed = [side for side in sides if not (is_operand(side) or is_selection(side))]
    if claim.relation == IS and computed:
        raise ValueError("the formula must be an operand alone where the relation is 'is'")
    if any(map(is_selection, sides)) and (computed or claim.relation not in ("=", IS)):
        raise ValueError("argmin and argmax go with the relations '=' and 'is', and with nothing computed")
    taken = set(claim.operands) & set(FUNCTIONS)
    if taken:
        raise ValueError(f"operand {', '.join(sorted(taken))}: that is the name of a function")
    unknown = used - set(claim.operands)
    if unknown:
        raise ValueError(f"formula and stated name {', '.join(sorted(unknown))}, which is not an operand")
    unused = set(claim.operands) - used
    if unused:
        raise ValueError(f"neither formula nor stated uses {', '.join(sorted(unused))}")
    mixed = {name for names in uses for name, kinds in names.items() if len(kinds) > 1}
    if mixed:
        message = "is used both alone and over its rows, as under min or mean: define it twice"
        raise ValueError(f"{', '.join(sorted(mixed))} {message}")

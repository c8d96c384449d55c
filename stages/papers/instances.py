"""Instances of a claim: which rows each of its comparisons rests on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from stages.papers.claims import TRENDS, Claim
from stages.papers.formulas import operands_of
from stages.papers.queries import Group, Key, Query, match, select
from stages.papers.tables import COORDINATES, Row


def instances_of(claim: Claim, papers: Mapping[str, Sequence[Row]]) -> list[tuple[Key, Group]]:
    """Return the rows of each comparison: one row per operand, or several for one under min, max or mean.

    Raises:
        ValueError: no rows match, or what the operands name would pair unlike with unlike.
    """
    _check_named(claim, papers)
    groups = match(claim.operands, papers, "steps" if claim.relation in TRENDS else None)
    if not groups:
        raise ValueError("no rows match its operands")
    for name in claim.operands:
        if _reduced(claim, name) and all(len(group.get(name, ())) == 1 for group in groups.values()):
            raise ValueError(f"min, max or mean of {name} is of one row each; name what to gather, such as steps=5,10")
    written = {name: [_written(claim, text)] for name, text in claim.operands.items() if isinstance(text, str)}
    return [(key, rows | written) for key, group in groups.items() for rows in _choices(claim, group)]


def count_unmatched(claim: Claim, papers: Mapping[str, Sequence[Row]], instances: Sequence[tuple[Key, Group]]) -> int:
    """Return how many of the rows that a claim names have no counterpart, and so are part of no comparison."""
    named = {row for o in claim.operands.values() if isinstance(o, Query) for row in select(o, papers)}
    return len(named - {row for _, group in instances for rows in group.values() for row in rows})


def lost_in(group: Group) -> str:
    """Return which number of a group is not in the papers' texts, in words; empty where all are."""
    return next((f"{row.label} is lost" for rows in group.values() for row in rows if not row.value), "")


def _choices(claim: Claim, group: Group) -> Iterator[Group]:
    choices = [[rows] if _reduced(claim, name) else [[row] for row in rows] for name, rows in group.items()]
    if sum(len(choice) > 1 for choice in choices) > 1:
        labels = ", ".join(row.label for rows in group.values() for row in rows)
        raise ValueError(f"pairs several rows with several ({labels}); name a column, row or where")
    for choice in product(*choices):
        yield dict(zip(group, choice, strict=True))


def _check_named(claim: Claim, papers: Mapping[str, Sequence[Row]]) -> None:
    """Refuse an operand that takes in, say, several metrics where another operand names one."""
    queries = {name: operand for name, operand in claim.operands.items() if isinstance(operand, Query)}
    named = {key for query in queries.values() for key in query.wanted} & set(COORDINATES)
    for coordinate in sorted(named - ({"steps"} if claim.relation in TRENDS else set())):
        for name, query in queries.items():
            values = dict.fromkeys(getattr(row, coordinate) for row in select(query, papers))
            if len(values) > 1 and coordinate not in query.wanted and not _reduced(claim, name):
                taken = f"{name} takes in {coordinate} {', '.join(map(repr, values))}"
                raise ValueError(f"{taken}, while another operand names a {coordinate}; name it for {name} too")


def _reduced(claim: Claim, name: str) -> bool:
    formulas = [formula for formula in (claim.formula, claim.reference) if formula is not None]
    return any("reduced" in operands_of(formula).get(name, ()) for formula in formulas)


def _written(claim: Claim, text: str) -> Row:
    blank = dict.fromkeys(Row._fields, "")
    return Row(**blank | {"paper": claim.paper, "value": text, "where": claim.where})

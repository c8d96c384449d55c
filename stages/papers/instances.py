"""Instances of a claim: which rows each of its comparisons rests on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations, product

from stages.papers.claims import TRENDS, Claim
from stages.papers.formulas import operands_of
from stages.papers.queries import Group, Key, Query, match, select
from stages.papers.tables import Papers, Row


def instances_of(claim: Claim, papers: Papers) -> list[tuple[Key, Group]]:
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
    written = {name: [_written(claim, text, papers)] for name, text in claim.operands.items() if isinstance(text, str)}
    return [(key, rows | written) for key, group in groups.items() for rows in _choices(claim, group)]


def sequence_of(key: Key) -> Key:
    """Return what the rows of one sequence along the steps agree on."""
    return tuple(pair for pair in key if pair[0] != "steps")


def unpaired_rows(claim: Claim, papers: Papers, instances: Sequence[tuple[Key, Group]]) -> list[tuple[str, Row]]:
    """Return the rows that a claim names but that are part of no comparison, each with the name of its operand."""
    compared = [group for _, group in instances]
    if claim.relation in TRENDS:
        # A row with no neighbour along the steps is compared with nothing.
        lengths = Counter(sequence_of(key) for key, _ in instances)
        compared = [group for key, group in instances if lengths[sequence_of(key)] > 1]
    paired = {(name, row) for group in compared for name, rows in group.items() for row in rows}
    queries = {name: operand for name, operand in claim.operands.items() if isinstance(operand, Query)}
    named = [(name, row) for name, query in queries.items() for row in select(query, papers)]
    return [pair for pair in named if pair not in paired]


def lost_rows(claim: Claim, unpaired: Sequence[tuple[str, Row]]) -> list[tuple[str, Row]]:
    """Return the unpaired rows whose operand does not say that some of its rows have no counterpart."""
    operands = claim.operands
    return [(name, row) for name, row in unpaired if not (isinstance(o := operands[name], Query) and o.partial)]


def near_misses(claim: Claim, unpaired: Sequence[tuple[str, Row]]) -> list[str]:
    """Return in words where two unpaired rows would pair but for one coordinate, such as a mistyped one."""
    named = {key for o in claim.operands.values() if isinstance(o, Query) for key in o.wanted}
    misses = []
    for (name, row), (other, counterpart) in combinations(unpaired, 2):
        apart = [c for c in row.axes if c not in named and getattr(row, c) != getattr(counterpart, c)]
        if name != other and len(apart) == 1:
            values = f"{getattr(row, apart[0])!r}, {getattr(counterpart, apart[0])!r}"
            misses.append(f"{name} and {other} differ in {apart[0]}: {values}")
    return list(dict.fromkeys(misses))


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


def _check_named(claim: Claim, papers: Papers) -> None:
    """Refuse an operand that takes in, say, several metrics where another operand names one."""
    queries = {name: operand for name, operand in claim.operands.items() if isinstance(operand, Query)}
    named = {key for query in queries.values() for key in query.wanted} & set(papers.schema.axes)
    for coordinate in sorted(named - ({"steps"} if claim.relation in TRENDS else set())):
        for name, query in queries.items():
            values = dict.fromkeys(getattr(row, coordinate) for row in select(query, papers))
            if len(values) > 1 and coordinate not in query.wanted and not _reduced(claim, name):
                taken = f"{name} takes in {coordinate} {', '.join(map(repr, values))}"
                raise ValueError(f"{taken}, while another operand names a {coordinate}; name it for {name} too")


def _reduced(claim: Claim, name: str) -> bool:
    formulas = [formula for formula in (claim.formula, claim.reference) if formula is not None]
    return any("reduced" in operands_of(formula).get(name, ()) for formula in formulas)


def _written(claim: Claim, text: str, papers: Papers) -> Row:
    kind = papers.row_type
    return kind(**dict.fromkeys(kind._fields, "") | {"paper": claim.paper, "value": text, "where": claim.where})

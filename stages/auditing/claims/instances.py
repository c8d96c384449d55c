"""Instances of a claim: which rows each of its comparisons rests on."""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import combinations, product

from stages.auditing.claims.claims import Claim
from stages.auditing.claims.formulas import operands_of, reduced_together
from stages.auditing.claims.pairing import pair_up
from stages.auditing.claims.queries import Group, Key, Query, match, select
from stages.auditing.tables.rows import Papers, Row

# How many rows may differ in one coordinate for a warning to name them.
MOST_ALIKE = 50


def instances_of(claim: Claim, papers: Papers) -> list[tuple[Key, Group]]:
    """Return the rows of each comparison: one row per operand, or several for one under min, mean and the like.

    The rows of operands that are under one of these together are in pairs: the first of each belong together.

    Raises:
        ValueError: no rows match, or what the operands name would pair unlike with unlike.
    """
    _check_named(claim, papers)
    groups = match(claim.operands, papers, claim.along or None)
    if not groups:
        raise ValueError("no rows match its operands")
    queries = {name: operand for name, operand in claim.operands.items() if isinstance(operand, Query)}
    named = {key for query in queries.values() for key in query.wanted} & set(papers.schema.axes)
    for names in _together(claim):
        groups = pair_up(groups, {n: select(queries[n], papers) for n in queries if n in names}, named - {claim.along})
    if not groups:
        raise ValueError("no rows of its operands belong together")
    written = {name: [_written(claim, text, papers)] for name, text in claim.operands.items() if isinstance(text, str)}
    return [(key, rows | written) for key, group in groups.items() for rows in _choices(claim, group)]


def sequence_of(claim: Claim, key: Key) -> Key:
    """Return what the rows of one sequence of a trend agree on."""
    return tuple(pair for pair in key if pair[0] != claim.along)


def unpaired_rows(claim: Claim, papers: Papers, instances: Sequence[tuple[Key, Group]]) -> list[tuple[str, Row]]:
    """Return the rows that a claim names but that are part of no comparison, each with the name of its operand."""
    compared = [group for _, group in instances]
    if claim.along:
        # A row with no neighbour along the coordinate is compared with nothing.
        lengths = Counter(sequence_of(claim, key) for key, _ in instances)
        compared = [group for key, group in instances if lengths[sequence_of(claim, key)] > 1]
    paired = {(name, row) for group in compared for name, rows in group.items() for row in rows}
    queries = {name: operand for name, operand in claim.operands.items() if isinstance(operand, Query)}
    named = [(name, row) for name, query in queries.items() for row in select(query, papers)]
    return [pair for pair in named if pair not in paired]


def lost_rows(claim: Claim, unpaired: Sequence[tuple[str, Row]]) -> list[tuple[str, Row]]:
    """Return the unpaired rows whose operand does not say that some of its rows have no counterpart."""
    operands = claim.operands
    return [(name, row) for name, row in unpaired if not (isinstance(o := operands[name], Query) and o.partial)]


def near_misses(claim: Claim, unpaired: Sequence[tuple[str, Row]]) -> list[str]:
    """Return in words where two unpaired rows would pair but for one coordinate, such as a mistyped one.

    What is spelled most alike comes first. Where dozens would pair with dozens, none is the mistyped one.
    """
    named = {key for o in claim.operands.values() if isinstance(o, Query) for key in o.wanted}
    shared = [axis for axis in (unpaired[0][1].axes if unpaired else ()) if axis not in named]
    misses: dict[tuple[str, ...], None] = {}
    for axis in shared:
        alike: dict[tuple[str, ...], list[tuple[str, str]]] = defaultdict(list)
        for name, row in unpaired:
            alike[tuple(getattr(row, other) for other in shared if other != axis)].append((name, getattr(row, axis)))
        few = (found for found in alike.values() if len(found) <= MOST_ALIKE)
        for (name, value), (other, counterpart) in (two for found in few for two in combinations(found, 2)):
            if name != other and value != counterpart:
                misses[value, counterpart, name, other, axis] = None
    ordered = sorted(misses, key=lambda miss: SequenceMatcher(None, miss[0], miss[1]).ratio(), reverse=True)
    return [f"{name} and {other} differ in {axis}: {a!r}, {b!r}" for a, b, name, other, axis in ordered]


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
    for coordinate in sorted(named - {claim.along}):
        for name, query in queries.items():
            values = dict.fromkeys(getattr(row, coordinate) for row in select(query, papers))
            if len(values) > 1 and coordinate not in query.wanted and not _reduced(claim, name):
                taken = f"{name} takes in {coordinate} {', '.join(map(repr, values))}"
                raise ValueError(f"{taken}, while another operand names a {coordinate}; name it for {name} too")


def _reduced(claim: Claim, name: str) -> bool:
    return any("reduced" in operands_of(formula).get(name, ()) for formula in _formulas(claim))


def _together(claim: Claim) -> list[set[str]]:
    """Return the sets of operands whose rows belong together under a reducer, those that overlap as one."""
    sets: list[set[str]] = []
    for names in (names for formula in _formulas(claim) for names in reduced_together(formula)):
        overlapping = [known for known in sets if known & names]
        sets = [known for known in sets if known not in overlapping] + [names.union(*overlapping)]
    return sets


def _formulas(claim: Claim) -> list[ast.expr]:
    return [formula for formula in (claim.formula, claim.reference) if formula is not None]


def _written(claim: Claim, text: str, papers: Papers) -> Row:
    kind = papers.row_type
    return kind(**dict.fromkeys(kind._fields, "") | {"paper": claim.paper, "value": text, "where": claim.where})

"""Instances of a claim: the rows of each of its comparisons, and the rows that are part of none."""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import combinations, product
from typing import NamedTuple

from stages.auditing.claims.claims import Claim
from stages.auditing.claims.formulas import operands_of, reduced_together
from stages.auditing.claims.queries import Group, Key, Query, match, select
from stages.auditing.tables.rows import Papers, Row

# If more rows differ in a coordinate, no pair of them is likely a typing error.
MOST_ALIKE = 50


def instances_of(claim: Claim, papers: Papers) -> list[tuple[Key, Group]]:
    """Return the rows of each comparison: one row per operand, or several for an operand under min, mean and the like.

    The rows of operands under the same reducer are aligned: the i-th rows of all of them belong together.

    Raises:
        ValueError: no rows match, or the operands would pair rows that differ in more than they name.
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
    """Return the coordinates, and their values, on which the rows of one sequence of a trend agree."""
    return tuple(pair for pair in key if pair[0] != claim.along)


def unpaired_rows(claim: Claim, papers: Papers, instances: Sequence[tuple[Key, Group]]) -> list[tuple[str, Row]]:
    """Return the rows that a claim names but no comparison uses, each with the name of its operand."""
    compared = [group for _, group in instances]
    if claim.along:
        # A row without a neighbour along the coordinate is not compared.
        lengths = Counter(sequence_of(claim, key) for key, _ in instances)
        compared = [group for key, group in instances if lengths[sequence_of(claim, key)] > 1]
    paired = {(name, row) for group in compared for name, rows in group.items() for row in rows}
    queries = {name: operand for name, operand in claim.operands.items() if isinstance(operand, Query)}
    named = [(name, row) for name, query in queries.items() for row in select(query, papers)]
    return [pair for pair in named if pair not in paired]


def lost_rows(claim: Claim, unpaired: Sequence[tuple[str, Row]]) -> list[tuple[str, Row]]:
    """Return the unpaired rows of operands that are not marked as partial."""
    partial = {name for name, operand in claim.operands.items() if isinstance(operand, Query) and operand.partial}
    return [(name, row) for name, row in unpaired if name not in partial]


class NearMiss(NamedTuple):
    """Two operands with rows that would pair but for their values on one axis."""

    name: str
    other: str
    axis: str
    value: str
    counterpart: str

    @property
    def similarity(self) -> float:
        """How similar the two values are spelled, from 0 to 1."""
        return SequenceMatcher(None, self.value, self.counterpart).ratio()


def near_misses(claim: Claim, unpaired: Sequence[tuple[str, Row]]) -> list[str]:
    """Return messages about unpaired rows that would pair but for one coordinate, which may be mistyped.

    The most similar spellings come first. Large groups are skipped: a typing error concerns few rows.
    """
    if not unpaired:
        return []
    named = {key for operand in claim.operands.values() if isinstance(operand, Query) for key in operand.wanted}
    shared = [axis for axis in unpaired[0][1].axes if axis not in named]
    misses: dict[NearMiss, None] = {}
    for axis in shared:
        alike: dict[tuple[str, ...], list[tuple[str, str]]] = defaultdict(list)
        for name, row in unpaired:
            others = tuple(getattr(row, other) for other in shared if other != axis)
            alike[others].append((name, getattr(row, axis)))
        for found in alike.values():
            if len(found) > MOST_ALIKE:
                continue
            for (name, value), (other, counterpart) in combinations(found, 2):
                if name != other and value != counterpart:
                    misses[NearMiss(name, other, axis, value, counterpart)] = None
    ordered = sorted(misses, key=lambda miss: miss.similarity, reverse=True)
    return [f"{m.name} and {m.other} differ in {m.axis}: {m.value!r}, {m.counterpart!r}" for m in ordered]


def lost_in(group: Group) -> str:
    """Return a message about the first number of a group that the papers' texts lost; empty if there is none."""
    for rows in group.values():
        for row in rows:
            if not row.value:
                return f"{row.label} is lost"
    return ""


def _choices(claim: Claim, group: Group) -> Iterator[Group]:
    choices = [[rows] if _reduced(claim, name) else [[row] for row in rows] for name, rows in group.items()]
    if sum(len(choice) > 1 for choice in choices) > 1:
        labels = ", ".join(row.label for rows in group.values() for row in rows)
        raise ValueError(f"pairs several rows with several ({labels}); name a column, row or where")
    for choice in product(*choices):
        yield dict(zip(group, choice, strict=True))


def _check_named(claim: Claim, papers: Papers) -> None:
    """Refuse an operand that spans, say, several metrics while another operand names one."""
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
    """Return the sets of operands under a common reducer; sets that overlap are joined."""
    sets: list[set[str]] = []
    for formula in _formulas(claim):
        for names in reduced_together(formula):
            overlapping = [known for known in sets if known & names]
            sets = [known for known in sets if known not in overlapping] + [names.union(*overlapping)]
    return sets


def _formulas(claim: Claim) -> list[ast.expr]:
    return [formula for formula in (claim.formula, claim.reference) if formula is not None]


def _written(claim: Claim, text: str, papers: Papers) -> Row:
    kind = papers.row_type
    return kind(**dict.fromkeys(kind._fields, "") | {"paper": claim.paper, "value": text, "where": claim.where})


def pair_up(
    groups: Mapping[Key, Group], operands: Mapping[str, Sequence[Row]], coordinates: Collection[str]
) -> dict[Key, Group]:
    """Return the groups with the rows of these operands aligned, leaving out rows without a counterpart.

    ``operands`` holds all rows of each operand. Rows are paired if they agree in those of the ``coordinates`` in which
    all operands with several rows vary; an operand of one row is part of every pair. Groups without a pair are left
    out.

    Raises:
        ValueError: all operands are one row each, or several rows of one would be paired with several of another.
    """
    varying = {
        name: {coordinate for coordinate in coordinates if len({getattr(row, coordinate) for row in rows}) > 1}
        for name, rows in operands.items()
    }
    several = [n for n in operands if varying[n] or any(len(group[n]) > 1 for group in groups.values())]
    if operands and all(len(group[name]) == 1 for group in groups.values() for name in operands):
        example = _gathered([row for rows in operands.values() for row in rows])
        raise ValueError(f"what is gathered of {', '.join(operands)} is one row each; name what to gather{example}")
    if len(several) < 2:
        return dict(groups)
    shared = sorted(set.intersection(*(varying[name] for name in several)))
    complete = {key: group | _aligned({name: group[name] for name in several}, shared) for key, group in groups.items()}
    return {key: group for key, group in complete.items() if all(group.values())}


def _gathered(rows: Sequence[Row]) -> str:
    """Return an example for a message: the first coordinate in which rows differ, with two of its values."""
    values = {axis: list(dict.fromkeys(getattr(row, axis) for row in rows)) for axis in rows[0].axes}
    message = (f", such as {axis}={','.join(found[:2])}" for axis, found in values.items() if len(found) > 1)
    return next(message, "")


def _aligned(operands: Mapping[str, Sequence[Row]], shared: Sequence[str]) -> Group:
    pairs = list(_pairs(operands, shared))
    return {name: [pair[i] for pair in pairs] for i, name in enumerate(operands)}


def _pairs(operands: Mapping[str, Sequence[Row]], shared: Sequence[str]) -> Iterator[Sequence[Row]]:
    """Yield the rows that belong together, one per operand."""
    agreeing: dict[tuple[str, ...], dict[str, list[Row]]] = {}
    for name, rows in operands.items():
        for row in rows:
            agreeing.setdefault(tuple(getattr(row, c) for c in shared), {}).setdefault(name, []).append(row)
    for found in agreeing.values():
        if len(found) < len(operands):
            continue
        if sum(len(rows) > 1 for rows in found.values()) > 1:
            labels = ", ".join(row.label for rows in found.values() for row in rows)
            raise ValueError(f"pairs several rows with several ({labels}); name a column, row or where")
        yield from product(*(found[name] for name in operands))

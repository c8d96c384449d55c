"""Pairs within a group: which rows of operands belong together under a function of several of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import product

from stages.auditing.claims.queries import Group, Key
from stages.auditing.tables.rows import Row


def pair_up(
    groups: Mapping[Key, Group], operands: Mapping[str, Sequence[Row]], coordinates: Collection[str]
) -> dict[Key, Group]:
    """Return the groups with the rows of these operands in pairs, leaving out those without a counterpart.

    ``operands`` holds all rows that each names. Rows are paired where they agree in the ``coordinates`` in which all
    operands vary that vary at all; an operand of one row is part of every pair. A group without a pair is left out.

    Raises:
        ValueError: all operands are one row each, or several rows of one would be paired with several of another.
    """
    varying = {n: {c for c in coordinates if len({getattr(r, c) for r in rows}) > 1} for n, rows in operands.items()}
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
    """Return, as an example, the first coordinate in which rows differ, with two of its values."""
    values = {axis: list(dict.fromkeys(getattr(row, axis) for row in rows)) for axis in rows[0].axes}
    told = (f", such as {axis}={','.join(found[:2])}" for axis, found in values.items() if len(found) > 1)
    return next(told, "")


def _aligned(operands: Mapping[str, Sequence[Row]], shared: Sequence[str]) -> Group:
    pairs = list(_pairs(operands, shared))
    return {name: [pair[i] for pair in pairs] for i, name in enumerate(operands)}


def _pairs(operands: Mapping[str, Sequence[Row]], shared: Sequence[str]) -> Iterator[Sequence[Row]]:
    """Yield the rows that belong together, one of each operand."""
    agreeing: dict[tuple[str, ...], dict[str, list[Row]]] = {}
    for name, rows in operands.items():
        for row in rows:
            agreeing.setdefault(tuple(getattr(row, c) for c in shared), {}).setdefault(name, []).append(row)
    for found in (found for found in agreeing.values() if len(found) == len(operands)):
        if sum(len(rows) > 1 for rows in found.values()) > 1:
            labels = ", ".join(row.label for rows in found.values() for row in rows)
            raise ValueError(f"pairs several rows with several ({labels}); name a column, row or where")
        yield from product(*(found[name] for name in operands))

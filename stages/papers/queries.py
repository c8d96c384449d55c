"""Queries: how a claim names rows of published tables, and which of them belong together."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from stages.papers.numbers import NUMBER
from stages.papers.tables import Row

COORDINATES = ("dataset", "model", "sampler", "spacing", "eta", "fix", "steps", "metric")
KEYS = (*COORDINATES, "paper", "row", "column", "source")


class Query(NamedTuple):
    """Rows of one table: those whose columns have one of the wanted values."""

    paper: str
    table: str
    wanted: Mapping[str, Sequence[str]]


Operand = Query | str
Group = dict[str, list[Row]]


def parse_operands(text: str) -> dict[str, Operand]:
    """Return the operands of ``a = ts/1 fix=none; b = 4.03``: queries, or printed numbers as text.

    Raises:
        ValueError: an operand is neither, or its name is taken.
    """
    operands: dict[str, Operand] = {}
    for part in filter(None, (part.strip() for part in text.split(";"))):
        name, _, content = (piece.strip() for piece in part.partition("="))
        if not name.isidentifier() or name in operands:
            raise ValueError(f"operand {part!r}: must be 'name = PAPER/TABLE key=value ...' or 'name = number', once")
        operands[name] = content if NUMBER.fullmatch(content) else parse_query(content)
    return operands


def parse_query(text: str) -> Query:
    """Return the query ``PAPER/TABLE key=value,value key="a value" ...``; ``key=`` wants the empty value.

    Raises:
        ValueError: no paper and table, or an unknown key.
    """
    address, *conditions = shlex.split(text) or [""]
    paper, slash, table = address.partition("/")
    wanted = {}
    for condition in conditions:
        key, equals, values = condition.partition("=")
        if not equals or key not in KEYS:
            raise ValueError(f"query {text!r}: {condition!r} must be key=value with a key of {', '.join(KEYS)}")
        wanted[key] = values.split(",") if key in COORDINATES else [values]
    if not (paper and slash and table):
        raise ValueError(f"query {text!r}: must start with PAPER/TABLE")
    return Query(paper, table, wanted)


def select(query: Query, papers: Mapping[str, Sequence[Row]]) -> list[Row]:
    """Return the rows that a query names, in the order of their file; ``papers`` holds each file's rows by its name."""
    return [
        row
        for row in papers.get(query.paper, ())
        if row.table == query.table and all(getattr(row, key) in values for key, values in query.wanted.items())
    ]


def match(
    operands: Mapping[str, Operand], papers: Mapping[str, Sequence[Row]], along: str | None = None
) -> dict[tuple[str, ...], Group]:
    """Return the rows that belong together, by the coordinates on which they agree.

    Rows are matched on the coordinates that no operand names, and on the one that a trend runs ``along``. Groups that
    lack an operand are left out; a printed number joins every group.
    """
    queries = {name: operand for name, operand in operands.items() if isinstance(operand, Query)}
    named = {key for query in queries.values() for key in query.wanted} - {along}
    shared = [coordinate for coordinate in COORDINATES if coordinate not in named]
    groups: dict[tuple[str, ...], Group] = {}
    for name, query in queries.items():
        for row in select(query, papers):
            groups.setdefault(tuple(getattr(row, key) for key in shared), {}).setdefault(name, []).append(row)
    complete = {key: group for key, group in groups.items() if len(group) == len(queries)}
    return complete if queries else {(): {}}


def distinct(groups: Sequence[Group]) -> list[str]:
    """Return, for each group, the coordinates that tell it from the others, joined by hyphens; a count where none do."""
    told = [{c: _common(group, c) for c in COORDINATES} for group in groups]
    varying = [c for c in COORDINATES if len({coordinates[c] for coordinates in told}) > 1]
    names = ["-".join(filter(None, (coordinates[c] for c in varying))) for coordinates in told]
    return names if len(set(names)) == len(names) else [f"{name}-{i}".strip("-") for i, name in enumerate(names, 1)]


def _common(group: Group, coordinate: str) -> str:
    return "+".join(dict.fromkeys(getattr(row, coordinate) for rows in group.values() for row in rows))

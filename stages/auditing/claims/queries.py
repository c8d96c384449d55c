"""Queries: how a claim names rows of published tables, and which of them belong together."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from stages.auditing.tables.numbers import NUMBER
from stages.auditing.tables.rows import Papers, Row
from stages.auditing.tables.schema import DIFFUSION, Schema

LABELS = ("paper", "row", "column", "where", "source")
# A semicolon outside double quotes.
SEPARATOR = re.compile(r';(?=(?:[^"]*"[^"]*")*[^"]*$)')


class Query(NamedTuple):
    """Rows of one table: those whose columns have one of the wanted values. ``paper`` is the name of their file.

    ``partial`` says that some of them have no counterpart in the other operands, as is meant.
    """

    paper: str
    table: str
    wanted: Mapping[str, Sequence[str]]
    partial: bool = False


Operand = Query | str
Group = dict[str, list[Row]]
# The coordinates on which the rows of a group agree, with their values.
Key = tuple[tuple[str, str], ...]


def parse_operands(text: str, schema: Schema = DIFFUSION) -> dict[str, Operand]:
    """Return the operands of ``a = ts/1? fix=none; b = 4.03``: queries, or printed numbers as text.

    Raises:
        ValueError: an operand is neither, or its name is taken.
    """
    operands: dict[str, Operand] = {}
    for part in filter(None, (part.strip() for part in SEPARATOR.split(text))):
        name, _, content = (piece.strip() for piece in part.partition("="))
        if not name.isidentifier() or name in operands:
            raise ValueError(f"operand {part!r}: must be 'name = PAPER/TABLE key=value ...' or 'name = number', once")
        operands[name] = content if NUMBER.fullmatch(content) else _parse_operand(content, schema)
    return operands


def _parse_operand(text: str, schema: Schema) -> Query:
    query = parse_query(text, schema)
    return query._replace(table=query.table.removesuffix("?"), partial=query.table.endswith("?"))


def parse_query(text: str, schema: Schema = DIFFUSION) -> Query:
    """Return the query ``PAPER/TABLE key=value,value key="a value" ...``; ``key=`` wants the empty value.

    Raises:
        ValueError: no paper and table, an unknown key, or one that is there twice.
    """
    address, *conditions = _words(text) or [""]
    paper, slash, table = address.partition("/")
    if not (paper and slash and table):
        raise ValueError(f"query {text!r}: must start with PAPER/TABLE")
    wanted: dict[str, Sequence[str]] = {}
    for condition in conditions:
        key, equals, values = condition.partition("=")
        if not equals or key not in schema.axes + LABELS or key in wanted:
            keys = ", ".join(schema.axes + LABELS)
            told = "key=value, once; a value with spaces stands in double quotes"
            raise ValueError(f"query {text!r}: {condition!r} must be {told}; keys are {keys}")
        wanted[key] = values.split(",") if key in schema.axes else [values]
    return Query(paper, table, wanted)


def select(query: Query, papers: Papers) -> list[Row]:
    """Return the rows that a query names, in the order of their file.

    Raises:
        ValueError: the table does not exist, or has a wanted value nowhere.
    """
    table = papers.tables.get((query.paper, query.table), ())
    if not table:
        tables = ", ".join(map("/".join, papers.tables))
        raise ValueError(f"there is no table {query.paper}/{query.table}, but {tables}")
    for key, values in query.wanted.items():
        known = dict.fromkeys(getattr(row, key) for row in table)
        if unknown := set(values) - set(known):
            told = f"{query.paper}/{query.table} has no row with {key}={', '.join(sorted(unknown))}"
            raise ValueError(f"{told}, but {', '.join(map(repr, known))}")
    return [row for row in table if all(getattr(row, key) in values for key, values in query.wanted.items())]


def match(operands: Mapping[str, Operand], papers: Papers, along: str | None = None) -> dict[Key, Group]:
    """Return the rows that belong together, by the coordinates on which they agree.

    Rows are matched on the coordinates that no operand names, and on the one that a trend runs ``along``. Groups that
    lack an operand are left out; a printed number joins every group.
    """
    queries = {name: operand for name, operand in operands.items() if isinstance(operand, Query)}
    named = {key for query in queries.values() for key in query.wanted} - {along}
    shared = [coordinate for coordinate in papers.schema.axes if coordinate not in named]
    groups: dict[Key, Group] = {}
    for name, query in queries.items():
        for row in select(query, papers):
            groups.setdefault(tuple((c, getattr(row, c)) for c in shared), {}).setdefault(name, []).append(row)
    complete = {key: group for key, group in groups.items() if len(group) == len(queries)}
    return complete if queries else {(): {}}


def distinct(groups: Sequence[Group]) -> list[list[str]]:
    """Return, for each group, the coordinates that tell it from the others, with a count where none do."""
    axes = dict.fromkeys(axis for group in groups for rows in group.values() for row in rows for axis in row.axes)
    told = [{c: _common(group, c) for c in axes} for group in groups]
    varying = [c for c in axes if len({coordinates[c] for coordinates in told}) > 1]
    names = [[coordinates[c] for c in varying if coordinates[c]] for coordinates in told]
    unique = len(set(map(tuple, names))) == len(names)
    return names if unique else [[*name, str(i)] for i, name in enumerate(names, 1)]


def _common(group: Group, coordinate: str) -> str:
    return "+".join(dict.fromkeys(getattr(row, coordinate) for rows in group.values() for row in rows))


def _words(text: str) -> list[str]:
    # Only double quotes quote: labels hold apostrophes and backslashes.
    lexer = shlex.shlex(text, posix=True)
    lexer.whitespace_split, lexer.quotes, lexer.escape, lexer.commenters = True, '"', "", ""
    try:
        return list(lexer)
    except ValueError:
        raise ValueError(f"query {text!r}: a double quote is not closed") from None

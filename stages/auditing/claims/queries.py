"""Queries: how a claim names rows of published tables, and which rows belong together."""

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
    """A selection of rows of one table: those whose columns have one of the wanted values.

    ``paper`` is the name of the file. ``partial`` says that rows without a counterpart in the other operands are meant
    to be left out.
    """

    paper: str
    table: str
    wanted: Mapping[str, Sequence[str]]
    partial: bool = False


Operand = Query | str
Group = dict[str, list[Row]]
# The coordinates on which the rows of a group agree, each with its value.
Key = tuple[tuple[str, str], ...]


def parse_operands(text: str, schema: Schema = DIFFUSION) -> dict[str, Operand]:
    """Return the operands of a text such as ``a = paper/1? fix=none; b = 4.03``: queries, or printed numbers as text.

    Raises:
        ValueError: an operand is neither, or its name is taken.
    """
    operands: dict[str, Operand] = {}
    for part in map(str.strip, SEPARATOR.split(text)):
        if not part:
            continue
        name, _, content = map(str.strip, part.partition("="))
        if not name.isidentifier() or name in operands:
            raise ValueError(f"operand {part!r}: must be 'name = PAPER/TABLE key=value ...' or 'name = number', once")
        operands[name] = content if NUMBER.fullmatch(content) else _parse_operand(content, schema)
    return operands


def _parse_operand(text: str, schema: Schema) -> Query:
    query = parse_query(text, schema)
    return query._replace(table=query.table.removesuffix("?"), partial=query.table.endswith("?"))


def parse_query(text: str, schema: Schema = DIFFUSION) -> Query:
    """Return the query of a text ``PAPER/TABLE key=value,value key="a value" ...``; ``key=`` selects the empty value.

    Raises:
        ValueError: paper and table are missing, or a key is unknown or there twice.
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
            message = "key=value, once; a value with spaces needs double quotes"
            raise ValueError(f"query {text!r}: {condition!r} must be {message}; keys are {keys}")
        wanted[key] = values.split(",") if key in schema.axes else [values]
    return Query(paper, table, wanted)


def select(query: Query, papers: Papers) -> list[Row]:
    """Return the rows that a query selects, in the order of their file.

    Raises:
        ValueError: the table does not exist, or none of its rows has a wanted value.
    """
    table = papers.tables.get((query.paper, query.table), ())
    if not table:
        tables = ", ".join(map("/".join, papers.tables))
        raise ValueError(f"there is no table {query.paper}/{query.table}, but {tables}")
    for key, values in query.wanted.items():
        known = dict.fromkeys(getattr(row, key) for row in table)
        unknown = set(values) - set(known)
        if unknown:
            message = f"{query.paper}/{query.table} has no row with {key}={', '.join(sorted(unknown))}"
            raise ValueError(f"{message}, but {', '.join(map(repr, known))}")
    return [row for row in table if all(getattr(row, key) in values for key, values in query.wanted.items())]


def match(operands: Mapping[str, Operand], papers: Papers, along: str | None = None) -> dict[Key, Group]:
    """Return the groups of matching rows, by the coordinates on which they agree.

    Rows are matched on the coordinates that no operand names, and on the coordinate ``along`` which a trend runs.
    Groups that lack an operand are left out; printed numbers are not part of a group's key.
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
    """Return, for each group, the coordinates in which it differs from the others, numbered if that is not unique."""
    axes = dict.fromkeys(axis for group in groups for rows in group.values() for row in rows for axis in row.axes)
    message = [{c: _common(group, c) for c in axes} for group in groups]
    varying = [c for c in axes if len({coordinates[c] for coordinates in message}) > 1]
    names = [[coordinates[c] for c in varying if coordinates[c]] for coordinates in message]
    unique = len(set(map(tuple, names))) == len(names)
    return names if unique else [[*name, str(i)] for i, name in enumerate(names, 1)]


def _common(group: Group, coordinate: str) -> str:
    return "+".join(dict.fromkeys(getattr(row, coordinate) for rows in group.values() for row in rows))


def _words(text: str) -> list[str]:
    # Labels may hold apostrophes and backslashes, so only double quotes quote.
    lexer = shlex.shlex(text, posix=True)
    lexer.whitespace_split = True
    lexer.quotes = '"'
    lexer.escape = ""
    lexer.commenters = ""
    try:
        return list(lexer)
    except ValueError:
        raise ValueError(f"query {text!r}: a double quote is not closed") from None

"""Claims as records of claims.csv, over the numbers that they compare."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from stages.auditing.claims.claims import COLUMNS
from stages.auditing.importer.interpret.number_rows import Number

# The rows of one check, by the name of their operand; several under min, max or mean.
Instance = Mapping[str, Sequence[Number]]


def axes_of(number: Number) -> dict[str, str]:
    """Return all by which a number is found: its coordinates and its metric."""
    return {**number.coordinates, "metric": number.metric}


def record(**fields: str) -> dict[str, str]:
    """Return a record of claims.csv; fields that are not given are empty."""
    return dict.fromkeys(COLUMNS, "") | fields


def operand_texts(paper: str, table: Sequence[Number], instances: Sequence[Instance]) -> list[str]:
    """Return the operands of a claim that checks these instances, or where none can, of a claim for each.

    Those whose coordinates cannot name their rows are left out. ``table`` holds the numbers of the table that all of
    them are in, ``instances`` the rows of each check.
    """
    together = _together(paper, table, instances)
    return [together] if together else list(filter(None, (_alone(paper, table, instance) for instance in instances)))


def _together(paper: str, table: Sequence[Number], instances: Sequence[Instance]) -> str:
    """Return operands that name exactly the rows of the instances and pair them so; empty if there are none."""
    if len(instances) < 2:
        return ""
    names = list(instances[0])
    gathered = {name: [number for instance in instances for number in instance[name]] for name in names}
    named = _named(table, instances, gathered)
    texts = []
    for name, numbers in gathered.items():
        values = {axis: list(dict.fromkeys(axes_of(n).get(axis, "") for n in numbers)) for axis in named}
        if any(len(v) > 1 for v in values.values()) and all(len(i[name]) == 1 for i in instances):
            return ""
        if {_key(n) for n in _chosen(table, values)} != {_key(n) for n in numbers}:
            return ""
        texts.append(_query(paper, name, numbers[0].table, values))
    shared = [
        tuple(v for a, v in _sorted(numbers[0]) if a not in named) for i in instances for numbers in [i[names[0]]]
    ]
    return "; ".join(texts) if len(set(shared)) == len(instances) else ""


def _named(
    table: Sequence[Number], instances: Sequence[Instance], gathered: Mapping[str, Sequence[Number]]
) -> list[str]:
    """Return the coordinates that must be named: those in which rows of one check differ, and which the table varies
    though the rows of all checks do not."""
    axes = dict.fromkeys(axis for number in table for axis in axes_of(number))
    found = []
    for axis in axes:
        apart = any(len({axes_of(n).get(axis, "") for ns in i.values() for n in ns}) > 1 for i in instances)
        rows = {axes_of(n).get(axis, "") for ns in gathered.values() for n in ns}
        if apart or rows != {axes_of(n).get(axis, "") for n in table}:
            found.append(axis)
    return found


def _alone(paper: str, table: Sequence[Number], instance: Instance) -> str:
    """Return operands that name the rows of one check; empty where coordinates cannot name them."""
    axes = dict.fromkeys(axis for number in table for axis in axes_of(number))
    apart = [a for a in axes if len({axes_of(n).get(a, "") for ns in instance.values() for n in ns}) > 1]
    varying = [a for a in axes if a in apart or len({axes_of(n).get(a, "") for n in table}) > 1]
    texts = []
    for name, numbers in instance.items():
        values = {axis: list(dict.fromkeys(axes_of(n).get(axis, "") for n in numbers)) for axis in varying}
        # What is gathered by min, max or mean need not name what its rows do not share.
        common = {axis: v for axis, v in values.items() if len(v) == 1}
        exact = [c for c in (common, values) if {_key(n) for n in _chosen(table, c)} == {_key(n) for n in numbers}]
        if not exact:
            return ""
        texts.append(_query(paper, name, numbers[0].table, exact[0]))
    return "; ".join(texts)


def _chosen(table: Sequence[Number], values: Mapping[str, Sequence[str]]) -> list[Number]:
    return [n for n in table if all(axes_of(n).get(axis, "") in v for axis, v in values.items())]


def _query(paper: str, name: str, table: str, values: Mapping[str, Iterable[str]]) -> str:
    message = (f"{axis}={','.join(v)}" for axis, v in values.items())
    return " ".join([f"{name} = {paper}/{table}", *(f'"{text}"' if " " in text else text for text in message)])


def _key(number: Number) -> tuple[str, ...]:
    return number.table, number.row, number.column, number.metric


def _sorted(number: Number) -> list[tuple[str, str]]:
    return sorted(axes_of(number).items())

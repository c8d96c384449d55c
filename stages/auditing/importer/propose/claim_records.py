"""Claims as records of claims.csv, whose operands name the numbers that they compare."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from stages.auditing.claims.claims import COLUMNS
from stages.auditing.importer.decisions import Decision
from stages.auditing.importer.interpret.number_rows import Number

# The rows of one comparison by the name of their operand; several under min, max or mean.
Instance = Mapping[str, Sequence[Number]]


class Proposal(NamedTuple):
    """Records of claims.csv, and what a person must decide about them."""

    claims: list[dict[str, str]]
    decisions: list[Decision]


def axes_of(number: Number) -> dict[str, str]:
    """Return the coordinates and the metric of a number, by which a query finds it."""
    return {**number.coordinates, "metric": number.metric}


def record(**fields: str) -> dict[str, str]:
    """Return a record of claims.csv; fields that are not given are empty."""
    return dict.fromkeys(COLUMNS, "") | fields


def operand_texts(paper: str, table: Sequence[Number], instances: Sequence[Instance]) -> list[str]:
    """Return the operands of one claim over all instances or, if there are none, of a claim for each instance.

    ``table`` holds all numbers of the instances' table. Instances whose rows the coordinates cannot select are left
    out.
    """
    together = _together(paper, table, instances)
    if together:
        return [together]
    texts = [_alone(paper, table, instance) for instance in instances]
    return [text for text in texts if text]


def _together(paper: str, table: Sequence[Number], instances: Sequence[Instance]) -> str:
    """Return operands that select exactly the rows of the instances and pair them likewise; empty if none do."""
    if len(instances) < 2:
        return ""
    names = list(instances[0])
    gathered = {name: [number for instance in instances for number in instance[name]] for name in names}
    named = _named(table, instances, gathered)
    texts = []
    for name, numbers in gathered.items():
        values = _values(named, numbers)
        varies = any(len(found) > 1 for found in values.values())
        if varies and all(len(instance[name]) == 1 for instance in instances):
            return ""
        if _keys(_chosen(table, values)) != _keys(numbers):
            return ""
        texts.append(_query(paper, name, numbers[0].table, values))
    shared = set()
    for instance in instances:
        axes = axes_of(instance[names[0]][0])
        shared.add(tuple(axes[axis] for axis in sorted(axes) if axis not in named))
    return "; ".join(texts) if len(shared) == len(instances) else ""


def _named(
    table: Sequence[Number], instances: Sequence[Instance], gathered: Mapping[str, Sequence[Number]]
) -> list[str]:
    """Return the axes that the operands must name.

    These are the axes in which the rows of one instance differ, and those with values that only other rows of the
    table have.
    """
    found = []
    for axis in _all_axes(table):
        apart = any(len(_values_in_rows(axis, instance)) > 1 for instance in instances)
        if apart or _values_in_rows(axis, gathered) != {axes_of(number).get(axis, "") for number in table}:
            found.append(axis)
    return found


def _alone(paper: str, table: Sequence[Number], instance: Instance) -> str:
    """Return operands that select the rows of one instance; empty if coordinates cannot select them."""
    varying = []
    for axis in _all_axes(table):
        apart = len(_values_in_rows(axis, instance)) > 1
        if apart or len({axes_of(number).get(axis, "") for number in table}) > 1:
            varying.append(axis)
    texts = []
    for name, numbers in instance.items():
        values = _values(varying, numbers)
        # Rows under min, max or mean need not name the axes in which they differ.
        common = {axis: found for axis, found in values.items() if len(found) == 1}
        exact = [wanted for wanted in (common, values) if _keys(_chosen(table, wanted)) == _keys(numbers)]
        if not exact:
            return ""
        texts.append(_query(paper, name, numbers[0].table, exact[0]))
    return "; ".join(texts)


def _all_axes(table: Sequence[Number]) -> list[str]:
    return list(dict.fromkeys(axis for number in table for axis in axes_of(number)))


def _values(axes: Iterable[str], numbers: Sequence[Number]) -> dict[str, list[str]]:
    return {axis: list(dict.fromkeys(axes_of(number).get(axis, "") for number in numbers)) for axis in axes}


def _values_in_rows(axis: str, rows: Instance) -> set[str]:
    return {axes_of(number).get(axis, "") for numbers in rows.values() for number in numbers}


def _chosen(table: Sequence[Number], values: Mapping[str, Sequence[str]]) -> list[Number]:
    return [
        number for number in table if all(axes_of(number).get(axis, "") in wanted for axis, wanted in values.items())
    ]


def _query(paper: str, name: str, table: str, values: Mapping[str, Iterable[str]]) -> str:
    conditions = [f"{axis}={','.join(wanted)}" for axis, wanted in values.items()]
    quoted = [f'"{condition}"' if " " in condition else condition for condition in conditions]
    return " ".join([f"{name} = {paper}/{table}", *quoted])


def _keys(numbers: Iterable[Number]) -> set[tuple[str, ...]]:
    return {(number.table, number.row, number.column, number.metric) for number in numbers}

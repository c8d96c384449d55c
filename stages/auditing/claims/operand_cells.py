"""Cells: how the numbers and words of a comparison's rows are read."""

from __future__ import annotations

from stages.auditing.claims.formulas import Read
from stages.auditing.claims.queries import Group
from stages.auditing.tables.numbers import Printed, parse_number
from stages.auditing.tables.rows import COUNT, Row


def reader(group: Group) -> Read:
    """Return what reads the numbers of an operand's attribute, each with the name of its cell.

    What was set or counted, not measured, has no width. One cell has one name, whichever operands name its row.
    """

    def read(name: str, attribute: str) -> list[tuple[str, Printed]]:
        try:
            return [(_cell(name, row, attribute), _number(row, attribute)) for row in group[name]]
        except ValueError as error:
            label = ", ".join(row.label for row in group[name])
            raise ValueError(f"{name}.{attribute} of {label}: {error}") from None

    return read


def text_of(row: Row, attribute: str) -> str:
    """Return an attribute of a row as printed: a column, or the spread behind its value.

    Raises:
        ValueError: there is no spread.
    """
    if attribute != "spread":
        return getattr(row, attribute)
    spread = parse_number(row.value).spread
    if spread is None:
        raise ValueError(f"{row.value!r} has no spread (such as 3.21 ± 0.05)")
    return spread.text


def _number(row: Row, attribute: str) -> Printed:
    number = parse_number(text_of(row, attribute))
    counted = attribute == "value" and row.kind == COUNT
    return number.exact() if counted or attribute in row.axes else number


def _cell(name: str, row: Row, attribute: str) -> str:
    # A number of the prose is in no table; two of them may be equal by chance.
    return f"{attribute} {row.place or ' '.join(row)}" if row.table else f"{attribute} {name}"

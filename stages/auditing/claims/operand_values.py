"""Values of operands: how the numbers and texts of a comparison are read from its rows."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import NamedTuple

from stages.auditing.claims.formulas import Read, address, is_selection
from stages.auditing.claims.queries import Group
from stages.auditing.claims.relations import IS, Held
from stages.auditing.tables.numbers import PRINTED, ROUNDED, Interval, Printed, parse_number
from stages.auditing.tables.rows import COUNT, Row


def reader(group: Group) -> Read:
    """Return a function that reads the numbers of an operand's attribute, each with the name of its cell.

    Settings and counts are exact, not rounded. A cell has one name, whichever operands name its row.
    """

    def read(name: str, attribute: str) -> list[tuple[str, Printed]]:
        try:
            return [(_cell(name, row, attribute), _number(row, attribute)) for row in group[name]]
        except ValueError as error:
            label = ", ".join(row.label for row in group[name])
            raise ValueError(f"{name}.{attribute} of {label}: {error}") from None

    return read


def text_of(row: Row, attribute: str) -> str:
    """Return an attribute of a row as printed: a column, or the spread after its value.

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
    # Numbers from the text are in no table; two of them may be equal by chance, so the operand names them.
    return f"{attribute} {row.place or ' '.join(row)}" if row.table else f"{attribute} {name}"


class Words(NamedTuple):
    """The texts of one side: by the printed numbers (several if they tie), and possibly by the unrounded ones."""

    printed: Sequence[str]
    possible: Sequence[str]
    spelled: str


def words_of(side: ast.expr | None, stated: str, group: Group) -> Words:
    """Return the texts of one side of a comparison: of an operand, of a selected row, or as ``stated``."""
    match side:
        case None:
            return Words([stated], [stated], stated)
        case ast.Attribute(ast.Call(ast.Name(function), [operand]), attribute) if is_selection(side):
            name, of = address(operand)
            numbers = [number for _, number in reader(group)(name, of)]
            printed = [number.within(PRINTED) for number in numbers]
            rounded = [number.within(ROUNDED) for number in numbers]
            if function == "argmax":
                printed = [-interval for interval in printed]
                rounded = [-interval for interval in rounded]
            least = _least(printed)
            possible = _possibly_least(rounded, least)
            texts = [text_of(row, attribute) for row in group[name]]
            spelled = f"{function}({', '.join(number.text for number in numbers)}).{attribute}"
            return Words([texts[i] for i in least], [texts[i] for i in possible], spelled)
        case _:
            name, attribute = address(side)
            text = text_of(group[name][0], attribute)
            return Words([text], [text], text)


def same_words(left: Words, relation: str, right: Words) -> Held:
    """Return whether both sides say the same: by the printed numbers, possibly by the unrounded ones, or not.

    Texts are compared without case and spaces; with "=", they are numbers and compared by value.

    Raises:
        ValueError: a text beside "=" is not a number.
    """

    def meet(first: Sequence[str], second: Sequence[str]) -> bool:
        if relation == IS:
            return bool({_plain(text) for text in first} & {_plain(text) for text in second})
        return bool({parse_number(text).value for text in first} & {parse_number(text).value for text in second})

    if meet(left.printed, right.printed):
        return "yes"
    return "possible" if meet(left.possible, right.possible) else "no"


def _least(printed: Sequence[Interval]) -> list[int]:
    """Return the indices of the numbers that are the least as printed."""
    lowest = min(interval.low for interval in printed)
    return [i for i, interval in enumerate(printed) if interval.low == lowest]


def _possibly_least(rounded: Sequence[Interval], least: Sequence[int]) -> list[int]:
    """Return the indices of the numbers that may be the least before rounding."""
    bound = min(interval.high for interval in rounded)
    return [i for i, interval in enumerate(rounded) if i in least or interval.low < bound]


def _plain(text: str) -> str:
    return "".join(text.casefold().split())

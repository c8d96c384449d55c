"""Words of a comparison: texts, and the coordinate of the row with the least or the largest value."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import NamedTuple

from stages.auditing.claims.formulas import address, is_selection
from stages.auditing.claims.operand_cells import reader, text_of
from stages.auditing.claims.queries import Group
from stages.auditing.claims.relations import IS, Held
from stages.auditing.tables.numbers import PRINTED, ROUNDED, Interval, parse_number


class Words(NamedTuple):
    """What a side says by the printed numbers, several where they tie, and what it may say by those behind them."""

    printed: Sequence[str]
    possible: Sequence[str]
    spelled: str


def words_of(side: ast.expr | None, stated: str, group: Group) -> Words:
    """Return the words of one side of a comparison: of an operand, of a selected row, or as ``stated``."""
    match side:
        case None:
            return Words([stated], [stated], stated)
        case ast.Attribute(ast.Call(ast.Name(function), [operand]), attribute) if is_selection(side):
            name, of = address(operand)
            numbers = [number for _, number in reader(group)(name, of)]
            least, perhaps = _least(
                [[n.within(s) if function == "argmin" else -n.within(s) for n in numbers] for s in (PRINTED, ROUNDED)]
            )
            texts = [text_of(row, attribute) for row in group[name]]
            spelled = f"{function}({', '.join(number.text for number in numbers)}).{attribute}"
            return Words([texts[i] for i in least], [texts[i] for i in perhaps], spelled)
        case _:
            name, attribute = address(side)
            text = text_of(group[name][0], attribute)
            return Words([text], [text], text)


def same_words(left: Words, relation: str, right: Words) -> Held:
    """Return whether both sides may say the same: by the printed numbers, by those behind them, or not at all.

    Texts are equal but for case and spaces; numbers, as coordinates are, where they have the same value.

    Raises:
        ValueError: a word beside "=" is no number.
    """

    def meet(first: Sequence[str], second: Sequence[str]) -> bool:
        if relation == IS:
            return bool({_plain(text) for text in first} & {_plain(text) for text in second})
        return bool({parse_number(text).value for text in first} & {parse_number(text).value for text in second})

    if meet(left.printed, right.printed):
        return "yes"
    return "possible" if meet(left.possible, right.possible) else "no"


def _least(ranges: Sequence[Sequence[Interval]]) -> tuple[list[int], list[int]]:
    """Return the places of the numbers that are the least as printed, and of those that may be if rounded."""
    printed, rounded = ranges
    lowest, bound = min(i.low for i in printed), min(i.high for i in rounded)
    least = [place for place, i in enumerate(printed) if i.low == lowest]
    return least, [place for place, i in enumerate(rounded) if place in least or i.low < bound]


def _plain(text: str) -> str:
    return "".join(text.casefold().split())

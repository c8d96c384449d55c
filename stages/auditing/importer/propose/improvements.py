"""Claims over the improvements printed beside numbers: against which base, by which formula, most of them fit."""

from __future__ import annotations

from collections.abc import Sequence

from stages.auditing.importer.interpret.number_rows import Number
from stages.auditing.importer.propose.claim_records import Instance, axes_of, operand_texts, record
from stages.auditing.importer.propose.decisions import Decision
from stages.auditing.importer.propose.fitting_sums import CHANGES, count_fits, fits

Checks = list[tuple[Instance, str]]


def improvement_claims(paper: str, table: Sequence[Number]) -> tuple[list[dict[str, str]], list[Decision]]:
    """Return claims over all improvements of one table, metric by metric, and which bases were guessed."""
    claims, decisions = [], []
    for metric in dict.fromkeys(number.metric for number in table if number.improvement):
        mine = [number for number in table if number.metric == metric]
        axis, base, formula, checks = _best_base(mine)
        place = f"Table {table[0].table}"
        printed = sum(bool(number.improvement) for number in mine)
        if not checks:
            told = f"{printed} improvements of {metric}: there is no row that could be their base"
            decisions.append(Decision("claim", place, told))
            continue
        good = count_fits(formula, checks)
        told = (
            f"improvements of {metric} are taken over {axis} {base or '(empty)'} by {formula}: {good} of {printed} fit"
        )
        decisions.append(Decision("base", place, told))
        instances = [instance for instance, stated in checks if fits(formula, instance, stated) is not None]
        for other in dict.fromkeys(axes_of(i["b"][0]).get(axis, "") for i in instances):
            one = [i for i in instances if axes_of(i["b"][0]).get(axis, "") == other]
            statement = f"The improvement of {metric} that is printed beside {other or 'it'}, over {base or 'the base'}"
            for operands in operand_texts(paper, table, one):
                claims.append(
                    record(kind="improvement", where=place, statement=statement, operands=operands, formula=formula,
                           relation="=", stated="b.improvement")
                )  # fmt: skip
    return claims, decisions


def _best_base(numbers: Sequence[Number]) -> tuple[str, str, str, Checks]:
    """Return the coordinate and its value that most improvements are over, the formula, and the pairs."""
    best: tuple[tuple[int, int], tuple[str, str, str, Checks]] = (0, 0), ("", "", "", [])
    by_place = {_place(number): number for number in numbers}
    for axis in dict.fromkeys(axis for number in numbers for axis in number.coordinates):
        for base in dict.fromkeys(number.coordinates.get(axis, "") for number in numbers):
            checks = _pairs(numbers, by_place, axis, base)
            for formula in CHANGES:
                rank = count_fits(formula, checks), len(checks)
                if rank > best[0]:
                    best = rank, (axis, base, formula, checks)
    return best[1]


def _pairs(numbers: Sequence[Number], by_place: dict[tuple, Number], axis: str, base: str) -> Checks:
    checks = []
    for number in numbers:
        if number.improvement and number.coordinates.get(axis, "") != base:
            other = by_place.get(_place(number, axis, base))
            if other:
                checks.append(({"a": [other], "b": [number]}, number.improvement))
    return checks


def _place(number: Number, axis: str = "", value: str = "") -> tuple:
    moved = {**number.coordinates, axis: value} if axis else number.coordinates
    return tuple(sorted(pair for pair in moved.items() if pair[1]))

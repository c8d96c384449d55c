"""Claims over numbers that two tables print with the same coordinates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

from stages.auditing.importer.interpret.number_rows import Number
from stages.auditing.importer.propose.claim_records import axes_of, record
from stages.auditing.importer.propose.decisions import Decision
from stages.auditing.importer.propose.fitting_sums import same


def repeat_claims(paper: str, tables: Mapping[str, Sequence[Number]]) -> tuple[list[dict[str, str]], list[Decision]]:
    """Return claims that numbers of the same coordinates are the same; none where most of two tables' are not.

    Those lack a coordinate that tells the tables apart, such as a data set that only a caption names.
    """
    claims, decisions = [], []
    for (one, first), (two, second) in combinations(tables.items(), 2):
        known = {_place(number): number for number in first if not number.text}
        pairs = [(known[_place(n)], n) for n in second if not n.text and _place(n) in known]
        for metric in dict.fromkeys(number.metric for _, number in pairs):
            mine = [(a, b) for a, b in pairs if b.metric == metric]
            equal = sum(same(a.value, b.value) for a, b in mine)
            if equal * 2 < len(mine):
                told = f"of {len(mine)} pairs of equal coordinates {equal} have the same number; what is missing?"
                decisions.append(Decision("claim", f"Tables {one} and {two}", f"{metric}: {told}"))
                continue
            operands = f"a = {paper}/{one}? metric={metric}; b = {paper}/{two}? metric={metric}"
            statement = f"{metric} of Table {one} is printed again in Table {two}"
            claims.append(
                record(kind="repeated", where=f"Tables {one} and {two}", statement=statement, operands=operands,
                       formula="a", relation="=", stated="b")
            )  # fmt: skip
    return claims, decisions


def _place(number: Number) -> tuple:
    return tuple(sorted(pair for pair in axes_of(number).items() if pair[1]))

"""Claims over numbers in bold: that each is the best of its kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from stages.auditing.importer.interpret.number_rows import Number
from stages.auditing.importer.propose.claim_records import operand_texts, record
from stages.auditing.importer.propose.decisions import Decision
from stages.auditing.importer.propose.derived import is_computed
from stages.auditing.tables.numbers import parse_number
from stages.auditing.tables.rows import Metric

# What the numbers that one is compared with have in common, the likeliest first.
SCOPES: dict[str, Callable[[Number], tuple[str, ...]]] = {
    "column": lambda number: (number.column,),
    "group of rows": lambda number: (number.column, number.row.rpartition(" | ")[0]),
    "row": lambda number: (number.row,),
}
BEST = {"lower": ("<=", "min", "least"), "higher": (">=", "max", "largest")}


def best_claims(
    paper: str, table: Sequence[Number], metrics: Mapping[str, Metric]
) -> tuple[list[dict[str, str]], list[Decision]]:
    """Return a claim for every bold number whose metric has a direction; none where bold seems to mean another thing.

    Bold is the best of a column, of a group of rows in it, or of a row: whichever most of a table's bold numbers are.
    """
    place = f"Table {table[0].table}" if table else ""
    unknown = dict.fromkeys(
        n.metric for n in table if n.bold and not (n.text or is_computed(n) or metrics[n.metric].better)
    )
    decisions = [Decision("claim", place, f"bold numbers of {m}: its direction is not known") for m in unknown]
    ranked = [n for n in table if metrics[n.metric].better and not is_computed(n)]
    bold = [number for number in ranked if number.bold]
    found = {scope: _checks(bold, ranked, scope) for scope in SCOPES}
    good = {s: sum(_is_best(n, peers, metrics[n.metric].better) for n, peers in checks) for s, checks in found.items()}
    scope = max(SCOPES, key=lambda scope: good[scope])
    compared = max(map(len, found.values()))
    if good[scope] * 2 < compared:
        told = f"bold numbers: {good[scope]} of {compared} are the best of their {scope}; bold may mean another thing"
        return [], [*decisions, Decision("claim", place, told)]
    if compared:
        told = f"bold is taken for the best of its {scope}: {good[scope]} of {compared} bold numbers are"
        decisions.append(Decision("base", place, told))
    claims = [_claims(paper, table, n, peers, metrics[n.metric].better, scope) for n, peers in found[scope]]
    return [claim for part in claims for claim in part], decisions


def _claims(
    paper: str, table: Sequence[Number], number: Number, peers: Sequence[Number], better: str, scope: str
) -> list[dict[str, str]]:
    relation, reducer, word = BEST[better]
    statement = f"The bold {number.metric} of {number.row}, {number.column} is the {word} of its {scope}"
    return [
        record(kind="ordering", where=f"Table {number.table}", statement=statement, operands=operands, formula="a",
               relation=relation, stated=f"{reducer}(o)")
        for operands in operand_texts(paper, table, [{"a": [number], "o": peers}])
    ]  # fmt: skip


def _checks(bold: Sequence[Number], ranked: Sequence[Number], scope: str) -> list[tuple[Number, list[Number]]]:
    """Return the bold numbers with those that they are compared with, themselves among them."""
    found = [(n, [o for o in ranked if o.metric == n.metric and SCOPES[scope](o) == SCOPES[scope](n)]) for n in bold]
    return [(number, peers) for number, peers in found if len(peers) > 1]


def _is_best(number: Number, peers: Sequence[Number], better: str) -> bool:
    values = [parse_number(peer.value).value for peer in peers]
    return parse_number(number.value).value == (min(values) if better == "lower" else max(values))

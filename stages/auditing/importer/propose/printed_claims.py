"""Claims over what tables print twice: improvements beside numbers, bold numbers, numbers of two tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations

from stages.auditing.importer.decisions import Decision
from stages.auditing.importer.interpret.number_rows import Number
from stages.auditing.importer.propose.claim_records import Instance, axes_of, operand_texts, record
from stages.auditing.importer.propose.derived import CHANGES, count_fits, fits, is_computed, same
from stages.auditing.tables.numbers import parse_number
from stages.auditing.tables.rows import Metric

Checks = list[tuple[Instance, str]]


def improvement_claims(paper: str, table: Sequence[Number]) -> tuple[list[dict[str, str]], list[Decision]]:
    """Return claims over all improvements of one table, metric by metric, and which bases were guessed."""
    claims = []
    decisions = []
    for metric in dict.fromkeys(number.metric for number in table if number.improvement):
        mine = [number for number in table if number.metric == metric]
        axis, base, formula, checks = _best_base(mine)
        place = f"Table {table[0].table}"
        printed = sum(bool(number.improvement) for number in mine)
        if not checks:
            message = f"{printed} improvements of {metric}: there is no row that could be their base"
            decisions.append(Decision("claim", place, message))
            continue
        good = count_fits(formula, checks)
        message = (
            f"improvements of {metric} are taken over {axis} {base or '(empty)'} by {formula}: {good} of {printed} fit"
        )
        decisions.append(Decision("base", place, message))
        instances = [instance for instance, stated in checks if fits(formula, instance, stated) is not None]
        for other in dict.fromkeys(axes_of(i["b"][0]).get(axis, "") for i in instances):
            one = [i for i in instances if axes_of(i["b"][0]).get(axis, "") == other]
            statement = f"The improvement of {metric} that is printed beside {other or 'it'}, over {base or 'the base'}"
            for operands in operand_texts(paper, table, one):
                claims.append(
                    record(
                        kind="improvement",
                        where=place,
                        statement=statement,
                        operands=operands,
                        formula=formula,
                        relation="=",
                        stated="b.improvement",
                    )
                )
    return claims, decisions


def _best_base(numbers: Sequence[Number]) -> tuple[str, str, str, Checks]:
    """Return the coordinate and its value that most improvements are over, the formula, and the pairs."""
    best: tuple[tuple[int, int], tuple[str, str, str, Checks]] = (0, 0), ("", "", "", [])
    by_place = {_coordinates_at(number): number for number in numbers}
    for axis in dict.fromkeys(axis for number in numbers for axis in number.coordinates):
        for base in dict.fromkeys(number.coordinates.get(axis, "") for number in numbers):
            checks = _base_pairs(numbers, by_place, axis, base)
            for formula in CHANGES:
                rank = count_fits(formula, checks), len(checks)
                if rank > best[0]:
                    best = rank, (axis, base, formula, checks)
    return best[1]


def _base_pairs(numbers: Sequence[Number], by_place: dict[tuple, Number], axis: str, base: str) -> Checks:
    checks = []
    for number in numbers:
        if number.improvement and number.coordinates.get(axis, "") != base:
            other = by_place.get(_coordinates_at(number, axis, base))
            if other:
                checks.append(({"a": [other], "b": [number]}, number.improvement))
    return checks


def _coordinates_at(number: Number, axis: str = "", value: str = "") -> tuple:
    moved = {**number.coordinates, axis: value} if axis else number.coordinates
    return tuple(sorted(pair for pair in moved.items() if pair[1]))


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
    found = {scope: _bold_checks(bold, ranked, scope) for scope in SCOPES}
    good = {s: sum(_is_best(n, peers, metrics[n.metric].better) for n, peers in checks) for s, checks in found.items()}
    scope = max(SCOPES, key=lambda scope: good[scope])
    compared = max(map(len, found.values()))
    if good[scope] * 2 < compared:
        message = (
            f"bold numbers: {good[scope]} of {compared} are the best of their {scope}; bold may mean another thing"
        )
        return [], [*decisions, Decision("claim", place, message)]
    if compared:
        message = f"bold is taken for the best of its {scope}: {good[scope]} of {compared} bold numbers are"
        decisions.append(Decision("base", place, message))
    claims = [_bold_claims(paper, table, n, peers, metrics[n.metric].better, scope) for n, peers in found[scope]]
    return [claim for part in claims for claim in part], decisions


def _bold_claims(
    paper: str, table: Sequence[Number], number: Number, peers: Sequence[Number], better: str, scope: str
) -> list[dict[str, str]]:
    relation, reducer, word = BEST[better]
    statement = f"The bold {number.metric} of {number.row}, {number.column} is the {word} of its {scope}"
    return [
        record(
            kind="ordering",
            where=f"Table {number.table}",
            statement=statement,
            operands=operands,
            formula="a",
            relation=relation,
            stated=f"{reducer}(o)",
        )
        for operands in operand_texts(paper, table, [{"a": [number], "o": peers}])
    ]


def _bold_checks(bold: Sequence[Number], ranked: Sequence[Number], scope: str) -> list[tuple[Number, list[Number]]]:
    """Return the bold numbers with those that they are compared with, themselves among them."""
    found = [(n, [o for o in ranked if o.metric == n.metric and SCOPES[scope](o) == SCOPES[scope](n)]) for n in bold]
    return [(number, peers) for number, peers in found if len(peers) > 1]


def _is_best(number: Number, peers: Sequence[Number], better: str) -> bool:
    values = [parse_number(peer.value).value for peer in peers]
    return parse_number(number.value).value == (min(values) if better == "lower" else max(values))


def repeat_claims(paper: str, tables: Mapping[str, Sequence[Number]]) -> tuple[list[dict[str, str]], list[Decision]]:
    """Return claims that numbers of the same coordinates are the same; none where most of two tables' are not.

    Those lack a coordinate that tells the tables apart, such as a data set that only a caption names.
    """
    claims = []
    decisions = []
    for (one, first), (two, second) in combinations(tables.items(), 2):
        known = {_coordinates(number): number for number in first if not number.text}
        pairs = [(known[_coordinates(n)], n) for n in second if not n.text and _coordinates(n) in known]
        for metric in dict.fromkeys(number.metric for _, number in pairs):
            mine = [(a, b) for a, b in pairs if b.metric == metric]
            equal = sum(same(a.value, b.value) for a, b in mine)
            if equal * 2 < len(mine):
                message = f"of {len(mine)} pairs of equal coordinates {equal} have the same number; what is missing?"
                decisions.append(Decision("claim", f"Tables {one} and {two}", f"{metric}: {message}"))
                continue
            operands = f"a = {paper}/{one}? metric={metric}; b = {paper}/{two}? metric={metric}"
            statement = f"{metric} of Table {one} is printed again in Table {two}"
            claims.append(
                record(
                    kind="repeated",
                    where=f"Tables {one} and {two}",
                    statement=statement,
                    operands=operands,
                    formula="a",
                    relation="=",
                    stated="b",
                )
            )
    return claims, decisions


def _coordinates(number: Number) -> tuple:
    return tuple(sorted(pair for pair in axes_of(number).items() if pair[1]))

"""Claims over improvements printed beside numbers, over bold numbers, and over numbers that two tables print."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

from stages.auditing.claims.relations import Range, compare
from stages.auditing.importer.decisions import Decision
from stages.auditing.importer.interpret.labels import is_computed
from stages.auditing.importer.interpret.number_rows import Number
from stages.auditing.importer.propose.claim_records import Proposal, axes_of, operand_texts, record
from stages.auditing.importer.propose.derived import CHANGES, Trial, computable, count_fits
from stages.auditing.tables.numbers import parse_number
from stages.auditing.tables.rows import Metric

# What the numbers have in common that a bold number is the best of, the likeliest first.
SCOPES: dict[str, Callable[[Number], tuple[str, ...]]] = {
    "column": lambda number: (number.column,),
    "group of rows": lambda number: (number.column, number.row.rpartition(" | ")[0]),
    "row": lambda number: (number.row,),
}


class BaseFit(NamedTuple):
    """A value ``base`` of the coordinate ``axis`` as the base of improvements, with the formula and the trials."""

    rank: tuple[int, int] = (0, 0)
    axis: str = ""
    base: str = ""
    formula: str = ""
    trials: Sequence[Trial] = ()


def improvement_claims(paper: str, table: Sequence[Number]) -> Proposal:
    """Return claims over all improvements of one table, metric by metric, and the bases that were guessed."""
    claims = []
    decisions = []
    for metric in dict.fromkeys(number.metric for number in table if number.improvement):
        numbers = [number for number in table if number.metric == metric]
        place = f"Table {table[0].table}"
        printed = sum(bool(number.improvement) for number in numbers)
        fit = _best_base(numbers)
        if not fit.trials:
            message = f"{printed} improvements of {metric}: there is no row that could be their base"
            decisions.append(Decision("claim", place, message))
            continue
        good = count_fits(fit.formula, fit.trials)
        base = fit.base or "(empty)"
        meaning = f"over {fit.axis} {base} by {fit.formula}"
        message = f"improvements of {metric} are assumed to be {meaning}: {good} of {printed} fit"
        decisions.append(Decision("base", place, message))
        instances = computable(fit.formula, fit.trials)
        for value in dict.fromkeys(axes_of(instance["b"][0]).get(fit.axis, "") for instance in instances):
            matching = [instance for instance in instances if axes_of(instance["b"][0]).get(fit.axis, "") == value]
            over = fit.base or "the base"
            statement = f"The improvement of {metric} that is printed beside {value or 'it'}, over {over}"
            for operands in operand_texts(paper, table, matching):
                claim = record(kind="improvement", where=place, statement=statement, operands=operands)
                claims.append(claim | {"formula": fit.formula, "relation": "=", "stated": "b.improvement"})
    return Proposal(claims, decisions)


def _best_base(numbers: Sequence[Number]) -> BaseFit:
    """Return the base and the formula that fit most improvements."""
    best = BaseFit()
    by_coordinates = {_coordinates(number.coordinates): number for number in numbers}
    for axis in dict.fromkeys(axis for number in numbers for axis in number.coordinates):
        for base in dict.fromkeys(number.coordinates.get(axis, "") for number in numbers):
            trials = []
            for number in numbers:
                if not number.improvement or number.coordinates.get(axis, "") == base:
                    continue
                other = by_coordinates.get(_coordinates({**number.coordinates, axis: base}))
                if other:
                    trials.append(Trial({"a": [other], "b": [number]}, number.improvement))
            for formula in CHANGES:
                rank = (count_fits(formula, trials), len(trials))
                if rank > best.rank:
                    best = BaseFit(rank, axis, base, formula, trials)
    return best


def best_claims(paper: str, table: Sequence[Number], metrics: Mapping[str, Metric]) -> Proposal:
    """Return a claim for every bold number whose metric has a direction; none if bold seems to mean something else.

    Bold numbers are the best of their column, of a group of rows in it, or of their row: whichever holds for most.
    """
    place = f"Table {table[0].table}" if table else ""
    scored = [number for number in table if not (is_computed(number.row) or is_computed(number.column))]
    unknown = dict.fromkeys(n.metric for n in scored if n.bold and not n.text and not metrics[n.metric].better)
    decisions = [Decision("claim", place, f"bold numbers of {m}: its direction is not known") for m in unknown]
    ranked = [number for number in scored if metrics[number.metric].better]
    groups = {scope: _bold_groups(ranked, scope) for scope in SCOPES}
    good = {
        scope: sum(_is_best(group, metrics[group.bold.metric].better) for group in found)
        for scope, found in groups.items()
    }
    scope = max(SCOPES, key=lambda scope: good[scope])
    compared = max(map(len, groups.values()))
    if good[scope] * 2 < compared:
        message = (
            f"bold numbers: {good[scope]} of {compared} are the best of their {scope}; bold may mean something else"
        )
        return Proposal([], [*decisions, Decision("claim", place, message)])
    if compared:
        message = f"bold is assumed to mark the best of its {scope}: {good[scope]} of {compared} bold numbers are"
        decisions.append(Decision("base", place, message))
    claims = []
    for group in groups[scope]:
        bold = group.bold
        lower = metrics[bold.metric].better == "lower"
        word = "least" if lower else "largest"
        statement = f"The bold {bold.metric} of {bold.row}, {bold.column} is the {word} of its {scope}"
        for operands in operand_texts(paper, table, [{"a": [bold], "o": group.peers}]):
            claim = record(kind="ordering", where=place, statement=statement, operands=operands, formula="a")
            claims.append(claim | {"relation": "<=" if lower else ">=", "stated": "min(o)" if lower else "max(o)"})
    return Proposal(claims, decisions)


class BoldGroup(NamedTuple):
    """A bold number, and the numbers that it is compared with, itself included."""

    bold: Number
    peers: Sequence[Number]


def _bold_groups(ranked: Sequence[Number], scope: str) -> list[BoldGroup]:
    common = SCOPES[scope]
    groups = []
    for bold in ranked:
        if bold.bold:
            peers = [other for other in ranked if other.metric == bold.metric and common(other) == common(bold)]
            if len(peers) > 1:
                groups.append(BoldGroup(bold, peers))
    return groups


def _is_best(group: BoldGroup, better: str) -> bool:
    values = [parse_number(peer.value).value for peer in group.peers]
    return parse_number(group.bold.value).value == (min(values) if better == "lower" else max(values))


def repeat_claims(paper: str, tables: Mapping[str, Sequence[Number]]) -> Proposal:
    """Return claims that two tables print equal numbers for equal coordinates; none if most of the numbers differ.

    If they do, a coordinate is missing that distinguishes the tables, such as a data set that only a caption names.
    """
    claims = []
    decisions = []
    for (one, first), (two, second) in combinations(tables.items(), 2):
        known = {_coordinates(axes_of(number)): number for number in first if not number.text}
        pairs = []
        for number in second:
            other = known.get(_coordinates(axes_of(number)))
            if other and not number.text:
                pairs.append((other, number))
        for metric in dict.fromkeys(number.metric for _, number in pairs):
            values = [(other.value, number.value) for other, number in pairs if number.metric == metric]
            equal = sum(same(value, again) for value, again in values)
            where = f"Tables {one} and {two}"
            if equal * 2 < len(values):
                message = f"of {len(values)} pairs of equal coordinates {equal} have the same number; what is missing?"
                decisions.append(Decision("claim", where, f"{metric}: {message}"))
                continue
            operands = f"a = {paper}/{one}? metric={metric}; b = {paper}/{two}? metric={metric}"
            statement = f"{metric} of Table {one} is printed again in Table {two}"
            claim = record(kind="repeated", where=where, statement=statement, operands=operands)
            claims.append(claim | {"formula": "a", "relation": "=", "stated": "b"})
    return Proposal(claims, decisions)


def same(first: str, second: str) -> bool:
    """Return whether two printed numbers may be the same number, either of them with fewer digits."""
    one = Range(parse_number(first).within)
    two = Range(parse_number(second).within)
    return compare(one, "=", two, mutual=True) != "no"


def _coordinates(axes: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((axis, value) for axis, value in axes.items() if value))

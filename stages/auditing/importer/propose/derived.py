"""Claims over rows and columns of differences, means or sums: their operands are those that fit best."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import combinations
from typing import NamedTuple

from stages.auditing.claims.relations import Range, compare
from stages.auditing.importer.decisions import Decision
from stages.auditing.importer.interpret.labels import KNOWN_METRICS, is_average, is_computed, is_derived, is_total
from stages.auditing.importer.interpret.number_rows import Number
from stages.auditing.importer.propose.claim_records import Instance, Proposal, operand_texts, record
from stages.auditing.tables.numbers import Interval, mean, parse_number, total

ONE = Interval(Fraction(1), Fraction(1))
HUNDRED = Interval(Fraction(100), Fraction(100))
# The possible meanings of a difference printed beside b, with the base a. Each mentions a number once, so that interval
# arithmetic is exact; ranges.py would be too slow for so many trials.
CHANGES: dict[str, Callable[[Interval, Interval], Interval]] = {
    "100 * (1 - b / a)": lambda a, b: HUNDRED * (ONE - b / a),
    "100 * (b / a - 1)": lambda a, b: HUNDRED * (b / a - ONE),
    "b - a": lambda a, b: b - a,
    "a - b": lambda a, b: a - b,
    "b / a": lambda a, b: b / a,
    "a / b": lambda a, b: a / b,
}
# The possible meanings of a difference of two lines, of which either may be the base.
OF_TWO = CHANGES | {
    "100 * (1 - a / b)": lambda a, b: HUNDRED * (ONE - a / b),
    "100 * (a / b - 1)": lambda a, b: HUNDRED * (a / b - ONE),
}
OF_SEVERAL: dict[str, Callable[[Sequence[Interval]], Interval]] = {"mean(a)": mean, "sum(a)": total}
# A line of differences is tried with pairs of this many lines around it.
NEAREST = 12

# Rows, or columns, by label; the numbers of each by the label of their column, or row.
Lines = dict[str, dict[str, Number]]


class Trial(NamedTuple):
    """Rows for the operands of a formula, and the printed number that it should give."""

    instance: Instance
    stated: str


class Fit(NamedTuple):
    """A formula with its trials, ranked by how many of them fit and by how likely they are meant."""

    rank: tuple[int, ...] = (0,)
    formula: str = ""
    trials: Sequence[Trial] = ()


def fits(formula: str, instance: Instance, stated: str) -> bool | None:
    """Return whether a formula over printed values rounds to the stated one, or None if it cannot be computed."""
    number = parse_number(stated)
    computed = Range(lambda slack: _computed_value(formula, instance, slack))
    try:
        return compare(computed, "=", Range(number.within)) != "no"
    except ArithmeticError:
        return None


def count_fits(formula: str, trials: Sequence[Trial]) -> int:
    """Return the number of trials that the formula fits."""
    return sum(fits(formula, trial.instance, trial.stated) is True for trial in trials)


def computable(formula: str, trials: Sequence[Trial]) -> list[Instance]:
    """Return the rows of the trials for which the formula can be computed."""
    return [trial.instance for trial in trials if fits(formula, trial.instance, trial.stated) is not None]


def _computed_value(formula: str, instance: Instance, slack: Fraction) -> Interval:
    a = [parse_number(number.value).within(slack) for number in instance["a"]]
    if formula in OF_SEVERAL:
        return OF_SEVERAL[formula](a)
    b = parse_number(instance["b"][0].value).within(slack)
    return OF_TWO[formula](a[0], b)


def derived_claims(paper: str, table: Sequence[Number]) -> Proposal:
    """Return claims over the computed rows and columns of one table, and what their operands are assumed to be."""
    claims = []
    decisions = []
    place = f"Table {table[0].table}" if table else ""
    for lines in (_columns(table), _rows(table)):
        for label in lines:
            kind = _kind(label, lines)
            if not kind:
                continue
            fit = _difference(label, lines) if kind == "difference" else _average(label, lines)
            instances = computable(fit.formula, fit.trials)
            if not instances:
                decisions.append(Decision("claim", f"{place}, {label}", "its operands are not found"))
                continue
            meaning = f"{fit.formula} with {_operands(label, lines, instances[0])}"
            message = f"assumed to be {meaning}: {count_fits(fit.formula, fit.trials)} of {len(fit.trials)} fit"
            decisions.append(Decision("base", f"{place}, {label}", message))
            for operands in operand_texts(paper, table, instances):
                claim = record(kind=kind, where=place, statement=f"{label} is {meaning}", operands=operands)
                claims.append(claim | {"formula": fit.formula, "relation": "=", "stated": "d"})
    return Proposal(claims, decisions)


def _kind(label: str, lines: Lines) -> str:
    """Return the kind of the claim over a computed line; empty for other lines."""
    if is_derived(label):
        return "difference"
    # Without several other lines, "mean" is a metric, not a mean over them.
    others = sum(not is_computed(other) for other in lines)
    return "mean" if (is_average(label) or is_total(label)) and others > 1 else ""


def _columns(table: Sequence[Number]) -> Lines:
    lines: Lines = {}
    for number in table:
        if not number.text:
            lines.setdefault(number.column, {})[number.row] = number
    return lines


def _rows(table: Sequence[Number]) -> Lines:
    lines: Lines = {}
    for number in table:
        if not number.text:
            lines.setdefault(number.row, {})[number.column] = number
    return lines


def _difference(label: str, lines: Lines) -> Fit:
    """Return the formula and the pair of other lines that fit best; of equal fits, the lines nearest to this one."""
    labels = list(lines)
    here = labels.index(label)
    best = Fit()
    plain = [other for other in labels if not is_computed(other)]
    nearest = sorted(plain, key=lambda other: abs(here - labels.index(other)))[:NEAREST]
    for first, second in combinations(sorted(nearest, key=labels.index), 2):
        trials = []
        for place, number in lines[label].items():
            if place in lines[first] and place in lines[second]:
                instance = {"a": [lines[first][place]], "b": [lines[second][place]], "d": [number]}
                trials.append(Trial(instance, number.value))
        if not trials:
            continue
        related = _related(first, label) + _related(second, label)
        distance = abs(here - labels.index(first)) + abs(here - labels.index(second))
        for i, formula in enumerate(OF_TWO):
            rank = (count_fits(formula, trials), related, -distance, -i)
            if rank > best.rank:
                best = Fit(rank, formula, trials)
    return best


def _average(label: str, lines: Lines) -> Fit:
    """Return the mean, or sum, over the other lines that fits best."""
    best = Fit()
    formula = "sum(a)" if is_total(label) else "mean(a)"
    for i, others in enumerate(_scopes(label, lines)):
        trials = []
        for place, number in lines[label].items():
            inputs = [lines[other][place] for other in others if place in lines[other]]
            if len(inputs) > 1:
                trials.append(Trial({"a": inputs, "d": [number]}, number.value))
        rank = (count_fits(formula, trials), -i)
        if trials and rank > best.rank:
            best = Fit(rank, formula, trials)
    return best


def _scopes(label: str, lines: Lines) -> Iterator[list[str]]:
    """Yield the lines that a mean may be over: all, those with related labels, those since the last computed line."""
    labels = list(lines)
    here = labels.index(label)
    before = next((i for i in range(here - 1, -1, -1) if is_computed(labels[i])), -1)
    plain = [other for other in labels if not is_computed(other)]
    # A mean of scores does not include sizes or times.
    alike = [other for other in plain if _metrics(lines[other]) <= _metrics(lines[label])]
    for scope in (alike, plain):
        yield scope
        yield [other for other in scope if _related(other, label)]
        yield [other for other in scope if other in labels[before + 1 : here]]


def _metrics(line: Mapping[str, Number]) -> set[str]:
    return {number.metric for number in line.values()} & set(KNOWN_METRICS)


def _related(label: str, other: str) -> bool:
    """Return whether two labels differ in their last level alone, or in their first."""
    first = label.split(" | ")
    second = other.split(" | ")
    return len(first) > 1 and (first[:-1] == second[:-1] or first[1:] == second[1:])


def _operands(label: str, lines: Lines, instance: Instance) -> str:
    """Return the lines of an instance's operands, such as ``a = DDIM; b = ours``."""
    in_rows = next(iter(lines[label].values())).row == label
    texts = []
    for name, numbers in instance.items():
        if name != "d":
            texts.append(f"{name} = {', '.join(number.row if in_rows else number.column for number in numbers)}")
    return "; ".join(texts)

"""Claims over rows and columns that hold differences, means or sums of others, found by which formula fits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import combinations

from stages.auditing.claims.relations import Range, compare
from stages.auditing.importer.decisions import Decision
from stages.auditing.importer.interpret.labels import METRICS, is_average, is_derived, is_total
from stages.auditing.importer.interpret.number_rows import Number
from stages.auditing.importer.propose.claim_records import Instance, operand_texts, record
from stages.auditing.tables.numbers import Interval, mean, parse_number, total

ONE, HUNDRED = (Interval(Fraction(n), Fraction(n)) for n in (1, 100))
# What a difference beside a number may be, b against the base a.
CHANGES: dict[str, Callable[[Interval, Interval], Interval]] = {
    "100 * (1 - b / a)": lambda a, b: HUNDRED * (ONE - b / a),
    "100 * (b / a - 1)": lambda a, b: HUNDRED * (b / a - ONE),
    "b - a": lambda a, b: b - a,
    "a - b": lambda a, b: a - b,
    "b / a": lambda a, b: b / a,
    "a / b": lambda a, b: a / b,
}
# Between two, where the base may come second.
OF_TWO = CHANGES | {
    "100 * (1 - a / b)": lambda a, b: HUNDRED * (ONE - a / b),
    "100 * (a / b - 1)": lambda a, b: HUNDRED * (a / b - ONE),
}
OF_SEVERAL: dict[str, Callable[[Sequence[Interval]], Interval]] = {"mean(a)": mean, "sum(a)": total}


def fits(formula: str, instance: Instance, stated: str) -> bool | None:
    """Return whether a formula over printed values rounds to what is stated, or None where it cannot be computed."""
    number = parse_number(stated)
    try:
        return (
            compare(Range(lambda slack: _computed_value(formula, instance, slack)), "=", Range(number.within)) != "no"
        )
    except ArithmeticError:
        return None


def count_fits(formula: str, checks: Sequence[tuple[Instance, str]]) -> int:
    """Return how many of the checks, each with what is stated, the formula fits."""
    return sum(fits(formula, instance, stated) is True for instance, stated in checks)


def same(first: str, second: str) -> bool:
    """Return whether two printed numbers are printings of one, either of which may have fewer digits."""
    one, two = (Range(parse_number(text).within) for text in (first, second))
    return compare(one, "=", two, mutual=True) != "no"


def _computed_value(formula: str, instance: Instance, slack: Fraction) -> Interval:
    a = [parse_number(number.value).within(slack) for number in instance["a"]]
    if formula in OF_SEVERAL:
        return OF_SEVERAL[formula](a)
    (b,) = (parse_number(number.value).within(slack) for number in instance["b"])
    return OF_TWO[formula](a[0], b)


Checks = list[tuple[Instance, str]]
# A line is a row or a column; the place along it is the column or the row.
# How many lines around one of differences are tried.
NEAREST = 12
KNOWN = {metric for metric, *_ in METRICS}
Lines = dict[str, dict[str, Number]]


def is_computed(number: Number) -> bool:
    """Return whether a number stands in a row or column that is computed from others."""
    return any(is_derived(label) or is_average(label) or is_total(label) for label in (number.row, number.column))


def derived_claims(paper: str, table: Sequence[Number]) -> tuple[list[dict[str, str]], list[Decision]]:
    """Return claims over the computed rows and columns of one table, and what their operands were taken to be."""
    claims = []
    decisions = []
    for lines in (_lines(table, lambda n: (n.column, n.row)), _lines(table, lambda n: (n.row, n.column))):
        for label in lines:
            kind = _kind(label, lines)
            if not kind:
                continue
            place = f"Table {table[0].table}"
            formula, checks = (_difference if kind == "difference" else _average)(label, lines)
            instances = [i for i, stated in checks if fits(formula, i, stated) is not None]
            if not instances:
                decisions.append(Decision("claim", f"{place}, {label}", "its operands are not found"))
                continue
            meaning = f"{formula} with {_operands(label, lines, instances[0])}"
            message = f"taken for {meaning}: {count_fits(formula, checks)} of {len(checks)} fit"
            decisions.append(Decision("base", f"{place}, {label}", message))
            statement = f"{label} is {meaning}"
            claims += [
                record(
                    kind=kind,
                    where=place,
                    statement=statement,
                    operands=text,
                    formula=formula,
                    relation="=",
                    stated="d",
                )
                for text in operand_texts(paper, table, instances)
            ]
    return claims, decisions


def _kind(label: str, lines: Lines) -> str:
    if is_derived(label):
        return "difference"
    # A mean beside no other line is a metric, not a mean over others.
    gathers = is_average(label) or is_total(label)
    return "mean" if gathers and sum(not _computed(other) for other in lines) > 1 else ""


def _computed(label: str) -> bool:
    return is_derived(label) or is_average(label) or is_total(label)


def _lines(table: Sequence[Number], ends: Callable[[Number], tuple[str, str]]) -> Lines:
    lines: Lines = {}
    for number in table:
        if not number.text:
            line, place = ends(number)
            lines.setdefault(line, {})[place] = number
    return lines


def _difference(label: str, lines: Lines) -> tuple[str, Checks]:
    """Return the formula and the pairs of other lines that fit best, the nearest before it where several do."""
    labels = list(lines)
    here = labels.index(label)
    best: tuple[tuple, tuple[str, Checks]] = (0,), ("", [])
    plain = [other for other in labels if not _computed(other)]
    nearest = sorted(plain, key=lambda other: abs(here - labels.index(other)))[:NEAREST]
    for first, second in combinations(sorted(nearest, key=labels.index), 2):
        checks: Checks = [
            ({"a": [lines[first][place]], "b": [lines[second][place]], "d": [number]}, number.value)
            for place, number in lines[label].items()
            if place in lines[first] and place in lines[second]
        ]
        near = -abs(here - labels.index(first)) - abs(here - labels.index(second))
        for i, formula in enumerate(OF_TWO):
            rank = count_fits(formula, checks), _family(first, label) + _family(second, label), near, -i
            if checks and rank > best[0]:
                best = rank, (formula, checks)
    return best[1]


def _average(label: str, lines: Lines) -> tuple[str, Checks]:
    """Return the mean or sum over other lines: over all, those of one parent, or those since the last."""
    best: tuple[tuple, tuple[str, Checks]] = (0,), ("", [])
    formula = "sum(a)" if is_total(label) else "mean(a)"
    for i, others in enumerate(_scopes(label, lines)):
        checks = []
        for place, number in lines[label].items():
            inputs = [lines[other][place] for other in others if place in lines[other]]
            if len(inputs) > 1:
                checks.append(({"a": inputs, "d": [number]}, number.value))
        rank = count_fits(formula, checks), -i
        if checks and rank > best[0]:
            best = rank, (formula, checks)
    return best[1]


def _scopes(label: str, lines: Lines) -> Iterator[list[str]]:
    labels = list(lines)
    here = labels.index(label)
    before = next((i for i in range(here - 1, -1, -1) if _computed(labels[i])), -1)
    plain = [other for other in labels if not _computed(other)]
    # Sizes and times are no part of a mean of scores.
    alike = [other for other in plain if _measures(lines[other]) <= _measures(lines[label])]
    for scope in (alike, plain):
        yield scope
        yield [other for other in scope if _family(other, label)]
        yield [other for other in scope if other in labels[before + 1 : here]]


def _measures(line: Mapping[str, Number]) -> set[str]:
    return {number.metric for number in line.values()} & KNOWN


def _family(label: str, other: str) -> bool:
    """Return whether two labels have the same levels but the last, or but the first."""
    first = label.split(" | ")
    second = other.split(" | ")
    return len(first) > 1 and (first[:-1] == second[:-1] or first[1:] == second[1:])


def _operands(label: str, lines: Lines, instance: Instance) -> str:
    """Return which lines the operands of an instance are of, such as ``a = DDIM; b = ours``."""
    rows = next(iter(lines[label].values())).row == label
    named = {name: [n.row if rows else n.column for n in numbers] for name, numbers in instance.items() if name != "d"}
    return "; ".join(f"{name} = {', '.join(labels)}" for name, labels in named.items())

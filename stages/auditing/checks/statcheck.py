"""statcheck: test results, in APA style or in tables, whose p does not follow from the statistic."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import product
from typing import NamedTuple

from stages.auditing.checks.table_cells import Candidate, Check, Paper, beside, coordinates, number
from stages.auditing.tables.numbers import PRINTED, ROUNDED, Printed
from stages.auditing.tables.rows import Row

ALPHA = Fraction(5, 100)
# Probabilities, as floats, that differ by less are equal.
NEAR = 1e-9
# Up to these the series of the distributions converge.
MOST_FREEDOM = 10_000
MOST_NUMERATOR_FREEDOM = 1_000
MOST_VALUE = 10**15

DECIMAL = r"-?(?:\d+(?:\.\d+)?|\.\d+)(?:e-?\d{1,2})?"
P_VALUE = rf"(?:p\s*(?P<sign>[<>=])\s*(?P<p>{DECIMAL})|(?P<ns>n\.?s\.?)(?!\w))"
RESULT = re.compile(
    rf"(?<!\w)(?P<test>t|F|r|z|Z|chi2|X2|χ2|χ²|χ\^2)\s*(?:\((?P<df>[^()]{{1,40}})\))?\s*=\s*(?P<value>{DECIMAL})"
    rf"\s*[,;]\s*{P_VALUE}"
)
CELL = re.compile(rf"(?:p\s*)?(?P<sign>[<>=]?)\s*(?P<p>{DECIMAL})|(?P<ns>n\.?s\.?)")
ONE_TAILED = re.compile(r"one[- ](?:tailed|sided)|directional", re.IGNORECASE)
NAMES = {"Z": "z", "f": "F", "X2": "chi2", "χ2": "chi2", "χ²": "chi2", "χ^2": "chi2"}
FREEDOMS = {"t": 1, "r": 1, "z": 0, "F": 2, "chi2": 1}


class Result(NamedTuple):
    """A test result, printed as ``text``; ``sign`` stands between p and its number, "ns" counts as p > .05."""

    test: str
    freedoms: Sequence[Printed]
    value: Printed
    sign: str
    p: Printed
    text: str


class Error(NamedTuple):
    """A result whose p does not fit: whether that changes its significance, the computation, and the rows involved."""

    decision: bool
    message: str
    rows: tuple[Row, ...] = ()


def candidates(paper: Paper) -> Iterator[Candidate]:
    """Yield the results whose p does not follow from the statistic, those first that change significance at .05."""
    found = [*_in_tables(paper.rows), *_in_texts(paper)]
    for error in sorted(found, key=lambda error: not error.decision):
        yield Candidate("statcheck", error.message, error.rows)


def _in_texts(paper: Paper) -> Iterator[Error]:
    texts: dict[tuple[str, str], list[Row]] = {}
    for row in paper.rows:
        for text in (row.note, row.value if paper.metrics[row.metric].type == "text" else ""):
            if text:
                texts.setdefault((row.table, text), []).append(row)
    for (_, text), rows in texts.items():
        for error in errors(text):
            yield error._replace(rows=tuple(rows))
    for claim in paper.claims:
        for error in errors(claim.statement):
            yield error._replace(message=f"{claim.place}: {error.message}")


def _in_tables(rows: Sequence[Row]) -> Iterator[Error]:
    """Yield the errors of statistics with a p in their cell, or with the only p of their row and coordinates."""
    values: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        if row.metric.casefold() == "p":
            for key in (_line(row), (*_line(row), row.column)):
                values.setdefault(key, []).append(row)
    for row in rows:
        test = NAMES.get(row.metric, row.metric)
        if test not in FREEDOMS:
            continue
        found = values.get((*_line(row), row.column)) or values.get(_line(row), [])
        if len(found) != 1:
            continue
        p = found[0]
        result = _from_cells(test, row, p)
        error = judge(result, one_tailed=bool(ONE_TAILED.search(f"{row.note} {p.note}"))) if result else None
        if error:
            yield error._replace(rows=(row, p))


def _line(row: Row) -> tuple[str, ...]:
    return (row.table, row.where, row.row, *coordinates(row))


def errors(text: str) -> Iterator[Error]:
    """Yield the errors of the results in a text."""
    plain = text.replace("−", "-").replace("–", "-")
    one_tailed = bool(ONE_TAILED.search(plain))
    for match in RESULT.finditer(plain):
        test = NAMES.get(match["test"], match["test"])
        parts = [part.strip() for part in (match["df"] or "").split(",") if part.strip()]
        freedoms = [_number(part) for part in parts if not part.startswith(("N", "n"))]
        result = _result(test, freedoms, _number(match["value"]), match, match.group())
        error = judge(result, one_tailed=one_tailed) if result else None
        if error:
            yield error


def _from_cells(test: str, row: Row, p: Row) -> Result | None:
    match = CELL.fullmatch(p.value.replace("−", "-").strip())
    cells = [beside(row, name) for name in ("df", "df1", "df2")]
    freedoms = [freedom for freedom in cells if freedom]
    degrees = f"({', '.join(freedom.text for freedom in freedoms)})" if freedoms else ""
    printed_p = p.value if p.value[:1] in "<>=" else f"= {p.value}"
    return _result(test, freedoms, _number(row.value), match, f"{test}{degrees} = {row.value}, p {printed_p}")


def _result(
    test: str, freedoms: Sequence[Printed | None], value: Printed | None, match: re.Match[str] | None, text: str
) -> Result | None:
    known = [found for found in freedoms if found and 1 <= found.value <= MOST_FREEDOM]
    if match is None or value is None or len(known) < len(freedoms) or len(known) != FREEDOMS[test]:
        return None
    least = {"F": 0, "chi2": 0, "r": -1}.get(test, -MOST_VALUE)
    most = 1 if test == "r" else MOST_VALUE
    if not least <= value.value <= most or (test == "F" and known[0].value > MOST_NUMERATOR_FREEDOM):
        return None
    if match["ns"]:
        return Result(test, known, value, ">", Printed(ALPHA, Fraction(0), ".05"), text)
    p = _number(match["p"])
    return Result(test, known, value, match["sign"] or "=", p, text) if p else None


def _number(text: str) -> Printed | None:
    """Return a number that may lack the zero before its point, as APA style prints probabilities."""
    return number(re.sub(r"^(-?)\.", r"\g<1>0.", text))


def judge(result: Result, *, one_tailed: bool = False) -> Error | None:
    """Return the error of a result, or None if its p fits the statistic."""
    low, high = p_range(result)
    directed = result.test in ("t", "r", "z")
    halved = directed and _fits(result, low / 2, high / 2)
    if _fits(result, low, high) or (halved and one_tailed):
        return None
    printed = _significant(result)
    computed = _decided(low, high)
    decision = printed is not None and computed is not None and printed != computed
    message = f"{result.text}: the statistic gives p from {low:.3g} to {high:.3g}"
    if decision:
        message += f"; printed as {'' if printed else 'not '}significant at .05, it is{'' if computed else ' not'}"
    if halved:
        message += "; a one-tailed test would fit"
    return Error(decision, message)


def _fits(result: Result, low: float, high: float) -> bool:
    if result.sign == "<":
        return low < result.p.value + NEAR
    if result.sign == ">":
        return high > result.p.value - NEAR
    around = result.p.within(ROUNDED)
    return low <= around.high + NEAR and high >= around.low - NEAR


def _significant(result: Result) -> bool | None:
    """Return whether the printed p is below .05, or None if it does not tell."""
    around = result.p.within(ROUNDED if result.sign == "=" else PRINTED)
    if result.sign in "=<" and around.high <= ALPHA:
        return True
    return False if result.sign in "=>" and around.low >= ALPHA else None


def _decided(low: float, high: float) -> bool | None:
    """Return whether a recomputed p is below .05, or None if its range does not tell."""
    return high < ALPHA if high < ALPHA or low > ALPHA else None


def p_range(result: Result) -> tuple[float, float]:
    """Return the range of p over the printed digits: two-tailed, or the upper tail for F and chi-square."""
    around = result.value.within(ROUNDED)
    ends = [abs(around.low), abs(around.high)]
    if around.low <= 0 <= around.high:
        ends.append(Fraction(0))
    if result.test == "r":
        ends = [min(end, Fraction(1)) for end in ends]
    freedoms = []
    for freedom in result.freedoms:
        interval = freedom.within(ROUNDED)
        freedoms.append((freedom.value,) if freedom.unit == 1 else (interval.low, interval.high))
    values = [p_value(result.test, float(end), *map(float, df)) for end in ends for df in product(*freedoms)]
    return min(values), max(values)


def p_value(test: str, value: float, *freedoms: float) -> float:
    """Return p of a non-negative statistic: two-tailed for t, r and z, the upper tail for F and chi2."""
    from mpmath import betainc, erfc, gammainc, sqrt

    if test == "z":
        return float(erfc(value / sqrt(2)))
    if test == "chi2":
        return float(gammainc(freedoms[0] / 2, value / 2, regularized=True))
    # The residual share of the variation has a beta distribution.
    left = freedoms[-1] / 2
    right = (freedoms[0] if test == "F" else 1) / 2
    if test == "r":
        chance = 1 - value**2
        effect = value**2
    elif test == "t":
        chance = freedoms[-1]
        effect = value**2
    else:
        chance = freedoms[-1]
        effect = freedoms[0] * value
    share = chance / (chance + effect)
    rest = effect / (chance + effect)
    # The series converges for the shorter of the two tails.
    if share > (left + 1) / (left + right + 2):
        return float(1 - betainc(right, left, 0, rest, regularized=True))
    return float(betainc(left, right, 0, share, regularized=True))


CHECK = Check(
    "statcheck",
    candidates,
    title="The p does not follow from the test statistic",
    literature=(
        "Nuijten, Hartgerink, van Assen, Epskamp and Wicherts (2016), The prevalence of statistical reporting errors "
        "in psychology (1985-2013)"
    ),
    limits=(
        "Reads t, F, r, z and chi-square with p and degrees of freedom of at most 10,000 (the first of F: 1,000). "
        "Wrong if p is corrected for multiple tests, or one-tailed in a text that does not say so; the message says "
        "whether a one-tailed test would fit."
    ),
)

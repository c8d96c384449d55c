"""Test results in the style of the APA, and in tables, whose p is not that of the statistic: statcheck."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import product
from typing import NamedTuple

from stages.auditing.checks.table_cells import Candidate, Paper, beside, coordinates, number
from stages.auditing.tables.numbers import PRINTED, ROUNDED, Printed
from stages.auditing.tables.rows import Row

TITLE = "The p is not that of the test's statistic"
LITERATURE = (
    "Nuijten, Hartgerink, van Assen, Epskamp and Wicherts (2016), The prevalence of statistical reporting errors in "
    "psychology (1985-2013)"
)
LIMITS = (
    "Reads t, F, r, z and chi-square that state p and degrees of freedom, these at most 10,000 (the first of F 1,000). "
    "Wrong where p is corrected for several tests, or one-tailed in a text that does not say so; whether a "
    "one-tailed test would fit is told."
)
ALPHA = Fraction(5, 100)
# Floats: closer than this, two probabilities are the same.
NEAR = 1e-9
# The series of the distributions converge up to here: degrees of freedom, those of F's numerator, statistics.
MOST, MOST_ABOVE, MOST_VALUE = 10_000, 1_000, 10**15

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
    """A printed test result; ``sign`` stands between p and its number, "ns" is p > .05. ``text`` is all of it."""

    test: str
    freedoms: Sequence[Printed]
    value: Printed
    sign: str
    p: Printed
    text: str


def candidates(paper: Paper) -> Iterator[Candidate]:
    """Yield the results whose p is not that of the statistic, those that change what is significant at .05 first."""
    found = [*_in_tables(paper.rows), *_in_texts(paper)]
    for _, told, rows in sorted(found, key=lambda error: not error[0]):
        yield Candidate("statcheck", told, rows)


Error = tuple[bool, str, tuple[Row, ...]]


def _in_texts(paper: Paper) -> Iterator[Error]:
    texts: dict[tuple[str, str], list[Row]] = {}
    for row in paper.rows:
        for text in filter(None, (row.note, row.value if paper.metrics[row.metric].type == "text" else "")):
            texts.setdefault((row.table, text), []).append(row)
    for (_, text), rows in texts.items():
        yield from ((decision, told, tuple(rows)) for decision, told in errors(text))
    for claim in paper.claims:
        yield from ((decision, f"{claim.place}: {told}", ()) for decision, told in errors(claim.statement))


def _in_tables(rows: Sequence[Row]) -> Iterator[Error]:
    """Yield the errors of statistics that have a p in their cell, or the only one of their row and coordinates."""
    values: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        if row.metric.casefold() == "p":
            for key in (_line(row), (*_line(row), row.column)):
                values.setdefault(key, []).append(row)
    for row in (row for row in rows if NAMES.get(row.metric, row.metric) in FREEDOMS):
        found = values.get((*_line(row), row.column)) or values.get(_line(row), [])
        result = _from_cells(NAMES.get(row.metric, row.metric), row, found[0]) if len(found) == 1 else None
        if result and (error := judge(result, one_tailed=bool(ONE_TAILED.search(f"{row.note} {found[0].note}")))):
            yield *error, (row, found[0])


def _line(row: Row) -> tuple[str, ...]:
    return (row.table, row.where, row.row, *coordinates(row))


def errors(text: str) -> Iterator[tuple[bool, str]]:
    """Yield, for each result in a text whose p is another, whether that changes its significance, and the sum."""
    plain = text.replace("−", "-").replace("–", "-")
    one_tailed = bool(ONE_TAILED.search(plain))
    for match in RESULT.finditer(plain):
        test = NAMES.get(match["test"], match["test"])
        parts = [part.strip() for part in (match["df"] or "").split(",") if part.strip()]
        freedoms = [_number(part) for part in parts if not part.startswith(("N", "n"))]
        result = _result(test, freedoms, _number(match["value"]), match, match.group())
        if result and (error := judge(result, one_tailed=one_tailed)):
            yield error


def _from_cells(test: str, row: Row, p: Row) -> Result | None:
    match = CELL.fullmatch(p.value.replace("−", "-").strip())
    freedoms = [found for name in ("df", "df1", "df2") if (found := beside(row, name))]
    degrees = f"({', '.join(found.text for found in freedoms)})" if freedoms else ""
    told = p.value if p.value[:1] in "<>=" else f"= {p.value}"
    return _result(test, freedoms, _number(row.value), match, f"{test}{degrees} = {row.value}, p {told}")


def _result(
    test: str, freedoms: Sequence[Printed | None], value: Printed | None, match: re.Match[str] | None, text: str
) -> Result | None:
    known = [found for found in freedoms if found and 1 <= found.value <= MOST]
    if match is None or value is None or len(known) < len(freedoms) or len(known) != FREEDOMS[test]:
        return None
    least, most = {"F": (0, MOST_VALUE), "chi2": (0, MOST_VALUE), "r": (-1, 1)}.get(test, (-MOST_VALUE, MOST_VALUE))
    if not least <= value.value <= most or (test == "F" and known[0].value > MOST_ABOVE):
        return None
    p = Printed(ALPHA, Fraction(0), ".05") if match["ns"] else _number(match["p"])
    return Result(test, known, value, ">" if match["ns"] else match["sign"] or "=", p, text) if p else None


def _number(text: str) -> Printed | None:
    """Return a number that may lack the zero before its point, as probabilities do in this style."""
    return number(re.sub(r"^(-?)\.", r"\g<1>0.", text))


def judge(result: Result, *, one_tailed: bool = False) -> tuple[bool, str] | None:
    """Return whether the recomputed p changes what is significant at .05, and the sum, or None where p fits."""
    low, high = p_range(result)
    directed = result.test in ("t", "r", "z")
    halved = directed and _fits(result, low / 2, high / 2)
    if _fits(result, low, high) or (halved and one_tailed):
        return None
    printed, computed = _significant(result), _decided(low, high)
    decision = None not in (printed, computed) and printed != computed
    told = f"{result.text}: the statistic gives p from {low:.3g} to {high:.3g}"
    if decision:
        told += f"; printed as {'' if printed else 'not '}significant at .05, it is{'' if computed else ' not'}"
    if halved:
        told += "; a one-tailed test would fit"
    return decision, told


def _fits(result: Result, low: float, high: float) -> bool:
    if result.sign == "<":
        return low < result.p.value + NEAR
    if result.sign == ">":
        return high > result.p.value - NEAR
    around = result.p.within(ROUNDED)
    return low <= around.high + NEAR and high >= around.low - NEAR


def _significant(result: Result) -> bool | None:
    """Return whether the printed p is below .05, or None where it does not say."""
    around = result.p.within(ROUNDED if result.sign == "=" else PRINTED)
    if result.sign in "=<" and around.high <= ALPHA:
        return True
    return False if result.sign in "=>" and around.low >= ALPHA else None


def _decided(low: float, high: float) -> bool | None:
    return high < ALPHA if high < ALPHA or low > ALPHA else None


def p_range(result: Result) -> tuple[float, float]:
    """Return the two-tailed p over the range of the printed digits, or the upper tail for F and chi-square."""
    around = result.value.within(ROUNDED)
    ends = [abs(around.low), abs(around.high)] + [Fraction(0)] * (around.low <= 0 <= around.high)
    if result.test == "r":
        ends = [min(end, Fraction(1)) for end in ends]
    freedoms = [
        (found.value,) if found.unit == 1 else (found.within(ROUNDED).low, found.within(ROUNDED).high)
        for found in result.freedoms
    ]
    found = [p_value(result.test, float(end), *map(float, df)) for end in ends for df in product(*freedoms)]
    return min(found), max(found)


def p_value(test: str, value: float, *freedoms: float) -> float:
    """Return the two-tailed p of t, r or z, or the upper tail of F or chi2, of a statistic that is not negative."""
    from mpmath import betainc, erfc, gammainc, sqrt

    if test == "z":
        return float(erfc(value / sqrt(2)))
    if test == "chi2":
        return float(gammainc(freedoms[0] / 2, value / 2, regularized=True))
    # Each is a beta distribution of the share that chance has in what varies.
    left, right = freedoms[-1] / 2, (freedoms[0] if test == "F" else 1) / 2
    chance, effect = {
        "t": (freedoms[-1], value**2),
        "r": (1 - value**2, value**2),
        "F": (freedoms[-1], freedoms[0] * value),
    }[test]
    share, rest = chance / (chance + effect), effect / (chance + effect)
    # Of the two tails, the series of the shorter one converges.
    if share > (left + 1) / (left + right + 2):
        return float(1 - betainc(right, left, 0, rest, regularized=True))
    return float(betainc(left, right, 0, share, regularized=True))

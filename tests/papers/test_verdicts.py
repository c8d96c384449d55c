"""Verdicts: closed cases of rounding, and that none gets milder as the stated value moves away."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.papers.claims import COLUMNS, parse_claims
from stages.papers.tables import FaultyFile, Row
from stages.papers.verdicts import Finding, judge

MILDNESS = ("consistent", "rounding", "inconsistent", "wording")


def judged(first: str, second: str, formula: str, relation: str, stated: str, quantifier: str = "") -> Finding:
    check = (f"a = {first}; b = {second}", formula, relation, stated, quantifier)
    record = ",".join(("id", "toy", "Sec. 1", "difference", "words", *check, "", "", ""))
    (claim,) = parse_claims("claims.csv", ",".join(COLUMNS) + "\n" + record)
    (finding,) = judge(claim, {"toy": []})
    return finding


@pytest.mark.parametrize(
    ("first", "second", "formula", "relation", "stated", "verdict"),
    [
        ("17.24", "10.06", "a - b", "=", "7.18", "consistent"),
        # 7.18 ± 0.01, or ± 0.011 after two roundings, against 7.17 ± 0.005 and 7.16 ± 0.0055.
        ("17.24", "10.06", "a - b", "=", "7.17", "rounding"),
        ("17.24", "10.06", "a - b", "=", "7.16", "inconsistent"),
        # Only two roundings reach: 4.00 ± 0.005 and 4.0055 ± 0.00005 do not meet, 4.00 ± 0.0055 does.
        ("4.00", "1", "a / exact(b)", "=", "4.0050", "rounding"),
        ("4.00", "1", "a / exact(b)", "=", "4.0055", "rounding"),
        ("4.00", "1", "a / exact(b)", "=", "4.0056", "inconsistent"),
        # Ends belong to the interval: 2.5 may have been rounded to 2 or to 3.
        ("2.5", "0", "exact(a) + exact(b)", "=", "3", "consistent"),
        ("2.5", "0", "exact(a) + exact(b)", "=", "2", "consistent"),
        ("3.71", "3.74", "a", "<", "b", "consistent"),
        ("3.71", "3.71", "a", "<", "b", "rounding"),
        ("3.71", "3.71", "a", "<=", "b", "consistent"),
        ("3.74", "3.71", "a", "<", "b", "wording"),
        ("5.67", "0.00", "a - b", ">", "5", "consistent"),
        ("5.00", "0.00", "a - b", ">", "5", "rounding"),
        ("4.80", "0.00", "a - b", ">", "5", "wording"),
    ],
)
def test_closed_cases(first: str, second: str, formula: str, relation: str, stated: str, verdict: str) -> None:
    assert judged(first, second, formula, relation, stated).verdict == verdict


decimals = st.integers(1, 20_000).map(lambda hundredths: f"{Fraction(hundredths, 100).__float__():.2f}")


@given(decimals, decimals, st.sampled_from(["a - b", "100 * (1 - b / a)", "b / a"]), st.integers(0, 3), st.data())
def test_moving_the_stated_value_away_never_makes_it_more_consistent(
    first: str, second: str, formula: str, digits: int, data: st.DataObject
) -> None:
    finding = judged(first, second, formula, "=", "0")
    left = finding.comparisons[0].left
    assert left is not None
    centre = round(float(left.printed.low) * 10**digits)
    near, step = data.draw(st.integers(0, 40)), data.draw(st.integers(0, 40))
    side = data.draw(st.sampled_from([1, -1]))
    stated = [f"{(centre + side * away) / 10**digits:.{digits}f}" for away in (near, near + step)]
    verdicts = [judged(first, second, formula, "=", text).verdict for text in stated]
    assert MILDNESS.index(verdicts[0]) <= MILDNESS.index(verdicts[1])


@given(decimals, decimals, decimals)
def test_moving_a_bound_away_never_makes_it_more_consistent(first: str, bound: str, further: str) -> None:
    low, high = sorted((bound, further), key=float)
    verdicts = [judged(first, "0", "a + exact(b)", "<", stated).verdict for stated in (high, low)]
    assert MILDNESS.index(verdicts[0]) <= MILDNESS.index(verdicts[1])


@given(decimals, decimals, st.sampled_from(["a - b", "b / a", "100 * (1 - b / a)"]))
def test_no_false_alarm(first: str, second: str, formula: str) -> None:
    """Numbers that were computed from unrounded values and then rounded are never called inconsistent."""
    a, b = Fraction(first) + Fraction(49, 10_000), Fraction(second) - Fraction(37, 10_000)
    true = {"a - b": a - b, "b / a": b / a, "100 * (1 - b / a)": 100 * (1 - b / a)}[formula]
    stated = f"{float(round(true, 2)):.2f}"
    assert judged(first, second, formula, "=", stated).verdict in ("consistent", "rounding")


def test_a_division_by_what_may_be_0_is_a_fault_of_the_claim() -> None:
    with pytest.raises(FaultyFile, match=r"claims.csv:2: claim id: the divisor may be 0"):
        judged("1.00", "0.0", "a / b", "=", "5")


def test_an_origin_must_exist() -> None:
    record = "id,toy,Sec. 1,difference,words,a = 1.0,a,=,1.0,,because,sources/readme paper=toy,"
    (claim,) = parse_claims("claims.csv", ",".join(COLUMNS) + "\n" + record)
    with pytest.raises(FaultyFile, match="there is no table sources/readme"):
        judge(claim, {"toy": []})
    source = Row(**dict.fromkeys(Row._fields, "") | {"paper": "toy", "table": "readme", "value": "2"})
    (finding,) = judge(claim, {"toy": [], "sources": [source]})
    assert finding.origin == [source]
    assert finding.verdict == "consistent"

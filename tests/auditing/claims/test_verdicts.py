"""Verdicts: closed cases of rounding, and that none gets milder as the stated value moves away."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.auditing.claims.claims import COLUMNS, parse_claims
from stages.auditing.claims.verdicts import Finding, judge
from stages.auditing.tables.rows import FaultyFile, Papers, Row

MILDNESS = ("consistent", "rounding", "inconsistent", "wording")


def judged(first: str, second: str, formula: str, relation: str, stated: str, quantifier: str = "") -> Finding:
    check = (f"a = {first}; b = {second}", formula, relation, stated, quantifier)
    record = ",".join(("id", "toy", "Sec. 1", "", "difference", "words", *check, "", "", "", ""))
    (claim,) = parse_claims("claims.csv", ",".join(COLUMNS) + "\n" + record)
    (finding,) = judge(claim, Papers({"toy": []}))
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
        # 0.52 units away: beyond one rounding, within two.
        ("7.1652", "0", "exact(a) + exact(b)", "=", "7.16", "rounding"),
        # Of two printings of one number either may have fewer digits; a computed one must round to the stated.
        ("8.0", "8.04", "a", "=", "b", "consistent"),
        ("8.04", "8.0", "a", "=", "b", "consistent"),
        ("8.0", "8.04", "exact(a)", "=", "exact(b)", "inconsistent"),
        ("8.0", "0.00", "a - b", "=", "8.04", "rounding"),
        # Ends belong to the interval: 2.5 may have been rounded to 2 or to 3.
        ("2.5", "0", "exact(a) + exact(b)", "=", "3", "consistent"),
        ("2.5", "0", "exact(a) + exact(b)", "=", "2", "consistent"),
        ("3.71", "3.74", "a", "<", "b", "consistent"),
        ("3.71", "3.71", "a", "<", "b", "rounding"),
        ("3.71", "3.71", "a", "<=", "b", "consistent"),
        ("3.74", "3.71", "a", "<", "b", "wording"),
        ("3.71", "3.70", "a", "<", "b", "wording"),
        ("3.71", "3.70", "a", "<=", "b", "wording"),
        ("3.70", "3.71", "a", ">", "b", "wording"),
        ("3.71", "3.71", "a", ">", "b", "rounding"),
        ("3.71", "3.71", "a", ">=", "b", "consistent"),
        ("3.70", "3.71", "a", ">=", "b", "wording"),
        # 3.7051 prints as 3.71 and 3.7054 as 3.705.
        ("3.71", "3.705", "a", "<", "b", "rounding"),
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
    near = data.draw(st.integers(0, 40))
    step = data.draw(st.integers(0, 40))
    side = data.draw(st.sampled_from([1, -1]))
    stated = [f"{(centre + side * away) / 10**digits:.{digits}f}" for away in (near, near + step)]
    verdicts = [judged(first, second, formula, "=", text).verdict for text in stated]
    assert MILDNESS.index(verdicts[0]) <= MILDNESS.index(verdicts[1])


@given(decimals, decimals, decimals)
def test_moving_a_bound_away_never_makes_it_more_consistent(first: str, bound: str, further: str) -> None:
    low, high = sorted((bound, further), key=float)
    verdicts = [judged(first, "0", "a + exact(b)", "<", stated).verdict for stated in (high, low)]
    assert MILDNESS.index(verdicts[0]) <= MILDNESS.index(verdicts[1])


hidden = st.integers(100, 2_000_000).map(lambda value: Fraction(value, 10_000))


def printed(value: Fraction, *, twice: bool) -> str:
    return f"{float(round(round(value, 3) if twice else value, 2)):.2f}"


@given(hidden, hidden, st.sampled_from(["a - b", "b / a", "100 * (1 - b / a)"]), st.booleans())
def test_no_false_alarm(a: Fraction, b: Fraction, formula: str, twice: bool) -> None:
    """What was computed from hidden digits and printed, rounded once or twice, is never called inconsistent."""
    true = {"a - b": a - b, "b / a": b / a, "100 * (1 - b / a)": 100 * (1 - b / a)}[formula]
    finding = judged(printed(a, twice=twice), printed(b, twice=twice), formula, "=", printed(true, twice=twice))
    assert finding.verdict in ("consistent", "rounding")


@given(hidden, hidden, st.sampled_from(["<", "<=", ">", ">="]))
def test_no_false_alarm_about_an_order(a: Fraction, b: Fraction, relation: str) -> None:
    if {"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[relation]:
        finding = judged(printed(a, twice=False), printed(b, twice=False), "a", relation, "b")
        assert finding.verdict in ("consistent", "rounding")


@pytest.mark.parametrize(
    ("second", "formula", "reason"),
    [
        ("0.0", "a / b", "the divisor may be 0: 1.00 / 0.0 = 5"),
        ("0.004", "a / (b - 0.004)", "the divisor may be 0: 1.00 / (0.004 − 0.004) = 5"),
        ("0.00", "a + sqrt(b)", "the square root may be of a negative number: 1.00 + sqrt(0.00) = 5"),
        ("1e99", "(" + " * ".join("b" * 70) + ") - a", "its numbers grow beyond 4,000 digits: "),
        ("1e99", "((b ** 20) ** 20) ** 20 * a", "its numbers grow beyond 4,000 digits: "),
    ],
)
def test_what_cannot_be_computed_is_unverifiable(second: str, formula: str, reason: str) -> None:
    finding = judged("1.00", second, formula, "=", "5")
    assert finding.verdict == "unverifiable"
    assert finding.reason.startswith(reason)


def test_an_origin_must_exist() -> None:
    record = "id,toy,Sec. 1,,difference,words,a = 1.0,a,=,1.0,,because,,sources/readme paper=toy,"
    (claim,) = parse_claims("claims.csv", ",".join(COLUMNS) + "\n" + record)
    with pytest.raises(FaultyFile, match="there is no table sources/readme"):
        judge(claim, Papers({"toy": []}))
    source = Row(**dict.fromkeys(Row._fields, "") | {"paper": "toy", "table": "readme", "value": "2"})
    (finding,) = judge(claim, Papers({"toy": [], "sources": [source]}))
    assert finding.origin == [source]
    assert finding.verdict == "consistent"


def row(value: str, **columns: str) -> Row:
    return Row(
        **dict.fromkeys(Row._fields, "") | {"paper": "toy", "table": "1", "value": value, "metric": "fid"} | columns
    )


def findings(
    rows: list[Row], operands: str, formula: str, relation: str, stated: str, quantifier: str
) -> list[Finding]:
    check = (operands, formula, relation, stated, quantifier)
    record = ",".join(
        f'"{field}"' for field in ("id", "toy", "Sec. 1", "", "ordering", "words", *check, "", "", "", "")
    )
    (claim,) = parse_claims("claims.csv", ",".join(COLUMNS) + "\n" + record)
    return judge(claim, Papers({"toy": rows}))


@given(st.integers(0, 6), st.integers(0, 6), st.integers(0, 3), st.integers(0, 3))
def test_quantifiers_count(yes: int, no: int, ties: int, lost: int) -> None:
    """One pair per data set: "most" needs more than half, "all" every one; what is lost decides nothing."""
    second = ["2.00"] * yes + ["0.50"] * no + ["1.00"] * ties + [""] * lost
    rows = [row("1.00", fix="none", dataset=str(i)) for i in range(len(second))]
    rows += [row(value, fix="ts", dataset=str(i)) for i, value in enumerate(second)]
    if not rows:
        return
    for quantifier, enough in (("most", len(second) // 2 + 1), ("all", len(second))):
        (finding,) = findings(rows, "a = toy/1 fix=none; b = toy/1 fix=ts", "a", "<", "b", quantifier)
        undecided = "unverifiable" if lost else "rounding"
        expected = "consistent" if yes >= enough else undecided if yes + ties + lost >= enough else "wording"
        assert finding.verdict == expected


SEQUENCES = [("a", "10", "8.0"), ("b", "10", "1.0"), ("a", "5", "9.0"), ("b", "5", "2.0"), ("a", "100", "7.0")]


def test_a_trend_compares_neighbours_along_the_steps_within_one_sequence() -> None:
    rows = [row(value, dataset=dataset, steps=steps) for dataset, steps, value in SEQUENCES]
    (finding,) = findings(rows, "a = toy/1 metric=fid", "a", "falls with steps", "", "all")
    assert finding.verdict == "consistent"
    assert [(c.spelled, c.stated) for c in finding.comparisons] == [("9.0", "8.0"), ("8.0", "7.0"), ("2.0", "1.0")]
    (finding,) = findings(rows, "a = toy/1 metric=fid", "-a", "rises with steps", "", "all")
    assert finding.verdict == "consistent"
    operands = "a = toy/1 dataset=a steps=5,10; b = toy/1 dataset=b steps=5,10"
    (finding,) = findings(rows, operands, "a - b", "rises with steps", "", "all")
    assert [(c.spelled, c.stated) for c in finding.comparisons] == [("9.0 − 2.0", "8.0 − 1.0")]


def test_a_trend_over_a_lost_number_is_unverifiable_unless_the_rest_breaks_it() -> None:
    rows = [row(value, steps=steps) for steps, value in (("5", "3.0"), ("10", ""), ("20", "2.0"), ("50", "1.0"))]
    (finding,) = findings(rows, "a = toy/1", "a", "falls with steps", "", "all")
    assert (finding.verdict, finding.reason) == ("unverifiable", "toy/1 [; ] fid is lost")
    (finding,) = findings(rows, "a = toy/1", "a", "rises with steps", "", "all")
    assert finding.verdict == "wording"


@pytest.mark.parametrize(
    ("rows", "formula", "fault"),
    [
        ([row("1.0", steps="5")], "a", "needs rows of two values of steps"),
        ([row("1.0", steps="5", column="x"), row("2.0", steps="5", column="y")], "a", "several rows of one sequence"),
        ([row("1.0"), row("2.0", steps="5")], "a", "a trend along steps has rows without steps"),
        ([row("1.0", steps="5"), row("2.0", steps="10")], "a.k", "a.k of toy/1 [; ] fid: '' is not a number"),
    ],
)
def test_what_makes_no_trend_is_refused(rows: list[Row], formula: str, fault: str) -> None:
    with pytest.raises(FaultyFile) as caught:
        findings(rows, "a = toy/1", formula, "falls with steps", "", "all")
    assert fault in str(caught.value)


def test_several_rows_are_not_paired_with_several() -> None:
    rows = [row(v, fix=fix, column=v) for fix in ("none", "ts") for v in ("1.0", "2.0")]
    with pytest.raises(FaultyFile, match="pairs several rows with several"):
        findings(rows, "a = toy/1 fix=none; b = toy/1 fix=ts", "a", "<", "b", "all")
    (finding,) = findings(rows, "a = toy/1 fix=none; b = toy/1 fix=ts", "min(a)", "=", "min(b)", "")
    assert finding.verdict == "consistent"


@pytest.mark.parametrize(
    ("operands", "formula", "fault"),
    [
        ("a = toy/1 fix=none; b = toy/1", "a / b", "b takes in fix 'none', 'ts', while another operand names a fix"),
        ("a = toy/1 fix=none", "a - a + mean(a)", "is used both alone and over its rows"),
        ("a = toy/1 fix=none; b = toy/1 fix=ts", "max(a) - max(b)", "name what to gather, such as dataset=a,b"),
        ("a = toy/1 fix=es; b = toy/1 fix=ts", "a - b", "has no row with fix=es, but 'none', 'ts'"),
        ("a = toy/2; b = toy/1 fix=ts", "a - b", "there is no table toy/2, but toy/1"),
    ],
)
def test_unlike_is_not_compared_with_unlike(operands: str, formula: str, fault: str) -> None:
    rows = [row("1.0", fix=fix, dataset=dataset) for fix in ("none", "ts") for dataset in "ab"]
    with pytest.raises(FaultyFile) as caught:
        findings(rows, operands, formula, "=", "1.0", "all")
    assert fault in str(caught.value)


def test_texts_are_equal_but_for_case_and_spaces() -> None:
    rows = [row("fixed  Large", fix="none"), row("fixedlarge", fix="ts"), row("small", fix="es")]
    for operands, stated, verdict in (
        ("a = toy/1 fix=none; b = toy/1 fix=ts", "b", "consistent"),
        ("a = toy/1 fix=none; b = toy/1 fix=es", "b", "inconsistent"),
        ("a = toy/1 fix=none", "b", "inconsistent"),
    ):
        (finding,) = findings(rows, operands, "a", "is", stated, "")
        assert finding.verdict == verdict


def test_rows_without_a_counterpart_are_counted() -> None:
    rows = [row("1.0", fix="none", dataset=d) for d in "abcd"] + [row("2.0", fix="ts", dataset="a")]
    (finding,) = findings(rows, "a = toy/1 fix=none; b = toy/1 fix=ts", "a", "<", "b", "all")
    assert (finding.verdict, len(finding.unmatched)) == ("consistent", 3)


def test_a_paper_without_a_file_is_refused() -> None:
    record = "id,other,Sec. 1,,ordering,words,,,,,,,,,no numbers"
    (claim,) = parse_claims("claims.csv", ",".join(COLUMNS) + "\n" + record)
    with pytest.raises(FaultyFile, match=r"claims.csv:2: paper 'other': must be one of toy"):
        judge(claim, Papers({"toy": []}))


def test_counts_are_exact() -> None:
    """3 of 7 are 42.86 %; had both been rounded, from 33.3 to 53.8."""
    for kind, verdict in (("count", "inconsistent"), ("number", "rounding")):
        rows = [row("3", fix="ours", kind=kind), row("7", fix="none", kind=kind)]
        operands = "a = toy/1 fix=ours; b = toy/1 fix=none"
        (finding,) = findings(rows, operands, "100 * a / b", "=", "45.0", "")
        assert finding.verdict == verdict

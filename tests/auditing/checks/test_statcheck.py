"""Test results whose p is recomputed; the reference is scipy."""

from __future__ import annotations

from collections import namedtuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from stages.auditing.checks.statcheck import candidates, errors, p_value
from tests.auditing.checks.tables import paper, rows

Claim = namedtuple("Claim", "place statement")
FREEDOMS = (1, 1.54, 2, 5, 28, 100, 1_000)


@pytest.mark.parametrize("df", [*FREEDOMS, 10_000])
def test_the_distributions_are_those_of_scipy(df: float) -> None:
    for value in (0, 0.01, 0.5, 0.9, 1, 1.1, 2.2, 5, 40, 1e4, 1e15):
        assert p_value("t", value, df) == pytest.approx(2 * stats.t.sf(value, df), rel=1e-9, abs=1e-12)
        assert p_value("chi2", value, df) == pytest.approx(stats.chi2.sf(value, df), rel=1e-9, abs=1e-12)
        assert p_value("z", value) == pytest.approx(2 * stats.norm.sf(value), rel=1e-9, abs=1e-12)
        for above in FREEDOMS:
            assert p_value("F", value, above, df) == pytest.approx(stats.f.sf(value, above, df), rel=1e-8, abs=1e-12)
    for value in (0, 0.2, 0.45, 0.99, 1):
        reference = 2 * stats.t.sf(value * (df / (1 - value**2)) ** 0.5, df) if value < 1 else 0
        assert p_value("r", value, df) == pytest.approx(reference, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    "text",
    [
        "t(28) = 2.20, p = .04",
        "t(28) = 2.20, p < .05",
        "t(28) = −2.20, p = .036",
        "t(28) = 2.20, p > .03",
        "F(2, 57) = 3.41, p = .040",
        "χ2(1, N = 90) = 3.84, p = .05",
        "chi2(1) = 3.84, p = .05",
        "t(28) = 1.20, n.s.",
        "r(30) = .4362, p = .0126",
        "z = 2.10, p = .036",
        "Z = -2.10; p=0.036",
        "t(28) = 1.20, ns",
        # The digits behind 1.0 reach from .95 to 1.05.
        "t(30) = 1.0, p = .31",
        "t(30) = 1.0, p = .35",
        "F(1.54, 43.2) = 4.00, p = .035",
        "a one-tailed test gave t(28) = 2.20, p = .018",
        # Unread: other statistics, no degrees of freedom, too many, impossible ones.
        "b(28) = 2.20, p = .9",
        "t = 2.20, p = .9",
        "t(28, 3) = 2.20, p = .9",
        "F(3) = 2.20, p = .9",
        "t(0) = 2.20, p = .9",
        "r(30) = 1.45, p = .9",
        "t(20000) = 2.20, p = .9",
        "F(2000, 2) = 2.20, p = .9",
        "t(28) = 2.20",
        "",
        "SSt(28) = 2.20, p = .9",
        "F(2, 57) = -3.41, p = .9",
        f"t(28) = {'9' * 400}, p = .9",
    ],
)
def test_what_fits_or_is_no_result_is_passed(text: str) -> None:
    assert list(errors(text)) == []


@pytest.mark.parametrize(
    ("text", "decision", "message"),
    [
        ("t(28) = 2.20, p = .03", False, "the statistic gives p from 0.0358 to 0.0366"),
        ("t(28) = 2.20, p < .01", False, "the statistic gives p from 0.0358 to 0.0366"),
        ("t(28) = 2.20, p = .018", False, "0.0366; a one-tailed test would fit"),
        ("t(28) = 1.20, p = .03", True, "0.242; printed as significant at .05, it is not"),
        ("t(28) = 1.20, p < .05", True, "0.242; printed as significant at .05, it is not"),
        ("t(28) = 2.20, p > .05", True, "printed as not significant at .05, it is"),
        ("t(28) = 2.20, ns", True, "printed as not significant at .05, it is"),
        ("F(2, 57) = 3.41, p = .140", True, "printed as not significant at .05, it is"),
        ("χ²(1, N = 90) = 13.84, p = .05", False, "the statistic gives p from"),
        ("r(30) = .20, p = .01", True, "significant at .05, it is not"),
        ("z = 0.10, p = .036", True, "significant at .05, it is not"),
    ],
)
def test_a_p_that_is_another_is_told_with_what_it_decides(text: str, decision: bool, message: str) -> None:
    (error,) = errors(f"As expected ({text}).")
    assert error.decision is decision
    assert error.message.startswith(f"{text}: ")
    assert message in error.message


def test_notes_values_and_statements_are_read_and_decisions_come_first() -> None:
    wrong = "t(28) = 2.20, p = .03"
    decisive = "t(28) = 1.20, p = .03"
    made = rows(
        {"note": wrong, "value": "1.0"},
        {"note": wrong, "value": "2.0", "column": "other"},
        {"metric": "optimizer", "value": decisive},
    )
    found = list(candidates(paper(made, [Claim("claims.csv:7", f"It differs, {wrong}")])))
    assert [len(candidate.rows) for candidate in found] == [1, 2, 0]
    assert found[0].message.startswith(decisive)
    assert found[2].message.startswith(f"claims.csv:7: {wrong}: ")


@pytest.mark.parametrize(
    ("test", "beside", "value", "p", "wrong"),
    [
        ("t", {"df": "28"}, "2.20", "0.036", False),
        ("t", {"df": "28"}, "2.20", "0.030", True),
        ("t", {"df": "28"}, "2.20", "<0.05", False),
        ("t", {"df": "28"}, "2.20", "< .01", True),
        ("t", {"df": "28"}, "2.20", "n.s.", True),
        ("t", {"df": "28"}, "2.20", "unknown", False),
        ("t", {}, "2.20", "0.9", False),
        ("F", {"df1": "2", "df2": "57"}, "3.41", "0.040", False),
        ("F", {"df1": "2", "df2": "57"}, "3.41", "0.41", True),
        ("chi2", {"df": "1"}, "3.84", "0.05", False),
        ("r", {"df": "30"}, "0.20", "0.01", True),
        ("z", {}, "2.10", "0.36", True),
        ("fid", {"df": "1"}, "2.10", "0.36", False),
    ],
)
@pytest.mark.parametrize("column", ["score", "p value"])
def test_tables_have_the_p_in_the_cell_or_in_another_column(
    test: str, beside: dict[str, str], value: str, p: str, wrong: bool, column: str
) -> None:
    made = rows(
        {"metric": test, "value": value} | beside,
        {"metric": "p", "value": p, "column": column},
        {"metric": "p", "value": "0.5", "column": "score", "row": "another"},
        beside=("df", "df1", "df2"),
    )
    assert bool(list(candidates(paper(made)))) is wrong


def test_one_of_several_p_of_a_row_is_not_guessed() -> None:
    made = rows(
        {"metric": "t", "value": "2.20", "df": "28"},
        {"metric": "p", "value": "0.9", "column": "a"},
        {"metric": "p", "value": "0.8", "column": "b"},
        beside=("df",),
    )
    assert list(candidates(paper(made))) == []


@given(
    st.sampled_from(["t", "F", "r", "z", "chi2"]),
    st.floats(0, 6),
    st.integers(1, 200),
    st.integers(1, 20),
    st.integers(0, 3),
    st.integers(2, 4),
    st.booleans(),
)
def test_honest_results_are_passed(
    test: str, value: float, df: int, above: int, digits: int, more: int, less: bool
) -> None:
    value = value / 6.1 if test == "r" else value
    p = {
        "t": lambda: 2 * stats.t.sf(value, df),
        "F": lambda: stats.f.sf(value, above, df),
        "r": lambda: 2 * stats.t.sf(value * (df / (1 - value**2)) ** 0.5, df),
        "z": lambda: 2 * stats.norm.sf(value),
        "chi2": lambda: stats.chi2.sf(value, df),
    }[test]()
    freedoms = {"F": f"({above}, {df})", "z": ""}.get(test, f"({df})")
    bound = next((bound for bound in ("0.001", "0.01", "0.05") if p < float(bound)), None)
    printed = f"< {bound}" if less and bound else f"= {p:.{more}f}"
    assert list(errors(f"{test}{freedoms} = {value:.{digits}f}, p {printed}")) == []

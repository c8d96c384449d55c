"""GRIM and GRIMMER: means, shares and SDs of whole numbers."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.auditing.checks.grim import GRIM, GRIMMER, sum_of_squares
from stages.auditing.tables.numbers import parse_number
from tests.auditing.checks.tables import paper, rows

BESIDE = ("n", "sd")
ROUNDINGS = st.sampled_from([ROUND_HALF_UP, ROUND_HALF_EVEN])


def grim_of(*records: dict[str, str]) -> list[str]:
    return [candidate.message for candidate in GRIM.find(paper(rows(*records, beside=BESIDE)))]


def grimmer_of(mean: str, sd: str, n: str) -> list[str]:
    made = rows({"metric": "rating", "value": mean, "sd": sd, "n": n}, beside=BESIDE)
    return [candidate.message for candidate in GRIMMER.find(paper(made))]


@pytest.mark.parametrize(
    ("metric", "value", "n", "message"),
    [
        # Brown and Heathers' example: 145 and 146 of 28 are 5.18 and 5.21.
        ("rating", "5.19", "28", "5.19 is no mean of 28 whole numbers: 145 / 28 = 5.179 and 146 / 28 = 5.214"),
        ("rating", "5.18", "28", ""),
        ("rating", "5.21", "28", ""),
        # 1 / 8 = 0.125 is rounded to 0.13 or, half to even, to 0.12.
        ("rating", "0.12", "8", ""),
        ("rating", "0.13", "8", ""),
        ("rating", "0.14", "8", "0.14 is no mean of 8 whole numbers: 1 / 8 = 0.125 and 2 / 8 = 0.250"),
        ("rating", "-0.14", "8", "-0.14 is no mean of 8 whole numbers: −2 / 8 = −0.250 and −1 / 8 = −0.125"),
        ("accuracy", "0.53", "30", ""),
        ("accuracy", "0.55", "30", "0.55 is no share of 30: 16 / 30 = 0.533 and 17 / 30 = 0.567"),
        ("accuracy", "55.0", "30", "55.0 is no share of 30: 100 × 16 / 30 = 53.33 and 100 × 17 / 30 = 56.67"),
        ("accuracy", "0.5%", "100", "0.5% is no share of 100: 100 × 0 / 100 = 0.00 and 100 × 1 / 100 = 1.00"),
        ("accuracy", "1%", "100", ""),
        # Two decimals cannot tell the means of a hundred apart; without n, or where no whole numbers are averaged.
        ("rating", "5.19", "100", ""),
        ("rating", "5.19", "", ""),
        ("rating", "5.19", "28.5", ""),
        (
            "rating",
            "5.1999",
            "1000",
            "5.1999 is no mean of 1000 whole numbers: 5199 / 1000 = 5.19900 and 5200 / 1000 = 5.20000",
        ),
        ("rating", "5.1999", "1K", ""),
        ("fid", "5.19", "28", ""),
        ("rating", "", "28", ""),
    ],
)
def test_grim(metric: str, value: str, n: str, message: str) -> None:
    assert grim_of({"metric": metric, "value": value, "n": n}) == [message] * bool(message)


def test_a_share_is_in_per_cent_where_another_of_its_metric_is_above_one() -> None:
    small = {"metric": "accuracy", "value": "0.8", "n": "120", "column": "a"}
    assert len(grim_of(small)) == 0
    assert len(grim_of(small | {"value": "0.7"})) == 0
    # 0.8 % of 120 is 1, 0.7 % none; as fractions 96 and 84 of 120.
    large = {"metric": "accuracy", "value": "12.5", "n": "120", "column": "b"}
    assert grim_of(small, large) == []
    assert len(grim_of(small | {"value": "0.7"}, large)) == 1


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=120), st.integers(0, 3), ROUNDINGS)
def test_grim_is_silent_about_means_of_whole_numbers(numbers: list[int], digits: int, rounding: str) -> None:
    mean = (Decimal(sum(numbers)) / len(numbers)).quantize(Decimal(1).scaleb(-digits), rounding)
    assert grim_of({"metric": "rating", "value": str(mean), "n": str(len(numbers))}) == []


@given(st.integers(1, 300), st.data(), ROUNDINGS)
def test_grim_is_silent_about_shares(n: int, data: st.DataObject, rounding: str) -> None:
    counts = data.draw(st.lists(st.integers(0, n), min_size=2, max_size=4))
    shares = [(Decimal(count) / n).quantize(Decimal("0.001"), rounding) for count in counts]
    cells = [{"metric": "accuracy", "n": str(n), "column": str(i)} for i in range(len(counts))]
    assert grim_of(*(cell | {"value": str(share)} for cell, share in zip(cells, shares, strict=True))) == []
    percent = [f"{(Decimal(100 * count) / n).quantize(Decimal('0.1'), rounding)}%" for count in counts]
    assert grim_of(*(cell | {"value": share} for cell, share in zip(cells, percent, strict=True))) == []


@pytest.mark.parametrize(
    ("mean", "sd", "n", "possible"),
    [
        # 1 and 2: mean 1.5; SD 0.71 with n - 1, 0.5 with n.
        ("1.5", "0.71", "2", True),
        ("1.5", "0.50", "2", True),
        # The sum is 3, so that the squares sum to 4.5 + 0.36 = 4.86 or 4.5 + 0.72 = 5.22, not to 5.
        ("1.5", "0.60", "2", False),
        # Sum 10 of five: squares sum to 20 + 4 x 1.5 = 26, even as the sum is, or with n to 27.5.
        ("2.0", "1.22", "5", True),
        # 20 + 4 x 1.12^2 = 25.02 and 20 + 5 x 1.12^2 = 26.27: 25 is odd.
        ("2.0", "1.12", "5", False),
        # 20 + 4 x 1.10^2 = 24.84 and 20 + 5 x 1.10^2 = 26.05, from 25.995 to 26.105: 26 is even.
        ("2.0", "1.10", "5", True),
        ("2.0", "1.10", "1", True),
        ("2.0", "1.12", "", True),
        # Passed over, since GRIM speaks of the mean.
        ("5.19", "1.12", "28", True),
    ],
)
def test_grimmer(mean: str, sd: str, n: str, possible: bool) -> None:
    assert bool(grimmer_of(mean, sd, n)) is not possible


def test_grimmer_spells_out_both_sums_of_squares() -> None:
    assert grimmer_of("2.0", "1.12", "5") == [
        "5 whole numbers with mean 2.0 have the sum 10, so that an SD of 1.12 needs a sum of squares from 24.97 to "
        "25.06 (with n − 1) or from 26.22 to 26.33 (with n), and there is no even whole number in these"
    ]


def test_the_example_of_the_r_package_scrutiny_needs_the_sample_sd() -> None:
    """5.23 ± 2.55 of 35 is impossible with n - 1, but not with n: the sum 183 is odd, as is 1185, not 1178."""
    assert grimmer_of("5.23", "2.55", "35") == []
    squares = sum_of_squares(183, 35, 34, parse_number("2.55"))
    assert 1177 < squares.low < 1178 < squares.high < 1179
    assert grimmer_of("5.23", "2.55", "31") == []


@given(st.lists(st.integers(-9, 9), min_size=2, max_size=60), st.integers(0, 3), st.integers(0, 1), ROUNDINGS)
def test_grimmer_is_silent_about_whole_numbers(numbers: list[int], digits: int, less: int, rounding: str) -> None:
    n = len(numbers)
    unit = Decimal(1).scaleb(-digits)
    mean = Fraction(sum(numbers), n)
    variance = sum((number - mean) ** 2 for number in numbers) / (n - less)
    sd = (Decimal(variance.numerator) / variance.denominator).sqrt().quantize(unit, rounding)
    printed = (Decimal(mean.numerator) / mean.denominator).quantize(unit, rounding)
    assert grimmer_of(str(printed), str(sd), str(n)) == []

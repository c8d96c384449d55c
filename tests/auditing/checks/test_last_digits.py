"""Last digits: even, and as many as the column's others."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from stages.auditing.checks.last_digits import candidates
from tests.auditing.checks.tables import grid, paper, rows


def messages_of(values: Sequence[Sequence[str]], metric: str = "fid") -> list[str]:
    return [candidate.message for candidate in candidates(paper(rows(*grid(values, metric))))]


def ending(counts: Sequence[int]) -> list[list[str]]:
    """One row of numbers, so many of which end in 0, 1, ...; no two are alike."""
    endings = [digit for digit, count in enumerate(counts) for _ in range(count)]
    return [[f"{i + 1}.2{digit}" for i, digit in enumerate(endings)]]


def test_chi_square_is_held_against_its_one_in_a_thousand() -> None:
    assert messages_of(ending([5] * 10)) == []
    # (9² + 7 × 1² + 1² + 1²) / 5 = 18; (11² + 2 × 5² + 1 + ...) / 5 above 27.877.
    assert messages_of(ending([14, 4, 4, 4, 4, 4, 4, 4, 4, 4])) == []
    assert messages_of(ending([0, 0, 16, 5, 5, 5, 5, 5, 5, 4])) == [
        "of 50 numbers 0 end in 0, 0 end in 1, 16 end in 2, 5 end in 3, 5 end in 4, 5 end in 5, 5 end in 6, 5 end in "
        "7, 5 end in 8, 4 end in 9: chi-square 34.4, above 27.877 (p < .001)"
    ]
    # 49 numbers, and numbers of two digits or no score.
    assert messages_of(ending([0, 0, 16, 5, 5, 5, 5, 5, 5, 3])) == []
    assert messages_of([[f"{i // 10}.2" for i in range(60)]]) == []
    assert messages_of(ending([0, 0, 16, 5, 5, 5, 5, 5, 5, 4]), "accuracy") == []


def test_a_number_printed_again_counts_once() -> None:
    records = grid(ending([0, 0, 10, 4, 4, 4, 4, 4, 4, 4]))
    again = [record | {"row": "again"} for record in records]
    assert list(candidates(paper(rows(*records, *again)))) == []


@pytest.mark.parametrize(
    ("column", "found"),
    [
        (["3.51", "4.62", "5.73", "3.5"], "3.5 among 3 numbers with 2 decimals"),
        (["3.51", "4.62", "5.73", "4"], "4 among 3 numbers with 2 decimals"),
        (["3.51", "4.62", "5.73", "6.41", "3.5", "4.1"], "3.5, 4.1 among 4 numbers with 2 decimals"),
        (["3.51", "4.62", "5.73"], ""),
        # A zero is printed, so that zeros are not dropped.
        (["3.51", "4.60", "5.73", "3.5"], ""),
        (["3.51", "4.62", "5.73", "3.0"], ""),
        # Three significant digits.
        (["9.51", "4.62", "5.73", "12.3", "103"], ""),
        # Too few that show the decimals.
        (["3.51", "4.62", "3.5"], ""),
        (["3.51", "4.62", "5.73", "3.5", "3.1", "3.2", "3.3"], ""),
    ],
)
def test_fewer_decimals_than_the_rest_of_the_column(column: list[str], found: str) -> None:
    sentences = messages_of([[value] for value in column])
    assert sentences == [f"{found}, none of which ends in 0: zeros are dropped, or digits are missing"] * bool(found)


def test_of_three_thousand_honest_tables_about_three_are_uneven() -> None:
    """The nominal rate is 1 in 1,000; more than 10 of 3,000 come with a probability of 3e-4."""
    drawn = random.Random(3)
    found = 0
    for _ in range(3_000):
        values = [[f"{drawn.lognormvariate(2.5, 0.8):.2f}" for _ in range(12)] for _ in range(6)]
        sentences = messages_of(values)
        assert all("chi-square" in sentence for sentence in sentences)
        found += len(sentences)
    assert found <= 10


def test_three_significant_digits_are_no_lack_of_decimals() -> None:
    drawn = random.Random(4)
    for _ in range(500):
        values = [f"{drawn.lognormvariate(2.5, 1.5):#.3g}".rstrip(".") for _ in range(8)]
        assert messages_of([[value] for value in values if "e" not in value]) == []

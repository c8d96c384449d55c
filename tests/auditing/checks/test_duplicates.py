"""Lines of numbers that agree more than chance allows."""

from __future__ import annotations

import random

from stages.auditing.checks.duplicates import candidates
from tests.auditing.checks.tables import grid, paper, rows

TABLE = [
    ["41.57", "13.72", "6.91", "4.71", "4.23"],
    ["38.09", "11.93", "6.12", "4.16", "3.81"],
    ["44.68", "18.71", "11.05", "7.09", "5.66"],
]


def messages_of(*records: dict[str, str]) -> list[str]:
    return [candidate.message for candidate in candidates(paper(rows(*records)))]


def test_two_rows_of_a_table() -> None:
    assert messages_of(*grid(TABLE)) == []
    # 5 of 5 places: 1 / 100^5.
    assert messages_of(*grid([*TABLE, TABLE[1]])) == [
        "the rows 'm1' and 'm3' have the same numbers in 5 of 5 places: 38.09, 11.93, 6.12, 4.16, 3.81; by chance at "
        "most once in 10^10"
    ]
    # 4 of 5: 5 / 100^4.
    (sentence,) = messages_of(*grid([*TABLE, [*TABLE[1][:4], "3.82"]]))
    assert "the same numbers in 4 of 5 places: 38.09, 11.93, 6.12, 4.16; by chance at most once in 10^7" in sentence
    assert messages_of(*grid([*TABLE, [*TABLE[1][:3], "4.17", "3.82"]])) == []


def test_two_columns_and_two_tables() -> None:
    turned = [list(line) for line in zip(*TABLE, TABLE[1], strict=True)]
    (sentence,) = messages_of(*grid(turned))
    assert sentence.startswith("the columns 'd1' and 'd3' have the same numbers in 5 of 5 places")
    first = grid(TABLE)
    second = [record | {"table": "2", "where": "Table 2", "method": "another"} for record in first[:5]]
    (sentence,) = messages_of(*first, *second)
    assert sentence.startswith("the rows 'm0' and 'm0' have the same numbers in 5 of 5 places")


def test_what_is_printed_again_is_no_duplicate() -> None:
    """With the same coordinates, or with one that the second table leaves open."""
    first = grid(TABLE)
    for change in ({}, {"method": ""}):
        assert messages_of(*first, *(record | {"table": "2", "where": "Table 2"} | change for record in first)) == []


def test_round_few_and_equal_numbers_are_no_evidence() -> None:
    assert messages_of(*grid([["1.5", "2.5", "3.5", "4.5", "6.5"]] * 2)) == []
    assert messages_of(*grid([["1.57"] * 9] * 2)) == []
    assert messages_of(*grid([["100", "2000", "30.0", "4.00", "500"]] * 2)) == []
    assert messages_of(*grid([line[:3] for line in TABLE] + [TABLE[1][:3]])) == []
    assert messages_of(*grid([*TABLE, TABLE[1]], metric="accuracy")) == []


def test_four_of_nine_places_are_chance_enough() -> None:
    """C(9, 4) / 100^4 is 1.26e-6; C(8, 4) / 100^4 is 0.7e-6."""
    shared = ["41.57", "13.72", "6.91", "4.71"]
    for others, found in ((5, 0), (4, 1)):
        lines = [[*shared, *(f"{start + i}.{i + start + 1}3" for i in range(others))] for start in (1, 3)]
        assert len(messages_of(*grid(lines))) == found


def test_numbers_that_lie_close_agree_by_chance() -> None:
    """The others mostly differ by one last digit, so that one in five agrees."""
    close = [[f"0.7{(7 * i + 3 * j + i * j) % 3 + 41}" for j in range(5)] for i in range(6)]
    assert messages_of(*grid([*close, close[1]])) == []


def test_the_same_decimals_behind_other_numbers() -> None:
    copied = ["31.57", "12.72", "8.91", "3.71", "2.23"]
    (sentence,) = messages_of(*grid([*TABLE, copied]))
    assert sentence == (
        "the rows 'm0' and 'm3' have the same decimals in 5 of 5 places where their numbers differ: 41.57 and 31.57, "
        "13.72 and 12.72, 6.91 and 8.91, 4.71 and 3.71, 4.23 and 2.23; by chance at most once in 10^10"
    )
    assert messages_of(*grid([*TABLE, ["31.50", "12.70", "8.90", "3.70", "2.20"]])) == []


def test_of_two_thousand_honest_tables_none_has_a_candidate() -> None:
    """15 pairs of rows and 15 of columns each, 60,000 in all, of at most 1e-6: 0.06 are expected."""
    drawn = random.Random(1)
    for _ in range(2_000):
        values = [[f"{drawn.lognormvariate(2, 0.7):.2f}" for _ in range(6)] for _ in range(6)]
        assert messages_of(*grid(values)) == []


def test_of_five_hundred_honest_tables_of_like_methods_none_has_a_candidate() -> None:
    """The rows differ by a few last digits at most, as precision does."""
    drawn = random.Random(2)
    for _ in range(500):
        means = [drawn.uniform(0.5, 0.8) for _ in range(6)]
        values = [[f"{drawn.gauss(mean, 0.002):.3f}" for mean in means] for _ in range(6)]
        assert messages_of(*grid(values, "precision")) == []

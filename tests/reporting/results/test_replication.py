"""Holm's adjustment and the words of verdicts."""

from __future__ import annotations

import pytest

from stages.reporting.results.replication import holm, verdict
from stages.scoring.intervals import Interval


def test_holm_matches_its_definition() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]) == [1, 1]


@pytest.mark.parametrize(
    ("estimate", "p", "tuned", "expected"),
    [
        (-1, 0.01, False, "replicates"), (-1, 0.2, True, "inconclusive"), (1, 0.01, True, "contradicted"),
        (1, 0.01, False, "not seen at this setting"), (1, 0.05, True, "inconclusive"),
    ],
)  # fmt: skip
def test_verdicts(estimate: float, p: float, tuned: bool, expected: str) -> None:
    assert verdict(Interval(estimate, 0, 0, p), p, -1, tuned) == expected


def test_a_printed_rise_replicates_when_it_rises() -> None:
    assert verdict(Interval(1, 0, 2, 0.01), 0.01, 1, False) == "replicates"
    assert verdict(Interval(-1, -2, 0, 0.01), 0.01, 1, True) == "contradicted"

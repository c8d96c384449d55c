"""What scores depend on: the number of samples, the evaluations of a step."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import pytest

from stages.auditing.checks.unstated import candidates
from tests.auditing.checks.tables import paper, rows

Claim = namedtuple("Claim", "place statement")
N = "n is not stated, the number of samples behind the scores"
COST = "steps of {} take several evaluations of the network, and how many is not stated"
SCORE = {"value": "4.71", "dataset": "cifar10", "steps": "10"}
OTHER = {"value": "9.99", "table": "2", "where": "Table 2"}
COORDINATES = ("dataset", "method", "steps")
BESIDE = ("n", "nfe")


def messages_of(*records: dict[str, str], claims: tuple[Any, ...] = ()) -> list[str]:
    made = rows(*records, coordinates=COORDINATES, beside=BESIDE)
    return [candidate.message for candidate in candidates(paper(made, claims))]


def test_each_table_of_scores_lacks_n() -> None:
    assert messages_of(SCORE, SCORE | {"column": "b"}, OTHER) == [N, N]
    assert messages_of({"metric": "optimizer", "value": "Adam"}, {"metric": "time_ms", "value": "19.57"}) == []
    assert messages_of(SCORE | {"value": ""}) == []


@pytest.mark.parametrize(
    "record",
    [
        OTHER | {"n": "50000"},
        OTHER | {"metric": "samples", "value": "50K"},
        OTHER | {"note": "of 50,000 samples"},
        OTHER | {"column": "FID (n = 10)"},
        OTHER | {"where": "Table 2, 10k generated images"},
    ],
)
def test_n_may_be_stated_anywhere_in_the_tables(record: dict[str, str]) -> None:
    assert messages_of(SCORE, record) == []


@pytest.mark.parametrize(
    "note",
    ["50,000 training images", "good samples", "noised 3 times, then images", "N images", "10K reference samples"],
)
def test_other_images_are_no_n(note: str) -> None:
    assert messages_of(SCORE | {"note": note}) == [N]
    assert messages_of(SCORE, claims=(Claim("claims.csv:2", note),)) == [N]


def test_a_claim_may_state_n() -> None:
    assert messages_of(SCORE, claims=(Claim("claims.csv:2", "FID is computed on 50k generated samples"),)) == []


def test_samplers_of_several_evaluations_need_their_number() -> None:
    heun = SCORE | {"method": "heun", "n": "50000"}
    assert messages_of(heun) == [COST.format("heun")]
    assert messages_of(SCORE | {"row": "DPM-Solver-2 (ours)", "n": "50000"}) == [COST.format("DPM-Solver-2")]
    assert messages_of(heun | {"n": ""}) == [f"{N}; {COST.format('heun')}"]
    for record in (
        heun | {"nfe": "19"},
        heun | {"steps": ""},
        heun | {"method": "ddim"},
        heun | {"metric": "time_ms"},
    ):
        assert messages_of(record) == []
    assert messages_of(heun, heun | {"metric": "nfe", "value": "19", "column": "NFE"}) == []

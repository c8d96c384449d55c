"""Candidates as records: only checks that found something, and no more of it than a page can hold."""

from __future__ import annotations

from stages.auditing.checks.grim import GRIM
from stages.auditing.checks.table_cells import Candidate
from stages.auditing.output.findings import MOST_CANDIDATE_ROWS, MOST_CANDIDATES, candidate_records
from stages.auditing.tables.rows import Row


def row(value: str) -> Row:
    return Row(**dict.fromkeys(Row._fields, "") | {"paper": "toy", "table": "1", "row": value, "metric": "fid"})


def test_only_checks_that_found_something_are_there() -> None:
    (record,) = candidate_records([Candidate("grim", "no 5.19 of 28", (row("5.19"),))])
    assert record == {
        "check": "grim",
        "title": GRIM.title,
        "literature": GRIM.literature,
        "limits": GRIM.limits,
        "count": 1,
        "found": [{"message": "no 5.19 of 28", "rows": ["toy/1 [5.19; ] fid"]}],
    }
    assert candidate_records([]) == []


def test_many_are_counted_and_the_first_are_shown() -> None:
    rows = tuple(row(str(i)) for i in range(MOST_CANDIDATE_ROWS + 2))
    (record,) = candidate_records([Candidate("digits", "uneven", rows)] * (MOST_CANDIDATES + 5))
    assert (record["count"], len(record["found"])) == (MOST_CANDIDATES + 5, MOST_CANDIDATES)
    assert record["found"][0]["rows"][-1] == "and 2 more"
    assert len(record["found"][0]["rows"]) == MOST_CANDIDATE_ROWS + 1

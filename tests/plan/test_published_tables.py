"""Readings: what the plan takes for printed; every fault names its file and line."""

from __future__ import annotations

import pytest

from stages.auditing.tables.rows import COORDINATES, FaultyFile, Papers, Row
from stages.plan.published_tables import NEEDS, parse_readings, read_row
from tests.reporting.results.studies import made_up, published

ROWS = {
    "ip": [
        made_up(model="adm", sampler="ddim", steps="5", metric="fid", value="3.0"),
        made_up(model="adm", sampler="ddim", steps="9", metric="fid", value="2.0", column="9 steps"),
        made_up(model="adm", sampler="ddim", spacing="uniform", metric="fid", value="1.0", table="2"),
    ]
}
PAPERS = Papers(ROWS)
FIRST, SECOND, THIRD = ROWS["ip"]
HEADER = "query,setting,value,reason\n"


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("ip/3,spacing,uniform,why", "there is no table ip/3, but ip/1, ip/2"),
        ("es/1,spacing,uniform,why", "there is no table es/1"),
        ("ip/1 steps=7,spacing,uniform,why", "steps"),
        ("ip/1 stepz=5,spacing,uniform,why", "'stepz=5' must be key=value"),
        ("ip 1,spacing,uniform,why", "must start with PAPER/TABLE"),
        (",spacing,uniform,why", "must start with PAPER/TABLE"),
        ("ip/1,stride,uniform,why", f"setting 'stride': must be {NEEDS} or one of {', '.join(COORDINATES)}"),
        ("ip/1,,uniform,why", "setting '': must be needs or one of dataset"),
        ("ip/2,spacing,quadratic,why", "spacing is printed; only what is not can be read"),
        ("ip/1,model,adm-ip,why", "model is printed; only what is not can be read"),
        ("ip/1,metric,sfid,why", "metric is printed"),
        ("ip/1,spacing,,why", "must name rows that exist, a value and a reason"),
        ("ip/1,spacing,uniform,", "must name rows that exist, a value and a reason"),
        ("ip/1,needs,,why", "must name rows that exist, a value and a reason"),
        ("ip/1 steps=5 spacing=,eta,0", "3 fields instead of 4"),
        ("ip/1 steps=9 row=ours column=5,eta,0,why", "ip/1"),
    ],
)
def test_faults_name_file_and_line(line: str, fault: str) -> None:
    good = "ip/1 steps=5,spacing,uniform,why\n"
    with pytest.raises(FaultyFile) as caught:
        parse_readings("readings.csv", HEADER + good + line + "\n", PAPERS)
    message = str(caught.value)
    assert message.startswith("readings.csv:3: ")
    assert fault in message
    assert "\n" not in message


def test_other_columns_are_refused() -> None:
    with pytest.raises(
        FaultyFile, match=r"^readings\.csv:1: columns query,setting,value: must be query,setting,value,"
    ):
        parse_readings("readings.csv", "query,setting,value\n", PAPERS)


def read(row: Row, *lines: str) -> tuple[Row, list[tuple[str, str]]]:
    completed, concerned = read_row(row, parse_readings("readings.csv", HEADER + "\n".join(lines), PAPERS))
    return completed, [(reading.setting, reading.value) for reading in concerned]


def test_a_row_is_completed_by_the_readings_that_name_it() -> None:
    spacing = "ip/1,spacing,uniform,why"
    eta = "ip/1 steps=5,eta,0,why"
    assert read(FIRST, spacing, eta) == (
        FIRST._replace(spacing="uniform", eta="0"),
        [("spacing", "uniform"), ("eta", "0")],
    )
    assert read(SECOND, spacing, eta) == (SECOND._replace(spacing="uniform"), [("spacing", "uniform")])
    assert read(THIRD, spacing, eta) == (THIRD, [])


def test_a_need_concerns_a_row_and_changes_nothing_of_it() -> None:
    assert read(SECOND, "ip/1 steps=9,needs,a guide,why") == (SECOND, [("needs", "a guide")])
    assert read(FIRST, "ip/1 steps=9,needs,a guide,why") == (FIRST, [])


def test_an_empty_file_reads_nothing() -> None:
    assert read(FIRST) == (FIRST, [])


def test_the_committed_readings_complete_what_is_open_and_nothing_else() -> None:
    rows = {row.key: row for rows in published().papers.values() for row in rows}
    assert len(published().readings) == 22
    for reading in published().readings:
        assert reading.keys
        for key in reading.keys:
            completed, concerned = read_row(rows[key], published().readings)
            assert reading in concerned
            for column in Row._fields:
                before = getattr(rows[key], column)
                after = getattr(completed, column)
                assert before == after or (before == "" and column in COORDINATES)

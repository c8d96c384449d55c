"""Readings: what the plan takes for printed; every fault names its file and line."""

from __future__ import annotations

import re

import pytest

from stages.auditing.tables.rows import COORDINATES, FaultyFile, Papers, Row
from stages.plan.published_tables import NEEDS, ReadRow, parse_readings, read_row, readings_of
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
HEADER = "query,setting,value,use,reason,evidence\n"


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("ip/3,spacing,uniform,default,why,where", "there is no table ip/3, but ip/1, ip/2"),
        ("es/1,spacing,uniform,default,why,where", "there is no table es/1"),
        ("ip/1 steps=7,spacing,uniform,default,why,where", "steps"),
        ("ip/1 stepz=5,spacing,uniform,default,why,where", "'stepz=5' must be key=value"),
        ("ip 1,spacing,uniform,default,why,where", "must start with PAPER/TABLE"),
        (",spacing,uniform,default,why,where", "must start with PAPER/TABLE"),
        (
            "ip/1,stride,uniform,default,why,where",
            f"setting 'stride': must be {NEEDS}, one of {', '.join(COORDINATES)}, or a setting of sections",
        ),
        ("ip/1,,uniform,default,why,where", "setting '': must be needs, one of dataset"),
        ("ip/1,sampler.gamma,1,default,why,where", "setting 'sampler.gamma': must be"),
        ("ip/1,dataset.name,1,default,why,where", "setting 'dataset.name': must be"),
        ("ip/2,spacing,quadratic,default,why,where", "spacing is printed; only what is not can be read"),
        ("ip/1,model,adm-ip,default,why,where", "model is printed; only what is not can be read"),
        ("ip/1,metric,sfid,default,why,where", "metric is printed"),
        ("ip/1,spacing,,default,why,where", "must name rows that exist, a value, a reason and its evidence"),
        ("ip/1,spacing,uniform,default,,where", "must name rows that exist, a value, a reason and its evidence"),
        ("ip/1,spacing,uniform,default,why,", "must name rows that exist, a value, a reason and its evidence"),
        ("ip/1,needs,,default,why,where", "must name rows that exist, a value, a reason and its evidence"),
        ("ip/1,sampler.eta,0,,why,where", "use '': must be default, or beside for a setting of sections"),
        ("ip/1,needs,a guide,beside,why,where", "use 'beside': must be default, or beside for a setting of sections"),
        ("ip/1,sampler.eta,1,beside,why,where", "beside needs a default of sampler.eta above it, of another value"),
        ("ip/1,spacing,quadratic,default,why,where", "spacing has a default, uniform, for some of these rows"),
        ("ip/1 steps=5 spacing=,eta,0,default,why", "5 fields instead of 6"),
        ("ip/1 steps=9 row=ours column=5,eta,0,default,why,where", "ip/1"),
    ],
)
def test_faults_name_file_and_line(line: str, fault: str) -> None:
    good = "ip/1 steps=5,spacing,uniform,default,why,where\n"
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


def read(row: Row, *lines: str) -> ReadRow:
    readings = parse_readings("readings.csv", HEADER + "\n".join(lines), PAPERS)
    return read_row(row, readings_of(row, readings))


def test_a_row_is_completed_by_the_readings_that_name_it() -> None:
    spacing = "ip/1,spacing,uniform,default,why,where"
    eta = "ip/1 steps=5,eta,0,default,why,where"
    assert read(FIRST, spacing, eta) == (FIRST._replace(spacing="uniform", eta="0"), frozenset(), {})
    assert read(SECOND, spacing, eta) == (SECOND._replace(spacing="uniform"), frozenset(), {})
    assert read(THIRD, spacing, eta) == (THIRD, frozenset(), {})


def test_a_need_or_a_setting_concerns_a_row_and_changes_nothing_of_it() -> None:
    need = "ip/1 steps=9,needs,a guide,default,why,where"
    assert read(SECOND, need) == (SECOND, {"a guide"}, {})
    assert read(FIRST, need) == (FIRST, frozenset(), {})
    assert read(FIRST, "ip/1,sampler.eta,0.5,default,why,where") == (FIRST, frozenset(), {"sampler.eta": "0.5"})


def test_an_empty_file_reads_nothing() -> None:
    assert read(FIRST) == (FIRST, frozenset(), {})


def test_a_further_reading_takes_the_place_of_the_default() -> None:
    lines = [
        "ip/1,sampler.eta,0,default,why,where",
        "ip/1,sampler.eta,1,beside,why,where",
        "ip/1,fix.method,time-shift,default,why,where",
        "ip/1,fix.update_time,scheduled,default,why,where",
        "ip/1,fix.method,time-shift-a,beside,why,where",
    ]
    readings = parse_readings("readings.csv", HEADER + "\n".join(lines), PAPERS)
    eta, method = (reading for reading in readings if reading.use == "beside")
    default = {"sampler.eta": "0", "fix.method": "time-shift", "fix.update_time": "scheduled"}
    assert read_row(FIRST, readings).settings == default
    assert read_row(FIRST, readings, eta).settings == default | {"sampler.eta": "1"}
    assert read_row(FIRST, readings, method).settings == {"sampler.eta": "0", "fix.method": "time-shift-a"}
    assert [reading.name for reading in (eta, method)] == ["eta 1", "method time-shift-a"]


def test_the_committed_readings_complete_what_is_open_and_nothing_else() -> None:
    rows = {row.key: row for rows in published().papers.values() for row in rows}
    for reading in published().readings:
        assert reading.keys
        assert re.match(r"(IP|ES|TS), |(DDPM-IP|ADM-ES|LDM-ES|TS-DPM|TS-DPM-ADM|PNDM|ddim) ", reading.evidence), reading
        for key in reading.keys:
            concerned = readings_of(rows[key], published().readings)
            assert reading in concerned
            completed = read_row(rows[key], concerned).row
            for column in Row._fields:
                before = getattr(rows[key], column)
                after = getattr(completed, column)
                assert before == after or (before == "" and column in COORDINATES)

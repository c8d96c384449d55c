"""Files of published numbers and claims: what they may hold; every fault names its file and line."""

from __future__ import annotations

import pytest

from stages.papers.claims import COLUMNS, parse_claims
from stages.papers.tables import FaultyFile, Row, parse_metrics, parse_table

METRICS = parse_metrics("metrics.csv", "metric,type,better,heading\nfid,number,lower,FID\noptimizer,text,,\n")
GOOD = {
    "paper": "toy", "table": "1", "row": "ours", "column": "5 steps", "dataset": "cifar10", "eta": "0.5", "steps": "5",
    "metric": "fid", "value": "8.00", "improvement": "-1.5", "k": "1e-4", "b": "1.0", "where": "Table 1",
    "source": "paper",
}  # fmt: skip
CLAIM = {
    "id": "toy-1", "paper": "toy", "where": "Sec. 1", "kind": "difference", "statement": "Ours gains 2.0",
    "operands": "a = toy/1 fix=none; b = 4.0", "formula": "a - b", "relation": "=", "stated": "2.0",
}  # fmt: skip


def text(columns: tuple[str, ...], *records: dict[str, str]) -> str:
    return "\n".join([",".join(columns), *(",".join(record.get(c, "") for c in columns) for record in records)]) + "\n"


def test_what_is_right_is_read_as_printed() -> None:
    (row,) = parse_table("toy.csv", text(Row._fields, GOOD) + "\n", METRICS)
    assert {column: value for column, value in row._asdict().items() if value} == GOOD


def test_texts_and_lost_numbers_are_rows_too() -> None:
    lost = GOOD | {"value": "", "note": "cut off", "column": "9 steps", "steps": "9"}
    rows = parse_table("toy.csv", text(Row._fields, GOOD | {"metric": "optimizer", "value": "AdamW"}, lost), METRICS)
    assert [row.value for row in rows] == ["AdamW", ""]


def test_any_line_end_and_any_character_may_stand_in_a_field() -> None:
    content = text(Row._fields, GOOD | {"note": '"two\u2028lines, ""quoted"""'}).replace("\n", "\r\n")
    (row,) = parse_table("toy.csv", content, METRICS)
    assert row.note == 'two\u2028lines, "quoted"'


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"metric": "fjd"}, "unknown metric 'fjd': must be one of fid, optimizer"),
        ({"value": "8.0o"}, "value '8.0o' is not a number"),
        ({"value": ""}, "value is empty: the note must say why"),
        ({"improvement": "1 %"}, "improvement '1 %' is not a number"),
        ({"eta": "half"}, "eta 'half' is not a number"),
        ({"k": "k"}, "k 'k' is not a number"),
        ({"b": "b"}, "b 'b' is not a number"),
        ({"steps": "5.0"}, "steps '5.0': must be an integer or empty"),
        ({"dataset": "CIFAR 10"}, "dataset 'CIFAR 10': must be made of a-z, 0-9, . _ -"),
        ({"row": ""}, "row is empty"),
        ({"column": ""}, "column is empty"),
        ({"where": ""}, "where is empty"),
        ({"source": ""}, "source is empty"),
        ({"paper": "tox"}, "paper 'tox': must be 'toy'"),
        ({"table": "one"}, "table 'one': must be a bare number"),
        ({"column": "9 steps", "row": '"ours'}, "not CSV"),
    ],
)  # fmt: skip
def test_a_faulty_row_names_its_line(change: dict[str, str], fault: str) -> None:
    other = GOOD | {"column": "6 steps", "steps": "6"}
    with pytest.raises(FaultyFile) as caught:
        parse_table("toy.csv", text(Row._fields, other, GOOD | change), METRICS)
    assert str(caught.value).startswith("toy.csv:3: ")
    assert fault in str(caught.value)


def test_the_same_cell_twice_is_refused() -> None:
    with pytest.raises(FaultyFile, match=r"toy.csv:3: toy/1 \[ours; 5 steps\] fid is there twice"):
        parse_table("toy.csv", text(Row._fields, GOOD, GOOD | {"value": "9.00"}), METRICS)


@pytest.mark.parametrize(
    ("change", "fault"),
    [({"paper": ""}, "paper is empty"), ({"table": "1"}, "table '1': must be a tag, such as readme")],
)
def test_sources_have_a_paper_and_a_tag(change: dict[str, str], fault: str) -> None:
    good = GOOD | {"table": "readme", "paper": "any"}
    assert parse_table("sources.csv", text(Row._fields, good), METRICS)
    with pytest.raises(FaultyFile, match=f"sources.csv:2: {fault}"):
        parse_table("sources.csv", text(Row._fields, good | change), METRICS)


@pytest.mark.parametrize(
    ("line", "fault"),
    [("fid,number,,", "there twice"), ("is,words,,", "number or text"), ("is,number,more,", "lower, higher or empty")],
)
def test_faulty_metrics_are_refused(line: str, fault: str) -> None:
    with pytest.raises(FaultyFile, match=f"metrics.csv:3: .*{fault}"):
        parse_metrics("metrics.csv", f"metric,type,better,heading\nfid,number,lower,FID\n{line}\n")


def test_other_columns_are_refused() -> None:
    with pytest.raises(FaultyFile, match=r"toy.csv:1: columns : must be paper,table,row"):
        parse_table("toy.csv", "", METRICS)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"id": "Toy 1"}, "id 'Toy 1': must be made of a-z"),
        ({"where": ""}, "where is empty"),
        ({"statement": ""}, "statement is empty"),
        ({"paper": ""}, "paper is empty"),
        ({"kind": "guess"}, "kind 'guess': must be one of 'improvement'"),
        ({"quantifier": "some"}, "quantifier 'some': must be one of '', 'all', 'most'"),
        ({"relation": "~"}, "relation '~': must be one of ="),
        ({"stated": ""}, "stated '': must be given, except for a trend"),
        ({"relation": "falls with steps"}, "stated '2.0': must be given, except for a trend"),
        ({"relation": "falls with steps", "stated": ""}, "quantifier: 'falls with steps' needs all or most"),
        ({"stated": ".5"}, "stated '.5': must be a number"),
        ({"stated": "40 %"}, "stated '40 %': must be a number"),
        ({"stated": "1_000"}, "stated '1_000': must be a number"),
        ({"stated": "- 5.0"}, "stated '- 5.0': must be a number"),
        ({"stated": "c"}, "formula and stated name c, which is no operand"),
        ({"operands": "a = toy/1 fix=none; max = 4.0", "formula": "a - max"}, "operand max: that is the name of a"),
        ({"formula": "a"}, "neither formula nor stated use b"),
        ({"formula": "a - min(b) - b"}, "b stands both alone and under min, max or mean"),
        ({"relation": "is"}, "the formula must be an operand alone"),
        ({"reason": "no numbers"}, "a reason why it cannot be checked stands beside a formula"),
        ({"formula": ""}, "formula is empty: the reason must say why"),
        ({"operands": "a = toy"}, "query 'toy': must start with PAPER/TABLE"),
        ({"origin": "readme", "explanation": "another run"}, "query 'readme': must start with PAPER/TABLE"),
        ({"origin": "sources/readme"}, "an origin needs an explanation or a reason"),
    ],
)  # fmt: skip
def test_a_faulty_claim_names_its_line(change: dict[str, str], fault: str) -> None:
    assert parse_claims("claims.csv", text(COLUMNS, CLAIM))
    with pytest.raises(FaultyFile) as caught:
        parse_claims("claims.csv", text(COLUMNS, CLAIM | {"id": "toy-0"}, CLAIM | change))
    assert str(caught.value).startswith("claims.csv:3: ")
    assert fault in str(caught.value)


def test_the_same_coordinates_twice_are_refused_in_one_part_of_a_table() -> None:
    other = GOOD | {"column": "6 steps"}
    with pytest.raises(FaultyFile, match=r"toy.csv:3: toy/1 \[ours; 6 steps\] fid has the same coordinates as toy/1"):
        parse_table("toy.csv", text(Row._fields, GOOD, other), METRICS)
    for told in ({"where": "Table 1 right part"}, {"steps": "6"}, {"table": "2"}):
        assert len(parse_table("toy.csv", text(Row._fields, GOOD, other | told), METRICS)) == 2
    plain = {"dataset": "", "eta": "", "steps": ""}
    assert len(parse_table("toy.csv", text(Row._fields, GOOD | plain, other | plain), METRICS)) == 2

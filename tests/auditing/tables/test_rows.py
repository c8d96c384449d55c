"""Files of published numbers and claims: what they may hold; every fault names its file and line."""

from __future__ import annotations

import pytest

from stages.auditing.claims.claims import COLUMNS, parse_claims
from stages.auditing.tables.rows import FaultyFile, parse_metrics, parse_table
from stages.auditing.tables.schema import DIFFUSION, parse_schema

METRICS = parse_metrics(
    "metrics.csv", "metric,type,better,heading\nfid,number,lower,FID\noptimizer,text,,\nimages,count,,\n"
)
GOOD = {
    "paper": "toy",
    "table": "1",
    "row": "ours",
    "column": "5 steps",
    "dataset": "cifar10",
    "eta": "0.5",
    "steps": "5",
    "metric": "fid",
    "value": "8.00",
    "improvement": "-1.5",
    "k": "1e-4",
    "b": "1.0",
    "where": "Table 1",
    "source": "paper",
}
CLAIM = {
    "id": "toy-1",
    "paper": "toy",
    "where": "Sec. 1",
    "kind": "difference",
    "statement": "Ours gains 2.0",
    "operands": "a = toy/1 fix=none; b = 4.0",
    "formula": "a - b",
    "relation": "=",
    "stated": "2.0",
}


def text(columns: tuple[str, ...], *records: dict[str, str]) -> str:
    return "\n".join([",".join(columns), *(",".join(record.get(c, "") for c in columns) for record in records)]) + "\n"


def test_what_is_right_is_read_as_printed() -> None:
    (row,) = parse_table("toy.csv", text(DIFFUSION.columns, GOOD) + "\n", METRICS)
    assert {column: value for column, value in row._asdict().items() if value} == GOOD | {
        "place": "toy.csv:2",
        "kind": "number",
    }


def test_texts_and_lost_numbers_are_rows_too() -> None:
    lost = GOOD | {"value": "", "note": "cut off", "column": "9 steps", "steps": "9"}
    rows = parse_table(
        "toy.csv", text(DIFFUSION.columns, GOOD | {"metric": "optimizer", "value": "AdamW"}, lost), METRICS
    )
    assert [row.value for row in rows] == ["AdamW", ""]


def test_any_line_end_and_any_character_may_stand_in_a_field() -> None:
    content = text(DIFFUSION.columns, GOOD | {"note": '"two\u2028lines, ""quoted"""'}).replace("\n", "\r\n")
    (row,) = parse_table("toy.csv", content, METRICS)
    assert row.note == 'two\u2028lines, "quoted"'


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"metric": "fjd"}, "metric 'fjd': must be one of fid, optimizer, images"),
        ({"value": "8.0o"}, "value '8.0o' is not a number"),
        ({"value": ""}, "value is empty: the note must say why"),
        ({"improvement": "1 pp"}, "improvement '1 pp' is not a number"),
        ({"k": "k"}, "k 'k' is not a number"),
        ({"b": "b"}, "b 'b' is not a number"),
        ({"dataset": "CIFAR;10"}, "dataset 'CIFAR;10': must be without comma, semicolon and double quote"),
        ({"metric": "images", "value": "5.5"}, "value '5.5': must be a whole number"),
        ({"row": ""}, "row is empty"),
        ({"column": ""}, "column is empty"),
        ({"where": ""}, "where is empty"),
        ({"source": ""}, "source is empty"),
        ({"paper": "tox"}, "paper 'tox': must be 'toy'"),
        ({"table": ""}, "table '': must be a number or a name without spaces, such as 3 or A1"),
        ({"table": "3 a"}, "table '3 a': must be a number or a name without spaces"),
        ({"column": "9 steps", "row": '"ours'}, "not CSV"),
    ],
)
def test_a_faulty_row_names_its_line(change: dict[str, str], fault: str) -> None:
    other = GOOD | {"column": "6 steps", "steps": "6"}
    with pytest.raises(FaultyFile) as caught:
        parse_table("toy.csv", text(DIFFUSION.columns, other, GOOD | change), METRICS)
    assert str(caught.value).startswith("toy.csv:3: ")
    assert fault in str(caught.value)


def test_the_same_cell_twice_is_refused() -> None:
    with pytest.raises(FaultyFile, match=r"toy.csv:3: toy/1 \[ours; 5 steps\] fid occurs twice"):
        parse_table("toy.csv", text(DIFFUSION.columns, GOOD, GOOD | {"value": "9.00"}), METRICS)


def test_sources_have_a_paper() -> None:
    good = GOOD | {"table": "readme", "paper": "any"}
    (row,) = parse_table("sources.csv", text(DIFFUSION.columns, good), METRICS)
    assert row.of_source
    with pytest.raises(FaultyFile, match=r"sources.csv:2: paper '': is empty"):
        parse_table("sources.csv", text(DIFFUSION.columns, good | {"paper": ""}), METRICS)


def test_coordinates_and_tables_may_have_any_names() -> None:
    named = GOOD | {"table": "A1", "steps": "first epoch", "dataset": "CIFAR 10", "model": "Müller's"}
    (row,) = parse_table("toy.csv", text(DIFFUSION.columns, named), METRICS)
    assert row.label == "toy/A1 [ours; 5 steps] fid"


def test_a_schema_of_its_own() -> None:
    schema = parse_schema("schema.yaml", "coordinates: [task, epoch]\nbeside: [n]\nmarks: [bold]\n")
    record = {
        "paper": "toy",
        "table": "S2",
        "row": "ours",
        "column": "last",
        "task": "parsing",
        "epoch": "last",
        "n": "20",
        "metric": "fid",
        "value": "0.85",
        "bold": "yes",
        "where": "Table S2",
        "source": "paper",
    }
    (row,) = parse_table("toy.csv", text(schema.columns, record), METRICS, schema)
    assert {column: getattr(row, column) for column in record} == record
    assert (row.label, row.key[:2], row.axes) == (
        "toy/S2 [ours; last] fid",
        ("toy", "S2"),
        ("task", "epoch", "metric"),
    )
    for change, fault in (({"bold": "no"}, "bold 'no': must be yes or empty"), ({"n": "x"}, "n 'x' is not a number")):
        with pytest.raises(FaultyFile, match=f"toy.csv:2: {fault}"):
            parse_table("toy.csv", text(schema.columns, record | change), METRICS, schema)
    with pytest.raises(FaultyFile, match=r"toy.csv:1: columns .*: must be paper,table,row,column,task,epoch,metric"):
        parse_table("toy.csv", text(DIFFUSION.columns, GOOD), METRICS, schema)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("fid,number,,", "occurs twice"),
        ("is,words,,", "must be one of number, count, share, score, text"),
        ("is,number,more,", "lower, higher or empty"),
    ],
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
        ({"kind": "Guess 2"}, "kind 'Guess 2': must be a word of a-z and '-', such as improvement"),
        ({"quantifier": "some"}, "quantifier 'some': must be empty, all, most, none, N of M"),
        ({"quantifier": "8 of 7"}, "quantifier '8 of 7': its number exceeds its total"),
        ({"relation": "~"}, "relation '~': must be one of ="),
        ({"stated": ""}, "stated '': must be given, except for a trend"),
        ({"relation": "falls with steps"}, "stated '2.0': must be given, except for a trend"),
        ({"relation": "falls with steps", "stated": ""}, "quantifier: 'falls with steps' needs one: all, most"),
        ({"stated": ".5"}, "stated '.5': must be a number"),
        ({"stated": "40 pp"}, "stated '40 pp': must be a number"),
        ({"relation": "within"}, "'2.0' is not a range (such as 3.2 to 7.1)"),
        ({"relation": "within", "stated": "7.1 to 3.2"}, "'7.1 to 3.2' is not a range: must be two numbers"),
        ({"relation": "ranges over", "stated": "3.2 to 7.1", "quantifier": "all"}, "quantifier 'all': must be empty"),
        ({"relation": "rises with noise", "stated": "", "quantifier": "all"}, "must be along one of dataset, model"),
        ({"relation": "<", "formula": "a.gain - b"}, "a.gain: must be one of value, spread, improvement"),
        ({"relation": "<", "stated": "argmin(a).steps", "formula": "b"}, "argmin and argmax go with the relations '='"),
        ({"stated": "argmin(a).steps", "formula": "b * 2"}, "and with nothing computed"),
        ({"stated": "1_000"}, "stated '1_000': must be a number"),
        ({"stated": "- 5.0"}, "stated '- 5.0': must be a number"),
        ({"stated": "c"}, "formula and stated name c, which is not an operand"),
        ({"operands": "a = toy/1 fix=none; max = 4.0", "formula": "a - max"}, "operand max: that is the name of a"),
        ({"formula": "a"}, "neither formula nor stated uses b"),
        ({"formula": "a - min(b) - b"}, "b is used both alone and over its rows"),
        ({"relation": "is"}, "the formula must be an operand alone"),
        ({"reason": "no numbers"}, "both a formula and a reason why it cannot be checked are given"),
        ({"formula": ""}, "formula is empty: the reason must say why"),
        ({"operands": "a = toy"}, "query 'toy': must start with PAPER/TABLE"),
        ({"origin": "readme", "explanation": "another run"}, "query 'readme': must start with PAPER/TABLE"),
        ({"origin": "sources/readme"}, "an origin needs an explanation or a reason"),
    ],
)
def test_a_faulty_claim_names_its_line(change: dict[str, str], fault: str) -> None:
    assert parse_claims("claims.csv", text(COLUMNS, CLAIM))
    with pytest.raises(FaultyFile) as caught:
        parse_claims("claims.csv", text(COLUMNS, CLAIM | {"id": "toy-0"}, CLAIM | change))
    assert str(caught.value).startswith("claims.csv:3: ")
    assert fault in str(caught.value)


def test_the_same_coordinates_twice_are_refused_in_one_part_of_a_table() -> None:
    other = GOOD | {"column": "6 steps"}
    with pytest.raises(FaultyFile, match=r"toy.csv:3: toy/1 \[ours; 6 steps\] fid has the same coordinates as toy/1"):
        parse_table("toy.csv", text(DIFFUSION.columns, GOOD, other), METRICS)
    for message in ({"where": "Table 1 right part"}, {"steps": "6"}, {"table": "2"}):
        assert len(parse_table("toy.csv", text(DIFFUSION.columns, GOOD, other | message), METRICS)) == 2
    plain = {"dataset": "", "eta": "", "steps": ""}
    assert len(parse_table("toy.csv", text(DIFFUSION.columns, GOOD | plain, other | plain), METRICS)) == 2

"""Queries: which rows an operand names, and which belong together."""

from __future__ import annotations

import pytest

from stages.auditing.claims.queries import Query, distinct, match, parse_operands, select
from stages.auditing.tables.rows import Papers, Row


def row(value: str, **coordinates: str) -> Row:
    return Row(**dict.fromkeys(Row._fields, "") | {"paper": "toy", "table": "1", "value": value} | coordinates)


PAPERS = Papers(
    {
        "toy": [
            row("1", fix="none", steps="10", dataset="a", column="10 steps"),
            row("2", fix="ts", steps="10", dataset="a"),
            row("3", fix="none", steps="20", dataset="a"),
            row("4", fix="ts", steps="20", dataset="a"),
            row("5", fix="none", steps="10", dataset="b"),
        ],
        "sources": [row("6", table="readme", fix="ts", paper="toy"), row("7", table="readme", fix="ts", paper="other")],
    }
)


def values(operands: str, along: str | None = None) -> list[dict[str, list[str]]]:
    groups = match(parse_operands(operands), PAPERS, along).values()
    return [{name: [row.value for row in rows] for name, rows in group.items()} for group in groups]


def test_rows_are_matched_on_what_no_operand_names() -> None:
    assert values("x = toy/1 fix=none; y = toy/1 fix=ts") == [{"x": ["1"], "y": ["2"]}, {"x": ["3"], "y": ["4"]}]
    assert values("x = toy/1 fix=none; y = toy/1 fix=ts steps=20") == [{"x": ["1", "3"], "y": ["4"]}]
    assert values("x = toy/1 fix=none; y = toy/1 fix=ts steps=10,20", "steps") == values(
        "x=toy/1 fix=none; y=toy/1 fix=ts"
    )


def test_labels_empty_values_and_other_files_can_be_named() -> None:
    assert values('x = toy/1 column="10 steps"') == [{"x": ["1"]}]
    assert values("x = toy/1 model= steps=20 fix=ts") == [{"x": ["4"]}]
    assert values("x = sources/readme paper=other") == [{"x": ["7"]}]
    assert values("x = toy/1 steps=20 dataset=b") == []


def test_labels_may_hold_anything_but_a_double_quote() -> None:
    rows = [row("8", row="5; 'quick' \\steps | a"), row("9", row="ImageNet's")]
    for operand, value in (("x = q/1 row=\"5; 'quick' \\steps | a\"", "8"), ("x = q/1 row=ImageNet's", "9")):
        (group,) = match(parse_operands(operand), Papers({"q": rows})).values()
        assert [found.value for found in group["x"]] == [value]


@pytest.mark.parametrize("text", ["x = toy/2", "x = elsewhere/1", "x = toy/1 fix=none,tss", "x = toy/1 row=gone"])
def test_what_no_table_holds_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"there is no table|has no row with"):
        match(parse_operands(text), PAPERS)


def test_a_printed_number_stands_for_itself() -> None:
    assert parse_operands("a = 4.03; b = 50K") == {"a": "4.03", "b": "50K"}
    assert values("a = 4.03") == [{}]
    assert values("a = 4.03; x = toy/1 steps=20 fix=ts") == [{"x": ["4"]}]


def test_select_keeps_the_order_of_the_file() -> None:
    assert [row.value for row in select(Query("toy", "1", {"steps": ["20", "10"]}), PAPERS)] == list("12345")


def test_groups_are_told_apart_by_what_differs() -> None:
    groups = list(match(parse_operands("x = toy/1"), PAPERS).values())
    assert distinct(groups) == [text.split() for text in ("a none 10", "a ts 10", "a none 20", "a ts 20", "b none 10")]
    assert distinct(groups[:1]) == [[]]
    assert distinct([groups[0], groups[0]]) == [["1"], ["2"]]


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "a =",
        "a = toy",
        "a = toy/1 steps",
        "a = toy/1 value=3",
        "1a = toy/1",
        "a = 1.0; a = 2.0",
        'a = toy/1 row="x',
        "a = toy/1 steps=10 steps=20",
        "a = toy/",
        "a = /1",
    ],
)
def test_malformed_operands_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"operand|query"):
        parse_operands(text)

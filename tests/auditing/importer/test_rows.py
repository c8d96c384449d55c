"""Rows: which words of a table become coordinates, which the metric, and what a person must look at."""

from __future__ import annotations

from pathlib import Path

import pytest

from stages.auditing.importer.interpret.labels import name_of
from stages.auditing.importer.interpret.number_rows import metrics_of, numbers_of
from stages.auditing.tables.rows import Row
from stages.auditing.tables.schema import Schema
from tests.auditing.importer.tables import HERE, numbers, only

FORMATS = ("tex", "html", "md", "csv")


@pytest.mark.parametrize("kind", FORMATS)
def test_the_same_table_gives_the_same_rows_in_every_format(tmp_path: Path, kind: str) -> None:
    table = only(tmp_path, f"same.{kind}", (HERE / f"same.{kind}").read_text())
    found, decisions = numbers_of(table)
    rows = [(n.row, n.column, *n.coordinates.values(), n.metric, n.value, n.improvement, n.sd) for n in found]
    assert rows == [
        ("CIFAR-10 | DDIM", "FID | 10 steps", "cifar-10", "ddim", "10", "fid", "9.49", "", ""),
        ("CIFAR-10 | DDIM", "FID | 20 steps", "cifar-10", "ddim", "20", "fid", "5.37", "", ""),
        ("CIFAR-10 | DDIM", "IS | 10 steps", "cifar-10", "ddim", "10", "inception_score", "8.1", "", ""),
        ("CIFAR-10 | Ours", "FID | 10 steps", "cifar-10", "ours", "10", "fid", "5.14", "48.5", ""),
        ("CIFAR-10 | Ours", "FID | 20 steps", "cifar-10", "ours", "20", "fid", "4.20", "", ""),
        ("CIFAR-10 | Ours", "IS | 10 steps", "cifar-10", "ours", "10", "inception_score", "8.5", "", ""),
        ("ImageNet | DDIM", "FID | 10 steps", "imagenet", "ddim", "10", "fid", "3.2", "", "0.1"),
        ("ImageNet | DDIM", "FID | 20 steps", "imagenet", "ddim", "20", "fid", "-3.3", "", ""),
        ("ImageNet | DDIM", "IS | 10 steps", "imagenet", "ddim", "10", "inception_score", "1,000", "", ""),
    ]
    assert [list(n.coordinates) for n in found] == [["dataset", "method", "steps"]] * 9
    # CSV has no bold and no caption.
    assert [n.value for n in found if n.bold] == ([] if kind == "csv" else ["5.14", "4.20", "8.5"])
    assert {n.where for n in found} == {"Table 1" if kind == "csv" else "Table 1: Main results."}
    assert [decision.kind for decision in decisions] == ["coordinate"]


def test_metrics_may_stand_in_the_rows(tmp_path: Path) -> None:
    found = numbers(tmp_path, ",DDPM,DDIM\nFID,3.17,4.16\nTime (s),100,5\n")
    assert [(n.metric, dict(n.coordinates), n.value) for n in found] == [
        ("fid", {"setting": "ddpm"}, "3.17"),
        ("fid", {"setting": "ddim"}, "4.16"),
        ("time", {"setting": "ddpm"}, "100"),
        ("time", {"setting": "ddim"}, "5"),
    ]


def test_the_caption_names_the_metric_where_no_label_does(tmp_path: Path) -> None:
    table = only(tmp_path, "a.csv", "Method,CIFAR-10,LSUN\nx,1.5,2.5\n")
    found, decisions = numbers_of(table._replace(caption="FID of methods"))
    assert [(n.metric, n.coordinates["setting"]) for n in found] == [("fid", "cifar-10"), ("fid", "lsun")]
    assert ("metric", "the metric of its numbers is named by the caption") in [(d.kind, d.text) for d in decisions]
    found, decisions = numbers_of(table)
    assert {n.metric for n in found} == {"value"}
    assert ("metric", "the metric of its numbers is named by nothing; it is called value") in [
        (d.kind, d.text) for d in decisions
    ]


def test_arrows_tell_which_level_of_the_header_are_metrics_of_unknown_names(tmp_path: Path) -> None:
    arrows = r"& UAS $\uparrow$ & TED $\downarrow$ "
    head = rf"Parser & \multicolumn{{2}}{{c}}{{English}} & \multicolumn{{2}}{{c}}{{German}} \\ {arrows * 2} \\ \hline"
    text = rf"\begin{{tabular}}{{lcccc}} {head} x & 1.5 & 2.5 & 3.5 & 4.5 \\ \end{{tabular}}"
    found, _ = numbers_of(only(tmp_path, "a.tex", text))
    assert [(n.metric, n.coordinates["setting"]) for n in found] == [
        ("uas", "english"),
        ("ted", "english"),
        ("uas", "german"),
        ("ted", "german"),
    ]
    assert [metric.better for metric in metrics_of(found)[0].values()] == ["higher", "lower"]


def test_a_metric_that_is_there_twice_is_told_apart_by_the_rest_of_its_header(tmp_path: Path) -> None:
    found = numbers(tmp_path, "Method,val acc. (%),test acc. (%)\nx,91.5,90.5\n")
    assert [(n.metric, n.coordinates["variant"]) for n in found] == [("accuracy", "val"), ("accuracy", "test")]


def test_rows_of_one_label_group_those_under_them(tmp_path: Path) -> None:
    found = numbers(tmp_path, "Method,FID\nSmall,\na,1.5\nLarge,\na,2.5\n")
    assert [(n.row, dict(n.coordinates)) for n in found] == [
        ("Small | a", {"group": "small", "method": "a"}),
        ("Large | a", {"group": "large", "method": "a"}),
    ]


def test_columns_of_words_are_texts_and_words_among_numbers_are_told(tmp_path: Path) -> None:
    table = only(tmp_path, "a.csv", "Method,FID,Venue\nx,1.5,NeurIPS\ny,OOM,ICLR\nz,--,\n")
    found, decisions = numbers_of(table)
    assert [(n.metric, n.value, n.text) for n in found] == [
        ("fid", "1.5", False),
        ("venue_text", "NeurIPS", True),
        ("venue_text", "ICLR", True),
    ]
    (cell,) = (decision for decision in decisions if decision.kind == "cell")
    assert (cell.place, cell.text) == ("Table 1, y, FID", "'OOM' is not a number")


def test_labels_and_coordinates_that_repeat_are_told_apart(tmp_path: Path) -> None:
    table = only(tmp_path, "a.csv", "Method,FID\nx,1.5\nx,2.5\nX*,3.5\n")
    found, decisions = numbers_of(table)
    assert [(n.row, dict(n.coordinates)) for n in found] == [
        ("x", {"method": "x"}),
        ("x (2)", {"method": "x", "copy": "2"}),
        ("X*", {"method": "x-2"}),
    ]
    assert [d.text for d in decisions if d.kind == "label"] == [
        "the same labels as another; a number was added to its row",
        "the same coordinates as another; it has copy 2",
    ]


def test_numbers_in_brackets_are_deviations_where_the_table_says_so(tmp_path: Path) -> None:
    (number,) = numbers(tmp_path, "Group,M (SD)\nx,3.21 (0.52)\n")
    assert (number.metric, number.value, number.sd, number.note) == ("mean", "3.21", "0.52", "")
    table = only(tmp_path, "a.csv", "Group,Score\nx,3.21 (12)\ny,3.5 (7)\n")
    (first, _), decisions = numbers_of(table)
    assert (first.value, first.sd, first.note) == ("3.21", "", "printed: 3.21 (12)")
    (message,) = (decision.text for decision in decisions if decision.kind == "beside")
    assert message == "of '3.21 (12)' (2 such cells) 3.21 was read; the rest is in the note"


def test_a_header_that_is_a_reserved_word_gives_another_name(tmp_path: Path) -> None:
    (number,) = numbers(tmp_path, "Class,FID\nx,1.5\n")
    assert dict(number.coordinates) == {"class_": "x"}
    (number,) = numbers(tmp_path, "Row,FID\nx,1.5\n")
    assert dict(number.coordinates) == {"row_": "x"}


@pytest.mark.parametrize("name", sorted({*vars(Row), "kind", "place", "spread"}))
def test_a_header_never_gives_a_name_that_a_schema_refuses(name: str) -> None:
    schema = Schema(coordinates=(name_of(name),), beside=("improvement", "sd"), marks=("bold",))
    assert schema.axes == (name_of(name), "metric")


def test_numbers_that_set_something_are_labels(tmp_path: Path) -> None:
    found = numbers(tmp_path, 'Method,Steps,FID\nx,10,1.5\nx,"1,000",2.5\n')
    assert [dict(n.coordinates) for n in found] == [
        {"method": "x", "steps": "10"},
        {"method": "x", "steps": "1000"},
    ]


def test_a_cell_over_several_columns_is_one_number(tmp_path: Path) -> None:
    page = (
        "<table><tr><th>a</th><th>FID</th><th>IS</th></tr><tr><td>x</td><td colspan=2>1.5</td></tr>"
        "<tr><td>y</td><td>2.5</td><td>3.5</td></tr></table>"
    )
    found, _ = numbers_of(only(tmp_path, "a.html", page))
    assert [(n.row, n.metric, n.value) for n in found] == [
        ("x", "fid", "1.5"),
        ("y", "fid", "2.5"),
        ("y", "inception_score", "3.5"),
    ]

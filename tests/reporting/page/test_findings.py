"""Findings in words: what heads one, which are grouped, and where a table's notes stand."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from stages.__main__ import main
from stages.auditing.output.finding_groups import finding_groups
from stages.auditing.output.table_layout import table_layout
from stages.auditing.tables.rows import Metric, Row
from tests.auditing.claims.made_up import write_paper


@pytest.fixture
def audit(project: Path) -> dict[str, Any]:
    """The audit of the made-up paper."""
    write_paper(project / "mine")
    assert main(["audit", "--published", "mine"]) == 0
    return json.loads(Path("mine/audit/audit.json").read_text())


def test_a_headline_is_what_was_found(audit: dict[str, Any]) -> None:
    found = {finding["id"]: finding["headline"] for finding in audit["findings"]}
    assert found["printed-gain.20"] == "recomputed 50.0 %, printed 40.0 %"
    assert found["wrong-gain"] == "recomputed 3.00, stated 3.50"
    assert found["third"] == "recomputed 0.50, stated 0.33"
    assert found["again.ours-20"] == "printed 3.00 and 3.20"
    assert found["digit-wrong"] == "printed 8.0, stated 9.0"
    assert found["always-better"] == "holds at 2 of 3"
    assert found["base-falls"] == "holds at 1 of 2"
    assert found["tie"] == "6.00, claimed < 6.00"
    assert found["more-than-five-times"] == "5, not > 5"
    assert found["sharper"] == found["lost"] == "cannot be checked"


def record(name: str, statement: str, verdict: str = "inconsistent", check: str = "") -> dict[str, Any]:
    return {
        "id": name,
        "statement": statement,
        "verdict": verdict,
        "basis": "papers",
        "paper": "toy",
        "check": check,
        "where": "Sec. 1",
        "case": "",
        "headline": f"headline of {name}",
        "explanation": "",
        "origin": [],
        "cause": "",
    }


def test_near_identical_findings_are_one_group() -> None:
    groups = finding_groups(
        [
            record("gain.10", "The gain on A is large", check="a < b"),
            record("other", "Something else"),
            record("gain.20", "The gain on B and C is large"),
            record("again", "Said in other words", check="a < b"),
            record("gain.50", "The gain on D is large", "consistent"),
        ]
    )
    assert [[member["id"] for member in group["members"]] for group in groups] == [
        ["gain.10", "gain.20", "again"],
        ["other"],
        ["gain.50"],
    ]
    assert [group["headline"] for group in groups] == [
        "3 of 4 cases do not fit",
        "headline of other",
        "headline of gain.50",
    ]


def test_findings_of_one_cause_are_one_group_whatever_paper_and_statement() -> None:
    swapped = {"cause": "Two columns are swapped"}
    groups = finding_groups(
        [
            record("gain.10", "The gain on A is large") | swapped,
            record("gain.20", "The gain on A is large"),
            record("other", "Something else") | swapped | {"paper": "toy2", "basis": "sources", "where": "Sec. 2"},
            record("gain.50", "The gain on A is large", "consistent"),
            record("words", "In words", "wording") | swapped,
            record("third", "Something else") | {"cause": "A digit is wrong"},
        ]
    )
    assert [(group["cause"], [member["id"] for member in group["members"]]) for group in groups] == [
        ("Two columns are swapped", ["gain.10", "other"]),
        ("", ["gain.20"]),
        ("", ["gain.50"]),
        ("Two columns are swapped", ["words"]),
        ("A digit is wrong", ["third"]),
    ]
    assert groups[0]["places"] == [{"paper": "toy", "where": ["Sec. 1"]}, {"paper": "toy2", "where": ["Sec. 2"]}]
    assert groups[0]["headline"] == "2 of 4 cases do not fit"


def test_statements_of_a_group_share_their_words() -> None:
    statements = ("The gain on A is large", "The gain on B and C is large", "The gain on is large")
    (group,) = finding_groups([record(f"gain.{i}", text) for i, text in enumerate(statements)])
    assert group["statement"] == "The gain on … is large"
    assert [member["case"] for member in group["members"]] == ["A", "B and C", ""]
    assert group["headline"] == "all 3 cases do not fit"
    (group,) = finding_groups([record("gain.1", "One thing"), record("gain.2", "Quite another matter")])
    assert group["statement"] == ""
    assert [member["case"] for member in group["members"]] == ["One thing", "Quite another matter"]


def test_every_finding_and_every_table_has_its_place_on_the_page(audit: dict[str, Any]) -> None:
    page = Path("mine/audit/audit.html").read_text()
    ids = re.findall(r' id="([^"]+)"', page)
    assert {f"finding-{finding['id']}" for finding in audit["findings"]} <= set(ids)
    assert {"toy-table-1", "toy-table-2", "toy-table-3"} <= set(ids)
    assert "title=" not in page
    assert not re.search(r"<th(?![^>]*scope=)[ >]", page)


METRICS = {name: Metric(name, "number", "lower", name.upper()) for name in ("fid", "is")}
NUMBERS = [(r, c, m) for r in ("A | x", "A | y", "z") for c in ("5", "10") for m in METRICS]


def layout(notes: dict[tuple[str, str, str], str]) -> dict[str, Any]:
    empty = dict.fromkeys(Row._fields, "") | {"paper": "toy", "table": "1", "where": "Table 1", "value": "1.0"}
    rows = [
        Row(**empty | {"row": r, "column": c, "metric": m, "note": notes.get((r, c, m), "")}) for r, c, m in NUMBERS
    ]
    return table_layout(rows, METRICS, {})


@pytest.mark.parametrize(
    ("noted", "about", "mark"),
    [
        (lambda place: True, "", 0),
        (lambda place: place[2] == "is", "IS", 0),
        (lambda place: place[0] == "z", "", 1),
        (lambda place: place[1] == "10", "", 1),
        (lambda place: place == NUMBERS[0], "", 1),
    ],
)
def test_a_note_is_listed_once_and_says_what_it_is_about(noted: Any, about: str, mark: int) -> None:
    table = layout({place: "a note" for place in NUMBERS if noted(place)})
    assert table["notes"] == [{"text": "a note", "about": about, "mark": mark}]
    marks = [m for row in table["body"] for m in row["marks"]] + [m for h in table["head"][-1] for m in h["marks"]]
    marks += [m for row in table["body"] for cell in row["cells"] for number in cell for m in number["marks"]]
    assert marks == [mark] * (mark > 0)


def test_notes_are_numbered_and_rows_know_their_group() -> None:
    table = layout({NUMBERS[0]: "one", NUMBERS[-1]: "two", NUMBERS[3]: "one"})
    assert [(note["text"], note["mark"]) for note in table["notes"]] == [("one", 1), ("two", 2)]
    assert [(row["group"], row["label"]) for row in table["body"]] == [("A", "x"), ("A", "y"), ("", "z")]

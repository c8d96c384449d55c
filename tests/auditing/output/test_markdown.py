"""Markdown: text of others reads as it was written, and findings stand under their cause."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.auditing.output.markdown import audit_markdown, code, escape
from tests.auditing.output.audits import CANDIDATES, made_up_audit

WORDS = st.text(st.sampled_from("ab1 .)-+=#|`<>*_[]!\\&;~$\n\t:/'\""), max_size=20)


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return made_up_audit(tmp_path_factory.mktemp("mine"), candidates=CANDIDATES)


@pytest.fixture(scope="module")
def parse() -> Any:
    """A function that gives the tokens of a Markdown document with tables and strikethrough."""
    parser = pytest.importorskip("markdown_it").MarkdownIt("commonmark").enable(["table", "strikethrough"])
    return parser.parse


def part(record: dict[str, Any], heading: str) -> list[str]:
    """The lines between a heading and the next one."""
    _, _, rest = audit_markdown(record).partition(f"\n{heading}\n")
    return [line for line in rest.partition("\n#")[0].splitlines() if line]


@given(WORDS)
def test_escaped_text_reads_as_it_was_written(parse: Any, text: str) -> None:
    message = " ".join(text.split())
    heading, item, cell = (
        [token for token in parse(document) if token.type == "inline"]
        for document in (f"### {escape(text)}\n", f"- {escape(text)}\n", f"| a |\n|---|\n| {escape(text)} |\n")
    )
    for found in (heading, item, cell[1:]):
        assert all(child.type in ("text", "text_special") for token in found for child in token.children)
        assert "".join(child.content for token in found for child in token.children) == message


@given(WORDS)
def test_a_code_span_holds_the_text(parse: Any, text: str) -> None:
    message = " ".join(text.split())
    if message:
        (token,) = (token for token in parse(f"- x {code(text)} y\n") if token.type == "inline")
        assert [(child.type, child.content) for child in token.children] == [
            ("text", "x "),
            ("code_inline", message),
            ("text", " y"),
        ]


def test_counts_are_a_table(record: dict[str, Any]) -> None:
    lines = audit_markdown(record).splitlines()
    assert lines[0] == "# Published numbers, audited"
    assert lines[2:5] == [
        "| paper | inconsistent | wording | rounding | consistent | unverifiable |",
        "|---|---:|---:|---:|---:|---:|",
        r"| toy Toys \| all of \*them\* | 8 | 7 | 3 | 12 | 2 |",
    ]
    assert "Sanity checks, which no paper states: 1 hold, 1 fail." in lines


def test_findings_of_one_cause_stand_under_it(record: dict[str, Any]) -> None:
    assert part(record, "### Ours gains less at 20 steps") == [
        "- toy, Sec. 1, line 7 of the text: printed gain: **recomputed 50.0 %, printed 40.0 %** (20)",
        "  - `100 × (1 − 3.00 / 6.00) = 50.000, from 49.874 to 50.125 by the printed digits; stated 40.0`",
        "  - `a = 6.00 (toy/1 [adm | none; 20 steps] fid); b = 3.00 (toy/1 [adm | ours; 20 steps] fid)`",
        "  - `printed-gain.20`, `claims.csv:2`",
        "- toy, Sec. 1, line 7 of the text: wrong gain: **recomputed 3.00, stated 3.50**",
        "  - `6.00 − 3.00 = 3.000, from 2.990 to 3.010 by the printed digits; stated 3.50`",
        "  - `a = 6.00 (toy/1 [adm | none; 20 steps] fid); b = 3.00 (toy/1 [adm | ours; 20 steps] fid)`",
        "  - `wrong-gain`, `claims.csv:4`",
    ]


def test_one_without_a_cause_is_headed_by_what_was_found(record: dict[str, Any]) -> None:
    assert part(record, "### recomputed 0.50, stated 0.33: third") == [
        "- toy, Sec. 1, line 7 of the text",
        "  - `4.00 / 8.00 = 0.500, from 0.499 to 0.501 by the printed digits; stated 0.33`",
        "  - `a = 8.00 (toy/1 [adm | none; 10 steps] fid); b = 4.00 (toy/1 [adm | ours; 10 steps] fid)`",
        "  - `third`, `claims.csv:6`",
    ]


def test_what_fits_or_cannot_be_checked_is_counted_only(record: dict[str, Any]) -> None:
    text = audit_markdown(record)
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    assert headings == [
        "## 8 inconsistent",
        "## 7 wording",
        "## 3 rounding",
        "## 1 sanity checks fail",
        "## Worth a look: checks that need no claim",
    ]
    assert "`gain`" not in text
    assert "`sharper`" not in text
    assert "nothing" not in text


def test_an_explanation_of_all_is_said_once(record: dict[str, Any]) -> None:
    for why, expected in (("one reason", 1), ("", 0)):
        found = [finding | {"explanation": why} for finding in record["findings"]]
        text = audit_markdown(record | {"findings": found, "groups": [record["groups"][0] | {"one_reason": True}]})
        assert text.count("one reason") == expected
    found = [finding | {"explanation": f"why {finding['id']}"} for finding in record["findings"]]
    text = audit_markdown(record | {"findings": found, "groups": [record["groups"][0] | {"one_reason": False}]})
    assert "\n  - why wrong-gain\n" in text
    assert text.count("why ") == 2


def test_candidates_come_last_by_check(record: dict[str, Any]) -> None:
    assert audit_markdown(record).partition("\n## Worth a look: checks that need no claim\n")[2].splitlines() == [
        "",
        "Results of checks that use the tables alone. They are not verdicts and are not counted.",
        "",
        "### One number twice: 1",
        "",
        "Doe 2020",
        "",
        "may be chance",
        "",
        r"- 6.00 is there \<twice\>",
        "  - `toy/1 [a | b; c] fid`",
        "  - `toy/1 [d; e] fid`",
        "",
        "### Last digits: 0",
        "",
        "Roe 2021",
        "",
        "needs many",
        "",
    ]
    assert "Worth a look" not in audit_markdown(record | {"candidates": []})

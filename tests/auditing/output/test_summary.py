"""The audit for a terminal: causes above their findings, candidates in counts, what changed."""

from __future__ import annotations

from pathlib import Path

from stages.auditing.output.summary import news_lines, summary_lines
from tests.auditing.output.audits import CANDIDATES, made_up_audit


def test_findings_of_one_cause_follow_one_another_under_it(tmp_path: Path) -> None:
    lines = summary_lines(made_up_audit(tmp_path), ("inconsistent",))
    message = [line for line in lines if line.startswith(("== ", "    ["))]
    assert message[:3] == ["== Ours gains less at 20 steps", "    [printed-gain.20]", "    [wrong-gain]"]
    assert sum(line.startswith("== ") for line in message) == 1
    assert "nothing" not in "\n".join(lines)


def test_candidates_are_a_line_per_check(tmp_path: Path) -> None:
    lines = summary_lines(made_up_audit(tmp_path, candidates=CANDIDATES), ())
    at = lines.index("worth a look, by checks that need no claim:")
    assert lines[at + 1 :] == ["    One number twice: 1", "    Last digits: 0"]
    assert "worth a look" not in "\n".join(summary_lines(made_up_audit(tmp_path), ()))


def test_news_are_what_came_and_went() -> None:
    before = {"a": "wording", "b": "consistent", "c": "inconsistent", "d": "fails", "e": "rounding", "f": "consistent"}
    after = {"a": "wording", "b": "inconsistent", "c": "consistent", "e": "wording", "g": "holds", "h": "unverifiable"}
    assert news_lines(before, after) == [
        "came: b: consistent, now inconsistent",
        "went: c: inconsistent, now consistent",
        "went: d: fails, now absent",
        "changed: e: rounding, now wording",
        "came: h: absent, now unverifiable",
    ]
    assert news_lines(after, after) == []

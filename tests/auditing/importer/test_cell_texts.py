"""Cells: the number, what stands beside it, and what is not a number."""

from __future__ import annotations

import pytest

from stages.auditing.importer.interpret.cell_texts import PrintedCell, is_empty, parse_cell


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("5.14", PrintedCell("5.14")),
        ("−3.30", PrintedCell("-3.30")),
        ("+1.4", PrintedCell("1.4")),
        (".05", PrintedCell("0.05")),
        ("-.120", PrintedCell("-0.120")),
        ("1,000", PrintedCell("1,000")),
        ("500k", PrintedCell("500K")),
        ("1.2B", PrintedCell("1.2B")),
        ("<.001", PrintedCell("<0.001")),
        ("< 0.05", PrintedCell("<0.05")),
        ("12.5M", PrintedCell("12.5M")),
        ("1.2 × 10^{−3}", PrintedCell("1.2e-3")),
        ("1.5e-3", PrintedCell("1.5e-3")),
        ("1.2e−4", PrintedCell("1.2e-4")),
        ("63.5%", PrintedCell("63.5")),
        ("12 ms", PrintedCell("12")),
        ("2.5×", PrintedCell("2.5")),
        ("↑ 3.1", PrintedCell("3.1")),
        ("5.14 (48.5%)", PrintedCell("5.14", improvement="48.5")),
        ("5.14 (+3.2%)", PrintedCell("5.14", improvement="3.2")),
        ("5.14 (−3.2%)", PrintedCell("5.14", improvement="-3.2")),
        ("5.14 (↓48.5%)", PrintedCell("5.14", improvement="48.5")),
        ("94.0 (+0.9)", PrintedCell("94.0", improvement="0.9")),
        ("94.0_{+0.9}", PrintedCell("94.0", improvement="0.9")),
        ("94.0^{-0.9}", PrintedCell("94.0", improvement="-0.9")),
        ("94.0 +0.9%", PrintedCell("94.0", improvement="0.9")),
        ("3.2 ± 0.1", PrintedCell("3.2", sd="0.1")),
        ("3.2±.1", PrintedCell("3.2", sd="0.1")),
        ("3.2_{±0.1}", PrintedCell("3.2", sd="0.1")),
        ("3.2 (± 0.1)", PrintedCell("3.2", sd="0.1")),
        ("3.2 ± 0.1 (5.0%)", PrintedCell("3.2", sd="0.1", improvement="5.0")),
        ("3.21 (0.52)", PrintedCell("3.21", beside="0.52")),
        ("3.21_{0.52}", PrintedCell("3.21", beside="0.52")),
        ("2.3^{*}", PrintedCell("2.3", note="printed: 2.3^{*}")),
        ("2.3***", PrintedCell("2.3", note="printed: 2.3***")),
    ],
)
def test_numbers_are_taken_as_printed(text: str, printed: PrintedCell) -> None:
    assert parse_cell(text) == printed


def test_what_else_stands_in_brackets_is_kept_and_told() -> None:
    message = "'5.1 [4.9, 5.3]': only 5.1 was read"
    assert parse_cell("5.1 [4.9, 5.3]") == PrintedCell("5.1", note="printed: 5.1 [4.9, 5.3]", doubt=message)


@pytest.mark.parametrize(
    "text", ["OOM", "∼5", "<-0.1", "<0", "5.1 / 8.5", "5.1 8.5", "1.2G", "3,14", "10-20", "v2", "", "1,2,2", "12 rows"]
)
def test_what_is_not_one_number_is_none(text: str) -> None:
    assert parse_cell(text) is None


@pytest.mark.parametrize(("text", "empty"), [("", True), ("--", True), ("—", True), ("N/A", True), ("OOM", False)])
def test_a_dash_says_that_nothing_is_printed(text: str, empty: bool) -> None:
    assert is_empty(text) is empty

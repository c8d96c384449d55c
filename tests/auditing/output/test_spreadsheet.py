"""Cells that a spreadsheet would run as formulas."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pandas as pd
import pytest

from stages import report
from stages.auditing.output.spreadsheet import harmless, harmless_csv


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+cmd|' /C calc'!A0",
        "-2+3",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "=",
        "-",
        "-1.2.3",
        "=HYPERLINK(1)",
        "＝1",
        "--1",
    ],
)
def test_what_would_be_run_has_an_apostrophe(text: str) -> None:
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize(
    "text", ["-3.3", "+13", "-1,000", "-500K", "-1e-4", "8.00", "", "a = 1", "−1", "'=1", " x", "5-3"]
)
def test_numbers_and_words_stay(text: str) -> None:
    assert harmless(text) == text


def test_a_table_keeps_its_lines_and_its_quotes() -> None:
    assert harmless_csv('a,=b\n"x, ""y""\n=2",-1\n') == 'a,\'=b\n"x, ""y""\n=2",-1\n'


def test_the_tables_of_the_report_hold_no_formula(tmp_path: Path) -> None:
    report.write_csv(tmp_path / "es-1.csv", pd.DataFrame({"row": ["=1+1", "a"], "value": [-1.23456789, None]}))
    text = (tmp_path / "es-1.csv").read_text()
    assert list(csv.reader(io.StringIO(text))) == [["row", "value"], ["'=1+1", "-1.23457"], ["a", ""]]

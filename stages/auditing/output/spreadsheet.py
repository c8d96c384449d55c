"""Cells of CSV files that a spreadsheet opens: text of others must not be run there as a formula."""

from __future__ import annotations

import csv
import io

from stages.auditing.tables.numbers import NUMBER

# What a formula may begin with, in full width too (OWASP, CSV injection).
STARTS = tuple("=+-@\t\r\n＝＋－＠")


def harmless(cell: str) -> str:
    """Return the text of a cell, an apostrophe before it where a spreadsheet would run it; numbers stay as they are."""
    runs = cell.startswith(STARTS) and not NUMBER.fullmatch(cell.removeprefix("+"))
    return f"'{cell}" if runs else cell


def harmless_csv(text: str) -> str:
    """Return a CSV file's text with every cell harmless."""
    stream = io.StringIO()
    rows = csv.reader(io.StringIO(text, newline=""))
    csv.writer(stream, lineterminator="\n").writerows([harmless(cell) for cell in row] for row in rows)
    return stream.getvalue()

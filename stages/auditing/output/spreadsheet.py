"""CSV files that are safe to open in a spreadsheet, which would run some texts as formulas."""

from __future__ import annotations

import csv
import io

from stages.auditing.tables.numbers import NUMBER

# Characters that begin a formula, full-width ones included (OWASP, CSV injection).
STARTS = tuple("=+-@\t\r\n＝＋－＠")


def harmless(cell: str) -> str:
    """Return a cell's text, after an apostrophe if a spreadsheet would run it; numbers are unchanged."""
    runs = cell.startswith(STARTS) and not NUMBER.fullmatch(cell.removeprefix("+"))
    return f"'{cell}" if runs else cell


def harmless_csv(text: str) -> str:
    """Return a CSV file's text with every cell harmless."""
    stream = io.StringIO()
    rows = csv.reader(io.StringIO(text, newline=""))
    csv.writer(stream, lineterminator="\n").writerows([harmless(cell) for cell in row] for row in rows)
    return stream.getvalue()

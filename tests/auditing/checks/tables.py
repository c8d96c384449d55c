"""Made-up tables for the checks: rows of any coordinates, with any columns beside the value and any marks."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Sequence
from functools import cache
from typing import Any

from stages.auditing.checks.table_cells import Paper
from stages.auditing.tables.rows import Metric

METRICS = {
    name: Metric(name, kind, better, heading)
    for name, kind, better, heading in [
        ("fid", "number", "lower", "FID"),
        ("is", "number", "higher", "IS"),
        ("precision", "number", "higher", "precision"),
        ("recall", "number", "higher", "recall"),
        ("rating", "score", "higher", "rating"),
        ("accuracy", "share", "higher", "accuracy"),
        ("people", "count", "", "people"),
        ("samples", "count", "", "generated images"),
        ("nfe", "count", "", "NFE"),
        ("time_ms", "number", "lower", "time (ms)"),
        *((test, "number", "", test) for test in ("t", "F", "chi2", "r", "z")),
        ("p", "text", "", "p"),
        ("optimizer", "text", "", "optimizer"),
    ]
}


@cache
def row_type(fields: tuple[str, ...]) -> Any:
    """Return the type of a row with these columns."""

    class Made(namedtuple("Made", fields)):
        @property
        def label(self) -> str:
            return f"{self.paper}/{self.table} [{self.row}; {self.column}] {self.metric}"

        @property
        def key(self) -> tuple[str, ...]:
            return self.paper, self.table, self.row, self.column, self.metric

    return Made


def rows(
    *records: dict[str, str],
    coordinates: Sequence[str] = ("dataset", "method"),
    beside: Sequence[str] = (),
    marks: Sequence[str] = (),
) -> list[Any]:
    """Return the rows of records; what a record leaves out is that of an ordinary cell."""
    fields = (
        "paper",
        "table",
        "row",
        "column",
        *coordinates,
        "metric",
        "value",
        *beside,
        *marks,
        "where",
        "source",
        "note",
    )

    usual = dict.fromkeys(fields, "") | {
        "paper": "toy",
        "table": "1",
        "row": "ours",
        "column": "score",
        "metric": "fid",
        "where": "Table 1",
        "source": "paper",
    }
    made = row_type(fields)
    return [made(**usual | record) for record in records]


def grid(values: Sequence[Sequence[str]], metric: str = "fid", **columns: Any) -> list[dict[str, str]]:
    """Return the records of a table: its rows are methods m0, m1, ..., its columns data sets d0, d1, ...

    Further columns have a text each, or as many texts in the same arrangement.
    """
    return [
        {"row": f"m{i}", "column": f"d{j}", "method": f"m{i}", "dataset": f"d{j}", "metric": metric, "value": value}
        | {name: text if isinstance(text, str) else text[i][j] for name, text in columns.items()}
        for i, line in enumerate(values)
        for j, value in enumerate(line)
    ]


def paper(made: Sequence[Any], claims: Sequence[Any] = ()) -> Paper:
    """Return a paper of these rows."""
    return Paper(made, METRICS, claims)

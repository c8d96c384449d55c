"""The audit of the made-up paper as a record, with a cause, a title and candidates that are made up too."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from stages.auditing.claims.claims import parse_claims
from stages.auditing.claims.verdicts import judge_all
from stages.auditing.output.findings import audit_record
from stages.auditing.tables.published import read_papers, read_text
from tests.auditing.claims.made_up import write_csv, write_paper

CAUSES = {"wrong-gain": "Ours gains less at 20 steps", "printed-gain": "Ours gains less at 20 steps", "gain": "nothing"}
CANDIDATES = [
    {
        "check": "twice",
        "title": "One number twice",
        "literature": "Doe 2020",
        "limits": "may be chance",
        "count": 1,
        "found": [{"message": "6.00 is there <twice>", "rows": ["toy/1 [a | b; c] fid", "toy/1 [d; e] fid"]}],
    },
    {
        "check": "digits",
        "title": "Last digits",
        "literature": "Roe 2021",
        "limits": "needs many",
        "count": 0,
        "found": [],
    },
]


def state_causes(folder: Path, causes: dict[str, str]) -> None:
    """Write causes into the claims of a folder."""
    with open(folder / "claims.csv", newline="") as stream:
        header, *rows = csv.reader(stream)
    at = header.index("cause")
    write_csv(folder / "claims.csv", header, [[*row[:at], causes.get(row[0], ""), *row[at + 1 :]] for row in rows])


def made_up_audit(folder: Path, **more: Any) -> dict[str, Any]:
    """Return the record of the made-up paper, written to ``folder``."""
    write_paper(folder)
    state_causes(folder, CAUSES)
    papers = read_papers(folder)
    findings = judge_all(parse_claims("claims.csv", read_text(folder / "claims.csv")), papers)
    return audit_record(findings, papers, {"toy": "Toys | all of *them*"}, **more)

"""A made-up paper with faults planted in it: ``planted/paper`` as a user has it, its faults, and how to put them right.

``planted/faults.csv`` says what was planted and as what the audit must see it: finding, warning or candidate, several
joined by " & ". ``planted/corrections.csv`` has the fields that are faulty, as printed and as they should be; a record
is the id of a claim or the label of a number.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from stages.auditing.checks.screen import screen
from stages.auditing.claims.claims import parse_claims
from stages.auditing.claims.verdicts import judge_all
from stages.auditing.output.findings import audit_record, candidate_records
from stages.auditing.tables.published import read_papers, read_text
from tests.auditing.claims.made_up import write_csv

FOLDER = Path(__file__).parent / "planted"


class Correction(NamedTuple):
    """A field that is faulty: where it stands, what is printed there and what is right."""

    fault: str
    file: str
    record: str
    field: str
    printed: str
    right: str


def read_faults() -> dict[str, frozenset[str]]:
    """Return as what each planted fault must be seen, by its id; nothing for what the audit cannot see."""
    faults = _records(FOLDER / "faults.csv")
    return {fault["id"]: frozenset(filter(None, fault["seen"].split(" & "))) for fault in faults}


def read_corrections() -> list[Correction]:
    """Return the corrections of all faults."""
    return [Correction(**record) for record in _records(FOLDER / "corrections.csv")]


def write_planted(folder: Path, faulty: Collection[str]) -> None:
    """Write the paper with these faults, all others put right."""
    right = [correction for correction in read_corrections() if correction.fault not in faulty]
    folder.mkdir(parents=True)
    for path in (FOLDER / "paper").iterdir():
        corrections = {(c.record, c.field): c for c in right if c.file == path.name}
        if not corrections:
            (folder / path.name).write_bytes(path.read_bytes())
            continue
        records = _records(path)
        for record in records:
            for field in record:
                if correction := corrections.pop((_name(record), field), None):
                    assert record[field] == correction.printed, correction
                    record[field] = correction.right
        assert not corrections, corrections
        write_csv(folder / path.name, list(records[0]), [list(record.values()) for record in records])


def record_of(folder: Path) -> dict[str, Any]:
    """Return the audit's record of a folder, as audit.json has it."""
    papers = read_papers(folder)
    claims = parse_claims("claims.csv", read_text(folder / "claims.csv"), papers.schema)
    return audit_record(judge_all(claims, papers), papers, {}, candidate_records(screen(papers, claims)))


def flags_of(record: Mapping[str, Any]) -> dict[str, str]:
    """Return all that an audit flags, each with the text by which the outputs know it.

    A finding is named by its verdict and id, a warning by its claim, a candidate by its check and its first row, or by
    the claim whose statement it rests on.
    """
    findings = {f"{f['verdict']}: {f['id']}": f["id"] for f in record["findings"]}
    flags = {flag: name for flag, name in findings.items() if not flag.startswith(("consistent:", "holds:"))}
    flags |= {f"warning: {w['claim']}": f"{w['place']}: claim {w['claim']}: " for w in record["warnings"]}
    claims = {finding["place"]: finding["id"] for finding in record["findings"]}
    for check in record["candidates"]:
        for found in check["found"]:
            place = found["rows"][0] if found["rows"] else claims[found["message"].partition(": ")[0]]
            flag = f"{check['check']}: {place}"
            assert flag not in flags
            flags[flag] = found["message"]
    return flags


def _name(record: Mapping[str, str]) -> str:
    if "id" in record:
        return record["id"]
    return f"{record['paper']}/{record['table']} [{record['row']}; {record['column']}] {record['metric']}"


def _records(path: Path) -> list[dict[str, str]]:
    with open(path, encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))

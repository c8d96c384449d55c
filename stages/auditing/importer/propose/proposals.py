"""All claims that a paper's tables allow to be proposed, each of which the audit judges without a fault."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence

from stages.auditing.claims.claims import COLUMNS, parse_claims
from stages.auditing.claims.verdicts import judge
from stages.auditing.importer.decisions import Decision
from stages.auditing.importer.interpret.number_rows import Number
from stages.auditing.importer.propose.claim_records import record
from stages.auditing.importer.propose.derived import derived_claims
from stages.auditing.importer.propose.printed_claims import best_claims, improvement_claims, repeat_claims
from stages.auditing.tables.rows import FaultyFile, Papers

NONE = "no claim could be proposed from the tables alone: write here what the paper says of its numbers"


def proposed_claims(
    paper: str, tables: Mapping[str, Sequence[Number]], papers: Papers
) -> tuple[list[dict[str, str]], list[Decision]]:
    """Return the records of claims.csv and what was guessed or left out; where there is none, one that says so."""
    claims = []
    decisions = []
    for table in tables.values():
        for told in (
            improvement_claims(paper, table),
            derived_claims(paper, table),
            best_claims(paper, table, papers.metrics),
        ):
            claims += told[0]
            decisions += told[1]
    repeated, told = repeat_claims(paper, tables)
    kept = []
    for claim in _named(paper, [*claims, *repeated]):
        if fault := _fault(claim, papers):
            decisions.append(Decision("claim", claim["where"], f"{claim['statement']}: {fault}"))
        else:
            kept.append(claim)
    if not kept:
        where = f"Table {next(iter(tables))}"
        kept = [
            record(
                id="to-write",
                paper=paper,
                where=where,
                kind="protocol",
                statement="Claims are to be written",
                reason=NONE,
            )
        ]
    return kept, [*decisions, *told]


def claims_text(claims: Sequence[Mapping[str, str]]) -> str:
    """Return the file of the claims."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([claim[column] for column in COLUMNS] for claim in claims)
    return stream.getvalue()


def _named(paper: str, claims: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    count: Counter[str] = Counter()
    named = []
    for claim in claims:
        words = re.sub(r"[^a-z0-9]+", "-", claim["where"].lower().replace("tables ", "t").replace("table ", "t"))
        name = f"{words.strip('-')}-{claim['kind']}"
        count[name] += 1
        named.append({**claim, "id": f"{name}-{count[name]}", "paper": paper})
    return named


def _fault(claim: Mapping[str, str], papers: Papers) -> str:
    """Return why the audit cannot judge a claim, such as a divisor that may be 0; empty where it can."""
    try:
        for parsed in parse_claims("claims.csv", claims_text([claim]), papers.schema):
            judge(parsed, papers)
    except FaultyFile as error:
        return str(error).partition(": ")[2]
    return ""

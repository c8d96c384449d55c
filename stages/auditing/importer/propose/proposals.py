"""All claims that can be proposed from a paper's tables, each of which the audit can judge."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

from stages.auditing.claims.claims import COLUMNS, parse_claims
from stages.auditing.claims.verdicts import judge
from stages.auditing.importer.decisions import Decision
from stages.auditing.importer.interpret.number_rows import Number
from stages.auditing.importer.propose.claim_records import Proposal, record
from stages.auditing.importer.propose.derived import derived_claims
from stages.auditing.importer.propose.printed_claims import best_claims, improvement_claims, repeat_claims
from stages.auditing.tables.rows import FaultyFile, Papers, csv_text

NONE = "no claim could be proposed from the tables alone: write here what the paper says of its numbers"


def proposed_claims(paper: str, tables: Mapping[str, Sequence[Number]], papers: Papers) -> Proposal:
    """Return all claims that the audit can judge; if there are none, a record that says so."""
    proposals = []
    for table in tables.values():
        proposals.append(improvement_claims(paper, table))
        proposals.append(derived_claims(paper, table))
        proposals.append(best_claims(paper, table, papers.metrics))
    repeated = repeat_claims(paper, tables)
    claims = [claim for proposal in (*proposals, repeated) for claim in proposal.claims]
    decisions = [decision for proposal in proposals for decision in proposal.decisions]
    kept = []
    for claim in _named(paper, claims):
        fault = _fault(claim, papers)
        if fault:
            decisions.append(Decision("claim", claim["where"], f"{claim['statement']}: {fault}"))
        else:
            kept.append(claim)
    if not kept:
        statement = "Claims are to be written"
        where = f"Table {next(iter(tables))}"
        kept.append(record(id="to-write", paper=paper, where=where, kind="protocol", statement=statement, reason=NONE))
    return Proposal(kept, [*decisions, *repeated.decisions])


def claims_text(claims: Sequence[Mapping[str, str]]) -> str:
    """Return the text of claims.csv."""
    return csv_text(COLUMNS, [[claim[column] for column in COLUMNS] for claim in claims])


def _named(paper: str, claims: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """Return the claims with the paper and with ids made of their place and kind."""
    count: Counter[str] = Counter()
    named = []
    for claim in claims:
        words = re.sub(r"[^a-z0-9]+", "-", claim["where"].lower().replace("tables ", "t").replace("table ", "t"))
        name = f"{words.strip('-')}-{claim['kind']}"
        count[name] += 1
        named.append({**claim, "id": f"{name}-{count[name]}", "paper": paper})
    return named


def _fault(claim: Mapping[str, str], papers: Papers) -> str:
    """Return why the audit cannot judge a claim, such as a divisor that may be 0; empty if it can."""
    try:
        for parsed in parse_claims("claims.csv", claims_text([claim]), papers.schema):
            judge(parsed, papers)
    except FaultyFile as error:
        return str(error).partition(": ")[2]
    return ""

"""The audit in lines for a terminal: counts, warnings, and findings spelled out; what changed since the last one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stages.auditing.claims.claims import SANITY
from stages.auditing.claims.relations import STATING
from stages.auditing.claims.verdicts import VERDICTS
from stages.auditing.output.recomputed import OUTER

# How many counter-examples, or rows of a warning, a terminal shows.
MOST = 3
# What says nothing against a paper.
QUIET = {"absent", "consistent", "holds"}


def summary_lines(record: Mapping[str, Any], shown: Sequence[str]) -> list[str]:
    """Return the audit for a terminal: counts per paper and verdict, then the findings of the verdicts ``shown``."""
    width = max(map(len, VERDICTS)) + 2
    lines = ["paper".ljust(8) + "".join(word.rjust(width) for word in VERDICTS)]
    for paper, words in record["counts"].items():
        lines.append(paper.ljust(8) + "".join(str(words[word]).rjust(width) for word in VERDICTS))
    if any(record["sanity"].values()):
        lines += ["", f"sanity checks, which no paper states: {outcomes(record['sanity'])}"]
    if record["candidates"]:
        lines += ["", "worth a look, by checks that need no claim:"]
        lines += [f"    {check['title']}: {check['count']}" for check in record["candidates"]]
    if record["warnings"]:
        lines += ["", *(f"warning: {warning_line(warning)}" for warning in record["warnings"])]
    return [*lines, *_finding_lines(record, shown)]


def _finding_lines(record: Mapping[str, Any], shown: Sequence[str]) -> Iterator[str]:
    known = {finding["id"]: finding for finding in record["findings"]}
    for group in (group for group in record["groups"] if group["verdict"] in shown):
        if group["cause"]:
            yield from ("", f"== {group['cause']}")
        for finding in (known[member["id"]] for member in group["members"]):
            case = f" [{finding['case']}]" if finding["case"] else ""
            word = f"{'sanity check ' * (finding['kind'] == SANITY)}{finding['verdict']}"
            yield from ("", f"{word}: {finding['paper']}, {finding['where']}: {finding['statement']}{case}")
            yield from (f"    {line}" for line in (*spelled_out(finding), because(finding)) if line)
            yield f"    [{finding['id']}]"


def news_lines(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Return what came and went between two audits, each given as the verdicts of its findings by id."""
    lines = []
    for name in dict.fromkeys((*before, *after)):
        old, new = before.get(name, "absent"), after.get(name, "absent")
        if old != new and not {old, new} <= QUIET:
            word = "came" if old in QUIET else "went" if new in QUIET else "changed"
            lines.append(f"{word}: {name}: {old}, now {new}")
    return lines


def warning_line(warning: Mapping[str, Any]) -> str:
    """Return a warning in one line: the claim, how many of its rows are lost, the first of them, and why perhaps."""
    rows, hints = warning["rows"], warning["hints"]
    told = "row that it names is" if len(rows) == 1 else "rows that it names are"
    more = [f"and {len(rows) - MOST} more"] if len(rows) > MOST else []
    line = f"{warning['place']}: claim {warning['claim']}: {len(rows)} {told} part of no comparison: "
    return line + "; ".join([", ".join(rows[:MOST] + more), *hints[:1]])


def outcomes(sanity: Mapping[str, int]) -> str:
    """Return how many sanity checks came out how, such as "25 hold, 2 fail"."""
    words = {"holds": "hold", "fails": "fail", "undecided": "undecided"}
    return ", ".join(f"{sanity[outcome]} {word}" for outcome, word in words.items() if sanity[outcome])


def spelled_out(finding: Mapping[str, Any]) -> list[str]:
    """Return a finding's sum in lines of words: the recomputation with its interval against what is stated."""
    if finding["held"]:
        lines = [f"holds at {finding['held']}"]
        examples = [f"counter-example: {example}" for example in finding["counter_examples"]]
        examples += [f"too close to tell: {tie}" for tie in finding["ties"]]
        more = [f"and {len(examples) - MOST} more"] if len(examples) > MOST else []
        return lines + examples[:MOST] + more
    if not finding["sum"]:
        return []
    result = f" = {finding['recomputed']}" if finding["recomputed"] else ""
    exact = finding["low"] == finding["high"]
    interval = "" if exact else f", from {finding['low']} to {finding['high']} by the printed digits"
    interval += f" ({OUTER})" if finding["outer"] else ""
    relation = finding["relation"]
    claimed = "stated" if relation in STATING else f"claimed to be {relation}"
    return [f"{finding['sum']}{result}{interval}; {claimed} {finding['stated']}", "; ".join(finding["operands"])]


def because(finding: Mapping[str, Any]) -> str:
    """Return a finding's explanation with its origin."""
    return " - ".join(filter(None, (finding["explanation"], "; ".join(finding["origin"]))))

"""The audit as lines for a terminal: counts, warnings, findings, and changes since the last audit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stages.auditing.claims.claims import SANITY
from stages.auditing.claims.relations import STATING
from stages.auditing.claims.verdicts import VERDICTS
from stages.auditing.output.recomputed import OUTER

# The number of counter-examples, or rows of a warning, that a terminal shows.
MOST = 3
# Verdicts and outcomes without an objection to a paper.
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
    for group in record["groups"]:
        if group["verdict"] not in shown:
            continue
        if group["cause"]:
            yield ""
            yield f"== {group['cause']}"
        for member in group["members"]:
            finding = known[member["id"]]
            case = f" [{finding['case']}]" if finding["case"] else ""
            word = f"sanity check {finding['verdict']}" if finding["kind"] == SANITY else finding["verdict"]
            yield ""
            yield f"{word}: {finding['paper']}, {finding['where']}: {finding['statement']}{case}"
            yield from (f"    {line}" for line in (*spelled_out(finding), because(finding)) if line)
            yield f"    [{finding['id']}]"


def news_lines(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Return the differences between two audits, each given as the verdicts of its findings by id."""
    lines = []
    for name in dict.fromkeys((*before, *after)):
        old = before.get(name, "absent")
        new = after.get(name, "absent")
        if old != new and not {old, new} <= QUIET:
            word = "came" if old in QUIET else "went" if new in QUIET else "changed"
            lines.append(f"{word}: {name}: {old}, now {new}")
    return lines


def warning_line(warning: Mapping[str, Any]) -> str:
    """Return a warning in one line: the claim, the number of its unused rows, the first of them, and a likely cause."""
    rows = warning["rows"]
    hints = warning["hints"]
    named = "row that it names is" if len(rows) == 1 else "rows that it names are"
    more = [f"and {len(rows) - MOST} more"] if len(rows) > MOST else []
    line = f"{warning['place']}: claim {warning['claim']}: {len(rows)} {named} part of no comparison: "
    return line + "; ".join([", ".join(rows[:MOST] + more), *hints[:1]])


def outcomes(sanity: Mapping[str, int]) -> str:
    """Return the outcomes of the sanity checks in words, such as "25 hold, 2 fail"."""
    words = {"holds": "hold", "fails": "fail", "undecided": "undecided"}
    return ", ".join(f"{sanity[outcome]} {word}" for outcome, word in words.items() if sanity[outcome])


def spelled_out(finding: Mapping[str, Any]) -> list[str]:
    """Return a finding's computation as lines: the recomputed value with its interval, and the stated one."""
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

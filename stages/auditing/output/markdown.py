"""The audit as Markdown, for a review: counts, and the findings by verdict and cause."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stages.auditing.output.summary import because, outcomes, spelled_out, warning_line

# Reported by their counts only: they are many and need no action.
COUNTED = ("consistent", "unverifiable", "holds")
# Shown per group; audit.csv has all.
MOST = 100
HEADINGS = {"fails": "sanity checks fail", "undecided": "sanity checks are undecided"}


def audit_markdown(record: Mapping[str, Any]) -> str:
    """Return the audit as a Markdown document; text from the inputs is escaped."""
    lines = ["# Published numbers, audited", "", *_counts(record)]
    if any(record["sanity"].values()):
        lines += ["", f"Sanity checks, which no paper states: {outcomes(record['sanity'])}."]
    if record["warnings"]:
        lines += ["", "## Warnings", "", *(f"- {escape(warning_line(warning))}" for warning in record["warnings"])]
    known = {finding["id"]: finding for finding in record["findings"]}
    for word in dict.fromkeys(group["verdict"] for group in record["groups"] if group["verdict"] not in COUNTED):
        groups = [group for group in record["groups"] if group["verdict"] == word]
        lines += ["", f"## {sum(len(group['members']) for group in groups)} {HEADINGS.get(word, word)}"]
        for group in groups:
            lines += ["", *_group(group, known)]
    return "\n".join([*lines, *_candidates(record["candidates"])]) + "\n"


def escape(text: str) -> str:
    """Return text in one line, escaped so that Markdown renders it literally in paragraphs, lists and tables."""
    line = re.sub(r"([\\`*_\[\]<>|~&$#])", r"\\\1", " ".join(text.split()))
    # At the start of a line these would begin a list or a rule.
    return re.sub(r"^(\d+(?=[.)](?:\s|$))|(?=[-+=]))", r"\1\\", line)


def code(text: str) -> str:
    """Return text in one line as a code span, fenced with more backticks than it holds in a row."""
    line = " ".join(text.split())
    fence = "`" * (1 + max(map(len, re.findall("`+", line)), default=0))
    pad = " " * (line[:1] == "`" or line[-1:] == "`")
    return f"{fence}{pad}{line}{pad}{fence}"


def _counts(record: Mapping[str, Any]) -> Iterator[str]:
    yield f"| paper | {' | '.join(record['verdicts'])} |"
    yield f"|---|{'---:|' * len(record['verdicts'])}"
    for paper, words in record["counts"].items():
        name = escape(f"{paper} {record['titles'].get(paper, '')}")
        yield f"| {name} | {' | '.join(str(words[word]) for word in record['verdicts'])} |"


def _group(group: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    members = [known[member["id"]] for member in group["members"]]
    heading = f"{group['headline']}: {group['statement']}" if group["statement"] else group["headline"]
    yield f"### {escape(group['cause'] or heading)}"
    yield ""
    if group["one_reason"] and because(members[0]):
        yield escape(because(members[0]))
        yield ""
    for finding in members[:MOST]:
        yield from _finding(finding, alone=len(members) == 1 and not group["cause"])
        if not group["one_reason"] and because(finding):
            yield f"  - {escape(because(finding))}"
    if len(members) > MOST:
        yield f"- and {len(members) - MOST} more"


def _finding(finding: Mapping[str, Any], *, alone: bool) -> Iterator[str]:
    """Yield a finding's lines; its statement and headline are repeated unless it is ``alone`` under its heading."""
    place = f"{finding['paper']}, {finding['where']}"
    if finding["line"]:
        place += f", line {finding['line']} of the text"
    line = f"- {escape(place)}"
    if finding["case"] or not alone:
        line += ":"
    if not alone:
        line += f" {escape(finding['statement'])}: **{escape(finding['headline'])}**"
    if finding["case"]:
        line += f" ({escape(finding['case'])})"
    yield line
    yield from (f"  - {code(line)}" for line in spelled_out(finding) if line)
    yield f"  - {code(finding['id'])}, {code(finding['place'])}"


def _candidates(candidates: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if candidates:
        yield from ("", "## Worth a look: checks that need no claim", "")
        yield "Results of checks that use the tables alone. They are not verdicts and are not counted."
    for check in candidates:
        yield from ("", f"### {escape(check['title'])}: {check['count']}", "")
        yield from (escape(check["literature"]), "", escape(check["limits"]), "")
        for found in check["found"]:
            yield f"- {escape(found['message'])}"
            yield from (f"  - {code(row)}" for row in found["rows"])
        if more := check["count"] - len(check["found"]):
            yield f"- and {more} more"

"""Findings as SARIF 2.1.0, in which code hosts take what an analysis found in the files of a repository."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from stages import __version__
from stages.auditing.output.summary import spelled_out

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

# Related places of a result, of which code hosts take no more.
MOST = 100


class Rule(NamedTuple):
    """A verdict as SARIF has it: how grave it is, and what it says."""

    id: str
    level: str
    text: str


# A rule per verdict, so that a host filters and mutes by verdict; the kind of a claim is a property of its results.
RULES = {
    "inconsistent": Rule("inconsistent", "error", "No values that round to the printed ones give the stated one."),
    "wording": Rule("wording", "warning", "The words claim more than the table shows."),
    "rounding": Rule("rounding", "note", "It follows only from more digits than are printed."),
    "fails": Rule("sanity", "note", "A sanity check, which no paper states, does not hold."),
}


def sarif_log(record: Mapping[str, Any], folder: str) -> dict[str, Any]:
    """Return the audit's findings as one run: a result for each that is not consistent and can be checked.

    ``folder`` is that of the tables and claims as their repository has it, parts separated by "/"; empty at its root.
    """
    rules = [
        {"id": rule.id, "shortDescription": {"text": rule.text}, "defaultConfiguration": {"level": rule.level}}
        for rule in RULES.values()
    ]
    driver = {"name": "exposure-bias-reproduction", "version": __version__, "rules": rules}
    results = [_result(finding, folder) for finding in record["findings"] if finding["verdict"] in RULES]
    return {
        "$schema": SCHEMA, "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}],
    }  # fmt: skip


def _result(finding: Mapping[str, Any], folder: str) -> dict[str, Any]:
    rule = RULES[finding["verdict"]]
    case = f" [{finding['case']}]" if finding["case"] else ""
    lines = [f"{finding['headline']}: {finding['statement']}{case}", *filter(None, spelled_out(finding))]
    operands = zip(finding["operands"], finding["places"], strict=True)
    related = [_location(place, folder) | {"message": _message(text)} for text, place in operands if place][:MOST]
    result = {
        "ruleId": rule.id, "ruleIndex": list(RULES.values()).index(rule), "level": rule.level,
        "message": _message("\n".join(lines)), "locations": [_location(finding["place"], folder)],
        "partialFingerprints": {"findingId/v1": finding["id"]},
        "properties": {"paper": finding["paper"], "where": finding["where"], "kind": finding["kind"]},
    }  # fmt: skip
    if finding["cause"]:
        result["properties"]["cause"] = finding["cause"]
    return result | ({"relatedLocations": related} if related else {})


def _location(place: str, folder: str) -> dict[str, Any]:
    """Return a place such as claims.csv:12, its address relative to the repository."""
    name, _, line = place.rpartition(":")
    address = quote("/".join(filter(None, (folder, name))), errors="surrogateescape")
    return {"physicalLocation": {"artifactLocation": {"uri": address}, "region": {"startLine": int(line)}}}


def _message(text: str) -> dict[str, str]:
    """Return plain text as it is: braces would be places to fill in, and ``[...](...)`` a link."""
    return {"text": text.replace("{", "{{").replace("}", "}}").replace("](", "] (")}

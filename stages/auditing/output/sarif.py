"""Findings as SARIF 2.1.0, the format in which code hosts accept the results of static analyses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from stages import __version__
from stages.auditing.output.summary import spelled_out

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

# Code hosts accept at most this many related places per result.
MOST = 100


class Rule(NamedTuple):
    """A verdict as a SARIF rule: its severity and its description."""

    id: str
    level: str
    text: str


# One rule per verdict, so that a host can filter and mute by verdict; the kind of a claim is a property of its results.
RULES = {
    "inconsistent": Rule("inconsistent", "error", "No values that round to the printed ones give the stated one."),
    "wording": Rule("wording", "warning", "The words claim more than the table shows."),
    "rounding": Rule("rounding", "note", "It follows only from more digits than are printed."),
    "fails": Rule("sanity", "note", "A sanity check, which no paper states, does not hold."),
}


def sarif_log(record: Mapping[str, Any], folder: str) -> dict[str, Any]:
    """Return the audit's findings as one run: a result for each checkable finding that is not consistent.

    ``folder`` is the folder of the tables and claims relative to the root of the repository, with "/" as separator.
    """
    rules = [
        {"id": rule.id, "shortDescription": {"text": rule.text}, "defaultConfiguration": {"level": rule.level}}
        for rule in RULES.values()
    ]
    driver = {"name": "exposure-bias-reproduction", "version": __version__, "rules": rules}
    results = [_result(finding, folder) for finding in record["findings"] if finding["verdict"] in RULES]
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}],
    }


def _result(finding: Mapping[str, Any], folder: str) -> dict[str, Any]:
    rule = RULES[finding["verdict"]]
    case = f" [{finding['case']}]" if finding["case"] else ""
    lines = [f"{finding['headline']}: {finding['statement']}{case}", *filter(None, spelled_out(finding))]
    operands = zip(finding["operands"], finding["places"], strict=True)
    related = [_location(place, folder) | {"message": _message(text)} for text, place in operands if place][:MOST]
    result = {
        "ruleId": rule.id,
        "ruleIndex": list(RULES.values()).index(rule),
        "level": rule.level,
        "message": _message("\n".join(lines)),
        "locations": [_location(finding["place"], folder)],
        "partialFingerprints": {"findingId/v1": finding["id"]},
        "properties": {"paper": finding["paper"], "where": finding["where"], "kind": finding["kind"]},
    }
    if finding["cause"]:
        result["properties"]["cause"] = finding["cause"]
    return result | ({"relatedLocations": related} if related else {})


def _location(place: str, folder: str) -> dict[str, Any]:
    """Return the location of a place such as claims.csv:12, relative to the repository."""
    name, _, line = place.rpartition(":")
    address = quote("/".join(filter(None, (folder, name))), errors="surrogateescape")
    return {"physicalLocation": {"artifactLocation": {"uri": address}, "region": {"startLine": int(line)}}}


def _message(text: str) -> dict[str, str]:
    """Return a message with plain text, in which braces (placeholders) and ``[...](...)`` (links) are escaped."""
    return {"text": text.replace("{", "{{").replace("}", "}}").replace("](", "] (")}

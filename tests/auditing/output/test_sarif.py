"""SARIF: the parts of the standard's schema that the audit uses, and what a code host shows of a finding."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stages import __version__
from stages.auditing.output.sarif import RULES, sarif_log
from tests.auditing.claims.made_up import EXPECTED
from tests.auditing.output.audits import made_up_audit


def closed(required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    """A schema of an object with these properties and no others."""
    properties = required | optional
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


# SARIF 2.1.0, sections 3.13 to 3.52, narrowed to what the audit writes.
TEXT = {"type": "string", "minLength": 1}
LEVEL = {"enum": ["none", "note", "warning", "error"]}
MESSAGE = closed({"text": TEXT})
PHYSICAL = closed(
    {
        "artifactLocation": closed({"uri": {"type": "string", "pattern": r"^(?![/.]|\w+:)[\w%./~-]+$"}}),
        "region": closed({"startLine": {"type": "integer", "minimum": 1}}),
    }
)
RESULT = closed(
    {
        "ruleId": TEXT,
        "ruleIndex": {"type": "integer", "minimum": 0, "maximum": len(RULES) - 1},
        "level": LEVEL,
        "message": MESSAGE,
        "locations": {"type": "array", "minItems": 1, "items": closed({"physicalLocation": PHYSICAL})},
        "partialFingerprints": {"type": "object", "minProperties": 1, "additionalProperties": TEXT},
    },
    relatedLocations={
        "type": "array",
        "uniqueItems": True,
        "items": closed({"physicalLocation": PHYSICAL, "message": MESSAGE}),
    },
    properties={"type": "object"},
)
RULE = closed({"id": TEXT, "shortDescription": MESSAGE, "defaultConfiguration": closed({"level": LEVEL})})
RULE_LIST = {"type": "array", "uniqueItems": True, "items": RULE}
RUN = closed(
    {
        "tool": closed({"driver": closed({"name": TEXT, "version": TEXT, "rules": RULE_LIST})}),
        "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
        "results": {"type": "array", "items": RESULT},
    }
)
LOG = closed({"$schema": TEXT, "version": {"const": "2.1.0"}, "runs": {"type": "array", "minItems": 1, "items": RUN}})


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return made_up_audit(tmp_path_factory.mktemp("mine"))


def results(record: dict[str, Any], folder: str = "mine") -> dict[str, dict[str, Any]]:
    found = sarif_log(record, folder)["runs"][0]["results"]
    return {result["partialFingerprints"]["findingId/v1"]: result for result in found}


def test_it_is_what_the_standard_asks_for(record: dict[str, Any]) -> None:
    validator = pytest.importorskip("jsonschema").Draft202012Validator(LOG)
    log = json.loads(json.dumps(sarif_log(record, "mine")))
    assert [error.message for error in validator.iter_errors(log)] == []
    log["runs"][0]["results"][0]["level"] = "fatal"
    log["runs"][0]["results"][1]["ruleIndex"] = len(RULES)
    log["runs"][0]["results"][2]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] = "/mine/claims.csv"
    assert len(list(validator.iter_errors(log))) == 3


def test_what_stands_against_a_paper_is_a_result_of_its_rule(record: dict[str, Any]) -> None:
    levels = {"inconsistent": "error", "wording": "warning", "rounding": "note", "fails": "note"}
    found = results(record)
    assert {name: result["level"] for name, result in found.items()} == {
        name: levels[verdict] for name, verdict in EXPECTED.items() if verdict in levels
    }
    (run,) = sarif_log(record, "")["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["inconsistent", "wording", "rounding", "sanity"]
    for result in run["results"]:
        rule = rules[result["ruleIndex"]]
        assert (rule["id"], rule["defaultConfiguration"]["level"]) == (result["ruleId"], result["level"])
    assert found["exchanged"]["ruleId"] == "sanity"
    assert run["tool"]["driver"]["version"] == __version__


def test_a_result_tells_the_sum_and_the_claims_line(record: dict[str, Any]) -> None:
    result = results(record)["wrong-gain"]
    assert result["message"]["text"].splitlines() == [
        "recomputed 3.00, stated 3.50: wrong gain",
        "6.00 − 3.00 = 3.000, from 2.990 to 3.010 by the printed digits; stated 3.50",
        "a = 6.00 (toy/1 [adm | none; 20 steps] fid); b = 3.00 (toy/1 [adm | ours; 20 steps] fid)",
    ]
    (place,) = result["locations"]
    # Third of the claims, below the header.
    assert place["physicalLocation"] == {
        "artifactLocation": {"uri": "mine/claims.csv"},
        "region": {"startLine": 4},
    }
    assert result["properties"]["cause"] == "Ours gains less at 20 steps"
    assert "cause" not in results(record)["third"]["properties"]
    counted = results(record)["always-better"]["message"]["text"]
    assert counted.startswith(
        "holds at 2 of 3: always better\nholds at 2 of 3\ncounter-example: 6.30, not < 6.10 (toy/1"
    )


def test_rows_with_a_place_are_related(record: dict[str, Any]) -> None:
    known = {finding["id"]: finding for finding in record["findings"]}
    changed = [known["wrong-gain"] | {"places": ["toy.csv:3", ""]}, known["third"] | {"places": ["", ""]}]
    found = results(record | {"findings": changed})
    (related,) = found["wrong-gain"]["relatedLocations"]
    assert related == {
        "physicalLocation": {"artifactLocation": {"uri": "mine/toy.csv"}, "region": {"startLine": 3}},
        "message": {"text": "a = 6.00 (toy/1 [adm | none; 20 steps] fid)"},
    }
    assert "relatedLocations" not in found["third"]


@pytest.mark.parametrize(
    ("folder", "address"),
    [
        ("", "claims.csv"),
        ("my papers/50%", "my%20papers/50%25/claims.csv"),
        ("ü", "%C3%BC/claims.csv"),
        ("\udcff", "%FF/claims.csv"),
    ],
)
def test_addresses_are_relative_and_encoded(record: dict[str, Any], folder: str, address: str) -> None:
    (place,) = results(record, folder)["tie"]["locations"]
    assert place["physicalLocation"]["artifactLocation"]["uri"] == address


def test_text_of_others_is_no_placeholder_and_no_link(record: dict[str, Any]) -> None:
    (finding,) = (finding for finding in record["findings"] if finding["id"] == "tie")
    hostile = finding | {"statement": "{0} of [this](https://example.org)"}
    text = results(record | {"findings": [hostile]})["tie"]["message"]["text"]
    assert text.startswith("6.00, claimed < 6.00: {{0}} of [this] (https://example.org)\n")


def test_a_fingerprint_outlives_a_move_of_the_claim(record: dict[str, Any], tmp_path: Path) -> None:
    again = made_up_audit(tmp_path)
    for finding in again["findings"]:
        finding["place"] = "claims.csv:99"
    assert results(again).keys() == results(record).keys()

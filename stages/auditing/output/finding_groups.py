"""Groups of findings: near-identical findings are described once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stages.auditing.output.recomputed import UNVERIFIABLE

# Follows "all 5 cases" in a headline.
SAYS = {
    "inconsistent": "do not fit",
    "wording": "say more than the numbers",
    "rounding": "need more digits than printed",
    "consistent": "fit",
    "unverifiable": UNVERIFIABLE,
    "fails": "do not hold",
    "undecided": "need more than is printed",
    "holds": "hold",
}


def finding_groups(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the findings of each verdict in groups: those with the same cause, and those that are near-identical.

    The cases of a claim are near-identical, and so are claims of one paper and basis with the same statement or check.
    A headline such as "2 of 5 cases" counts all findings of the group's claims. A statement whose middle differs
    between cases has an ellipsis there.
    """
    groups: list[list[Mapping[str, Any]]] = []
    known: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for record in records:
        keys = _likenesses(record)
        group = next((known[key] for key in keys if key in known), None)
        if group is None:
            group = []
            groups.append(group)
        group.append(record)
        known.update(dict.fromkeys(keys, group))
    return [_group(group, records) for group in groups]


def _likenesses(record: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return the keys of a finding; two findings with a common key are in one group."""
    if record["cause"]:
        return [(record["verdict"], "cause", record["cause"])]
    kind = record["verdict"], record["basis"], record["paper"]
    texts = {"claim": _stem(record), "statement": record["statement"], "check": record["check"]}
    return [(*kind, name, text) for name, text in texts.items() if text]


def _stem(record: Mapping[str, Any]) -> str:
    return record["id"].split(".")[0]


def _group(members: Sequence[Mapping[str, Any]], records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    statement, cases = _shared([member["statement"] for member in members])
    stems = {_stem(member) for member in members}
    total = sum(_stem(record) in stems for record in records)
    first = members[0]

    every = "both" if total == 2 else f"all {total}"
    count = every if len(members) == total else f"{len(members)} of {total}"
    headline = f"{count} cases {SAYS[first['verdict']]}"
    return {
        "verdict": first["verdict"],
        "basis": first["basis"],
        "cause": first["cause"],
        "statement": statement,
        "headline": headline if len(members) > 1 else first["headline"],
        "places": _places(members),
        "one_reason": len({(member["explanation"], *member["origin"]) for member in members}) == 1,
        "members": [
            {"id": member["id"], "case": ", ".join(filter(None, (case, member["case"])))}
            for member, case in zip(members, cases, strict=True)
        ],
    }


def _places(members: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    papers = dict.fromkeys(member["paper"] for member in members)
    return [
        {"paper": paper, "where": list(dict.fromkeys(m["where"] for m in members if m["paper"] == paper))}
        for paper in papers
    ]


def _shared(statements: Sequence[str]) -> tuple[str, list[str]]:
    """Return the common text of statements and what each has in place of its ellipsis; empty if they share little."""
    if len(set(statements)) == 1:
        return statements[0], [""] * len(statements)
    words = [statement.split() for statement in statements]
    shortest = min(map(len, words))
    head = next((i for i in range(shortest) if len({tuple(text[: i + 1]) for text in words}) > 1), shortest)
    rest = range(shortest - head)
    tail = next((i for i in rest if len({tuple(text[len(text) - i - 1 :]) for text in words}) > 1), shortest - head)
    if 2 * (head + tail) < shortest:
        return "", list(statements)
    ends = words[0][len(words[0]) - tail :]
    return " ".join([*words[0][:head], "…", *ends]), [" ".join(text[head : len(text) - tail]) for text in words]

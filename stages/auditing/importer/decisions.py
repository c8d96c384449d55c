"""What a person must decide: one line each, with its place, in the order of weight."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

# The graver first: what is missing, then what may be wrong, then what was guessed.
HEADINGS = {
    "unread": "Tables not read",
    "lost": "Numbers of the source that were not read",
    "metric": "Metrics and directions that are not known",
    "base": "Bases and operands that are guessed",
    "cell": "Cells that are no numbers",
    "beside": "Numbers that stand beside others",
    "label": "Labels and coordinates that are there twice",
    "claim": "Claims not proposed",
    "coordinate": "Coordinates that are guessed",
}


class Decision(NamedTuple):
    """One thing to decide; ``kind`` is a key of HEADINGS."""

    kind: str
    place: str
    text: str


def decisions_text(paper: str, decisions: Iterable[Decision]) -> str:
    """Return the file of what is to decide."""
    found = list(dict.fromkeys(decisions))
    lines = [
        f"# What a person must decide: {paper}",
        "",
        "Take a line out once it is settled; the audit does not read this file.",
    ]
    for kind, heading in HEADINGS.items():
        if mine := [decision for decision in found if decision.kind == kind]:
            lines += [
                "",
                f"## {heading} ({len(mine)})",
                "",
                *(f"- {d.place}: {' '.join(d.text.split())}" for d in mine),
            ]
    if not found:
        lines += ["", "Nothing."]
    return "\n".join(lines) + "\n"

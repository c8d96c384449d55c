"""What a person must decide after an import: one line each, with its place, the most important first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

# The most important first: what is missing, then what may be wrong, then what was guessed.
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
    """Return the text of the file that lists the decisions."""
    found = list(dict.fromkeys(decisions))
    lines = [f"# What a person must decide: {paper}", ""]
    lines.append("Delete a line once it is settled; the audit does not read this file.")
    for kind, heading in HEADINGS.items():
        matching = [decision for decision in found if decision.kind == kind]
        if matching:
            lines += ["", f"## {heading} ({len(matching)})", ""]
            lines += [f"- {decision.place}: {' '.join(decision.text.split())}" for decision in matching]
    if not found:
        lines += ["", "Nothing."]
    return "\n".join(lines) + "\n"

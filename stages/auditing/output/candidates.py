"""Candidates of the checks that need no claim, as records: what the page and the other outputs show of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stages.auditing.checks.screen import CHECKS
from stages.auditing.checks.table_cells import Candidate
from stages.auditing.tables.rows import Row

# Of each check; a table that repeats itself gives thousands.
MOST = 100
# Of one candidate; a whole table may be one.
MOST_ROWS = 6


def candidate_records(candidates: Sequence[Candidate]) -> list[dict[str, Any]]:
    """Return the checks that found something: what they rest on, what they found, and how many that is."""
    found = {name: [c for c in candidates if c.check == name] for name in CHECKS}
    return [
        {
            "check": name, "title": check.TITLE, "literature": check.LITERATURE, "limits": check.LIMITS,
            "count": len(found[name]),
            "found": [{"told": c.told, "rows": _labels(c.rows)} for c in found[name][:MOST]],
        }
        for name, check in CHECKS.items() if found[name]
    ]  # fmt: skip


def _labels(rows: Sequence[Row]) -> list[str]:
    more = [f"and {len(rows) - MOST_ROWS} more"] if len(rows) > MOST_ROWS else []
    return [row.label for row in rows[:MOST_ROWS]] + more

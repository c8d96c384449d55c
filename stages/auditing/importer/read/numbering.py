"""Names of tables: the number that the paper gives each, or else the next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import count

from stages.auditing.importer.propose.decisions import Decision
from stages.auditing.importer.read.grids import Table


def numbered(files: Sequence[Sequence[Table]]) -> tuple[list[Table], list[Decision]]:
    """Return the tables of all files, each with a name of its own.

    Parts under one caption are 3a and 3b. Where a file numbers none, its tables go on in their order; where it numbers
    some, the others are u1, u2.
    """
    found: list[Table] = []
    decisions = []
    taken: set[str] = set()
    for tables in files:
        parts = Counter(table.number for table in tables if table.number)
        seen: Counter[str] = Counter()
        for table in tables:
            name = table.number
            if parts[name] > 1:
                seen[name] += 1
                name += "abcdefghijklmnopqrstuvwxyz"[(seen[name] - 1) % 26]
            elif not name:
                name = next(n for n in (f"{'u' * bool(parts)}{i}" for i in count(1)) if n not in taken)
                told = f"the file numbers it not; it is called {name}" + (
                    f" ({table.caption[:50]})" if table.caption else ""
                )
                decisions.append(Decision("label", table.place, told))
            other = next(n for n in (name if i == 1 else f"{name}-{i}" for i in count(1)) if n not in taken)
            if other != name:
                decisions.append(
                    Decision("label", table.place, f"there is a Table {name} already; it is called {other}")
                )
            taken.add(other)
            found.append(table._replace(number=other))
    return found, decisions

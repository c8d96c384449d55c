"""Plan the study: which cells regenerate the published tables, and why some numbers get no cell."""

from __future__ import annotations

from collections import Counter

from stages.config.params import read_params
from stages.plan.plan_file import CELLS, read_plan, write_cells
from stages.plan.planning import Plan, cell_evaluations, table_id


def run() -> None:
    """Write the plan and print which published numbers get a cell and why others get none."""
    plan = read_plan()
    write_cells(plan)
    print("\n".join(summary_lines(plan, sum(cell_evaluations(plan, read_params()).values()))))


def summary_lines(plan: Plan, evaluations: int) -> list[str]:
    """Return the plan for a terminal: totals, then each table with the reasons for its numbers that get no cell."""
    measured = sum(row.status == "measured" for row in plan.rows)
    lines = [
        f"{CELLS}: {len(plan.stages.sample)} cells of {len(plan.stages.train)} models, "
        f"{evaluations:,} image-evaluations",
        f"{measured} of {len(plan.rows)} published numbers get a cell",
    ]
    tables: dict[str, Counter[str]] = {}
    for planned in plan.rows:
        count = tables.setdefault(table_id(planned.row), Counter())
        word = {"measured": "get a cell", "setting": "are settings, shown beside those of this study"}.get(
            planned.status, planned.reason
        )
        count[word] += 1
    for table, count in tables.items():
        lines += ["", f"{table}:"] + [f"  {number:4} {word}" for word, number in count.items()]
    return lines

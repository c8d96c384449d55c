"""Check params.yaml and the plan, whose names DVC uses in paths."""

from __future__ import annotations

from stages.config.params import PARAMS
from stages.plan.plan_file import CELLS, read_cells, read_plan


def run() -> None:
    """Print that params.yaml and cells.json are valid; an error is reported in one line."""
    read_plan()
    planned = read_cells()
    print(f"{PARAMS} and {CELLS} are sound: {len(planned.train)} models, {len(planned.sample)} cells")

"""Check params.yaml and the plan, before DVC makes paths of the names in them."""

from __future__ import annotations

from stages.pipeline.cells import CELLS, read_cells, read_plan
from stages.pipeline.params import PARAMS


def run() -> None:
    """Print that params.yaml and cells.yaml are sound; what is not is refused in one line."""
    read_plan()
    planned = read_cells()
    print(f"{PARAMS} and {CELLS} are sound: {len(planned.models)} models, {len(planned.cells)} cells")

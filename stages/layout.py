"""Where the files between stages lie, and the cells of the grid."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import NamedTuple

from stages.params import Grid

DATA = Path("data")
REPORTS = Path("reports")
FEATURE_NETWORK = DATA / "extractor" / "network.safetensors"
REFERENCE = DATA / "reference" / "reference.npz"
AUDIT = REPORTS / "audit.json"


def dataset_path(dataset: str) -> Path:
    """Return the path of a prepared data set; its record is the json beside it."""
    return DATA / "datasets" / f"{dataset}.npz"


def model_path(model: str) -> Path:
    """Return the path of a trained model; its training record is the json beside it."""
    return DATA / "models" / f"{model}.safetensors"


class Cell(NamedTuple):
    """One cell of the grid. Its key names its files; it is derived, never parsed."""

    model: str
    sampler: str
    fix: str
    steps: int

    @property
    def key(self) -> str:
        return "-".join(map(str, self))

    @property
    def samples(self) -> Path:
        """Path of the images; the record and the preview are the json and png beside it."""
        return DATA / "samples" / f"{self.key}.npz"

    @property
    def scores(self) -> Path:
        return DATA / "scores" / f"{self.key}.json"


def cells(grid: Grid) -> list[Cell]:
    """Return all cells of a grid, in the grid's own order."""
    return [Cell(*values) for values in product(grid.models, grid.samplers, grid.fixes, grid.steps)]

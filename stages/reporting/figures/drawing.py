"""What a drawing of a paper's figure consists of, and what it is made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from markupsafe import Markup

from stages.auditing.tables.rows import Papers
from stages.config.entries import Cell, Searched
from stages.config.params import Params
from stages.plan.cell import condition_of
from stages.plan.result_files import Times
from stages.reporting.figures.chart import Kind, Line
from stages.reporting.page.mosaics import row_uri

COLUMNS = 10


class Picture(NamedTuple):
    """A row of images: its caption, and the data URI of the picture."""

    caption: str
    uri: str


class Drawing(NamedTuple):
    """The panels and rows of images of a figure, how to read them, and what they show of this study's networks.

    ``files`` are the tables under reports/ that have the numbers, ``cells`` those whose images are among the pictures.
    """

    reading: str
    finding: str
    panels: Sequence[Markup] = ()
    pictures: Sequence[Picture] = ()
    files: Sequence[str] = ()
    cells: Sequence[str] = ()

    @property
    def columns(self) -> int:
        """How many panels stand in a row where there is room."""
        return {1: 1, 2: 2, 4: 2}.get(len(self.panels), 3)


@dataclass(frozen=True)
class Points:
    """A curve: places, values, and half the widths of their 95 % intervals where all have one."""

    at: np.ndarray
    values: np.ndarray
    margins: np.ndarray | None

    def __len__(self) -> int:
        return len(self.at)

    def line(self, name: str, kind: Kind = "measured") -> Line:
        """Return the curve as a line of a chart."""
        return Line(name, self.at, self.values, self.margins, kind)

    def only(self, kept: np.ndarray | slice) -> Points:
        """Return some of the points."""
        return Points(self.at[kept], self.values[kept], None if self.margins is None else self.margins[kept])


@dataclass(frozen=True)
class Material:
    """All that figures are drawn from.

    ``diagnosis``, ``iterations`` and ``scores`` are the tables of reports/tables; ``preview`` returns the first images
    of a cell, ``states`` the images of a diagnosed model by name.
    """

    params: Params
    cells: Mapping[str, Cell]
    papers: Papers
    dataset: str
    diagnosis: pd.DataFrame
    iterations: pd.DataFrame
    scores: pd.DataFrame
    searched: Mapping[str, Searched]
    times: Times
    preview: Callable[[str], np.ndarray]
    states: Callable[[str], Mapping[str, np.ndarray]]

    @property
    def step_counts(self) -> list[int]:
        """The steps of the chains of the diagnosis, those with all measures first."""
        return self.params.diagnose.steps

    def models(self, coordinate: str, condition: str | None = None) -> list[str]:
        """Return the models that were diagnosed, of one published name and of one condition."""
        return [
            name
            for name in self.diagnosis["model"].unique()
            if self.params.models[name].coordinate() == coordinate and condition_of(self.params, name) == condition
        ]

    def curve(self, model: str, measure: str, sampler: str = "", fix: str = "none", steps: int | None = None) -> Points:
        """Return one curve of the diagnosis by rising place, that of the main chains unless ``steps`` says otherwise.

        There are no points where there is no such curve.
        """
        table = self.diagnosis
        chosen = (
            (table["model"] == model)
            & (table["measure"] == measure)
            & (table["sampler"] == sampler)
            & (table["fix"] == fix)
            & (table["steps"] == (steps or self.step_counts[0]))
        )
        at, values, margins = table.loc[chosen, ["at", "value", "margin"]].sort_values("at").to_numpy(float).T
        return Points(at, values, None if np.isnan(margins).any() else margins)

    def measures(self, model: str, prefix: str) -> list[str]:
        """Return the measures of a model whose names begin like this, in the order of the table."""
        of_model = self.diagnosis.loc[self.diagnosis["model"] == model, "measure"]
        return [measure for measure in of_model.unique() if measure.startswith(prefix)]

    def cells_of(
        self, model: str, sampler: str, fix: str, condition: str | None = None, need: str | None = None
    ) -> dict[str, Cell]:
        """Return the cells of these published coordinates and of this need of the sampler, by key."""
        found = {}
        for key, cell in self.cells.items():
            section = self.params.samplers[cell.sampler]
            if (
                self.params.models[cell.model].coordinate() == model
                and condition_of(self.params, cell.model) == condition
                and section.coordinates()["sampler"] == sampler
                and section.need == need
                and self.params.fixes[cell.fix].coordinate() == fix
            ):
                found[key] = cell
        return found

    def fid(self, cell: Cell) -> float:
        """Return the FID of a cell."""
        table = self.scores
        chosen = (table[list(cell.axes)] == pd.Series(cell.axes)).all(axis=1)
        return float(table.loc[chosen, "fid"].iloc[0])


def same_noise(first: Mapping[str, Cell], second: Mapping[str, Cell]) -> list[tuple[str, str]]:
    """Return the pairs of cells that have a sampler and a number of steps in common, the first of each such cells."""
    places: dict[tuple[str, int], str] = {}
    for key, cell in second.items():
        places.setdefault((cell.sampler, cell.steps), key)
    pairs = {}
    for key, cell in first.items():
        place = (cell.sampler, cell.steps)
        if place in places:
            pairs.setdefault(place, (key, places[place]))
    return list(pairs.values())


def signed(value: float, digits: int = 0) -> str:
    """Return a number with its sign, a true minus."""
    return f"{value:+.{digits}f}".replace("-", "−")


def sheet(material: Material, key: str, caption: str, rows: int = 2) -> Picture:
    """Return the first images of a cell, in rows of ten."""
    return Picture(caption, row_uri(material.preview(key)[: rows * COLUMNS], COLUMNS))

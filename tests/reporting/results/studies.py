"""The committed study and variations of it, planned without a file being written."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from typing import Any

import numpy as np
import yaml

from stages.auditing.tables.rows import Row
from stages.config.entries import Cell
from stages.config.params import Params, parse_params
from stages.plan.cell import Known
from stages.plan.planning import Plan, PlannedRow, make_plan, table_id
from stages.plan.published_tables import Published, read_published
from stages.store.records import DiagnosisRecord, ScoreRecord
from tests.toy import ROOT, untuned

Edit = Callable[[dict[str, Any]], object]


@cache
def published() -> Published:
    return read_published()


@cache
def _content() -> dict[str, Any]:
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["trajectory"] |= {"models": []}
    params["sample"] |= {"n": 1000}
    return untuned(params | {"grid": None})


def content() -> dict[str, Any]:
    """A copy of the committed params.yaml, 1,000 images a cell, without free cells and trajectories, to be changed."""
    return deepcopy(_content())


def edited(*edits: Edit) -> Params:
    changed = content()
    for edit in edits:
        edit(changed)
    return parse_params(changed)


def put(path: str, value: Any) -> Edit:
    """An edit of the value at a place such as ``es/b``."""

    def edit(params: dict[str, Any]) -> None:
        *parents, last = path.split("/")
        place = params
        for parent in parents:
            place = place[parent]
        place[last] = value

    return edit


def planned(*edits: Edit) -> Plan:
    """The plan of the committed params, edited, for the committed tables."""
    return make_plan(edited(*edits), Known(published().papers, {}), published().readings)


@cache
def committed() -> Plan:
    return planned()


def rows_of(plan: Plan, table: str, **wanted: str) -> list[PlannedRow]:
    """The planned rows of a table such as ip-3 whose columns have the wanted values."""
    found = [row for row in plan.rows if table_id(row.row) == table]
    return [row for row in found if all(getattr(row.row, name) == value for name, value in wanted.items())]


def cells_of(plan: Plan, table: str, **wanted: str) -> list[Cell]:
    """The cells that rows of a table get, each once."""
    return [plan.stages.sample[key] for key in dict.fromkeys(row.cell for row in rows_of(plan, table, **wanted)) if key]


def axes(cell: Cell) -> tuple[str, ...]:
    return cell.model, cell.sampler, cell.fix


def made_up(**values: str) -> Row:
    """A published row with these columns; all others are empty or of no weight."""
    named = {"paper": "ip", "table": "1", "row": "ours", "column": "5 steps", "where": "Table 1", "source": "paper"}
    return Row(**{name: values.get(name, named.get(name, "")) for name in Row._fields})


def made_up_score(cell: Cell, value: float, spread: float = 0.05, groups: int = 15, **fields: Any) -> ScoreRecord:
    """A score record of a cell, made up: replicates share most of their noise, as paired ones do."""
    common = np.random.RandomState(cell.steps).standard_normal(groups)
    own = np.random.RandomState(zlib.crc32(cell.key.encode())).standard_normal(groups)
    replicates = value + 0.02 * common + spread / (groups - 1) * own
    frechet = {"value": value, "margin": 0.4, "replicates": replicates.tolist()}
    content = {
        **cell.axes,
        "n_fake": 1500,
        "n_real": 1797,
        "reference": "digits",
        "feature_network": "classifier",
        "evaluate": {"neighborhood": 3, "jackknife_groups": groups},
        "samples_sha256": "1" * 64,
        "reference_sha256": "0" * 64,
        "fid": frechet,
        "sfid": frechet,
        "precision": {"value": 0.5, "margin": 0.02},
        "recall": {"value": 0.6, "margin": 0.03},
    }
    return ScoreRecord.model_validate(content | fields)


def made_up_diagnosis() -> DiagnosisRecord:
    """The diagnosis of a model, made up: three curves, the reverse error of one chain, and ES's formulas."""
    return DiagnosisRecord.model_validate(
        {
            "model": "adm",
            "diagnose": edited().diagnose,
            "seed": 0,
            "precision": "fp32",
            "scalings": {},
            "guided": None,
            "model_sha256": "0" * 64,
            "guide_sha256": "0" * 64,
            "dataset_sha256": "0" * 64,
            "images_sha256": "0" * 64,
            "formulas_at": 473,
            "reverse": [{"steps": 100, "value": 0.05, "margin": 0.001, "n": 500}],
            "formulas": {
                "training_mean": {"value": -0.001, "margin": 0.002, "formula": 0},
                "training_variance": {"value": 0.5, "margin": 0.01, "formula": 0.5},
                "sampling_mean": {"value": 0.004, "margin": 0.002, "formula": 0},
                "sampling_variance": {"value": 0.625, "margin": 0.01, "formula": 0.51},
            },
            "curves": [
                {
                    "measure": "delta",
                    "sampler": "ddim",
                    "steps": 20,
                    "fix": "none",
                    "at": [0, 50],
                    "values": [0.5, 0.25],
                    "margins": [0.02, 0.01],
                },
                {
                    "measure": "nearest",
                    "sampler": "ddim",
                    "steps": 20,
                    "fix": "none",
                    "at": [0],
                    "values": [-3],
                    "margins": None,
                },
            ],
        }
    )

"""cells.yaml, the plan that DVC runs: written by the plan, refused where it is stale or was edited."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pydantic import ValidationError

from stages.papers.tables import COORDINATES
from stages.pipeline.errors import InputError
from stages.pipeline.files import write_bytes
from stages.pipeline.params import PARAMS, read_params, read_yaml
from stages.pipeline.published import read_published
from stages.pipeline.times import TIMES, write_times
from stages.pipeline.tuned import TUNED, read_tuned, write_tuned
from stages.sections.cells import Cell, PlannedModel
from stages.sections.study import Params
from stages.sections.times import Times
from stages.study.cell import Known
from stages.study.plan import Plan, make_plan
from stages.study.repeats import with_repeats

CELLS = Path("cells.yaml")
AGAIN = "run python -m stages plan"
# What dvc.yaml loops over: models to train, to diagnose, to estimate moments of, to train a guide for, to follow over
# their training; and cells.
BODY = ("models", "autoencoders", "diagnosed", "estimated", "guided", "followed", "cells")
HEADER = "# Written by python -m stages plan from params.yaml and data/published; do not edit.\n"


class Planned(NamedTuple):
    """What cells.yaml holds."""

    models: dict[str, PlannedModel]
    autoencoders: list[str]
    diagnosed: list[str]
    estimated: list[str]
    guided: list[str]
    cells: dict[str, Cell]
    followed: dict[str, Cell]


def read_plan(tuned: Mapping[str, Mapping[str, int | float]] | None = None) -> Plan:
    """Return the plan that params.yaml and the published tables ask for now.

    ``tuned`` stands in for what tuned.yaml holds.

    Raises:
        InputError: the params ask for something that cannot be planned.
    """
    params, published = read_params(), read_published()
    if tuned is None:
        tuned = {key: entry.values for key, entry in read_tuned().items()}
    try:
        known = Known(published.papers, tuned)
        return with_repeats(make_plan(params, known, published.readings), params, known)
    except ValueError as error:
        raise InputError(f"{PARAMS}: {error}") from None


def write_cells(plan: Plan) -> None:
    """Write cells.yaml, and tuned.yaml and times.yaml, empty, where there are none: DVC wants them to be there."""
    if not TUNED.exists():
        write_tuned({})
    if not TIMES.exists():
        write_times(Times(environment={}, cells={}))
    body = {
        "models": {name: model.model_dump() for name, model in plan.models.items()},
        "autoencoders": {name: each.model_dump() for name, each in plan.autoencoders.items()},
        "diagnosed": {name: plan.models[name].model_dump() for name in plan.diagnosed},
        "estimated": {name: plan.models[name].model_dump() for name in plan.moments},
        "guided": {name: plan.models[name].model_dump() for name in plan.guided},
        "followed": {name: cell.model_dump() for name, cell in plan.followed.items()},
        "cells": {key: cell.model_dump() for key, cell in plan.cells.items()},
    }
    content = {"planned": {"inputs": _inputs(read_params()), "body": _digest(body)}} | body
    write_bytes(CELLS, (HEADER + yaml.safe_dump(content, sort_keys=False)).encode())


def read_cells() -> Planned:
    """Return models and cells of cells.yaml.

    Raises:
        InputError: the file is missing, was edited, or is not the plan of these params and published tables.
    """
    if not CELLS.is_file():
        raise InputError(f"{CELLS}: not found; {AGAIN}")
    damaged = InputError(f"{CELLS}: edited or damaged; {AGAIN}")
    try:
        content = read_yaml(CELLS)
        body, planned = {key: content.get(key) for key in BODY}, content.get("planned")
        # YAML holds what JSON cannot, such as a date or a list within itself, which the plan never writes.
        digest = _digest(body)
    except (InputError, TypeError, ValueError):
        raise damaged from None
    if not isinstance(planned, dict) or planned.get("body") != digest:
        raise damaged
    params, stale = read_params(), InputError(f"{CELLS}: stale, made for other params or published tables; {AGAIN}")
    if planned.get("inputs") != _inputs(params):
        raise stale
    try:
        found = _planned(content)
    except (ValidationError, AttributeError, KeyError, TypeError):
        raise damaged from None
    fixes = {name: {*fix.looked_up(), *fix.tuned()} for name, fix in params.fixes.items()}
    if any(fixes[cell.fix].difference(cell.values) for cell in (*found.cells.values(), *found.followed.values())):
        raise stale
    return found


def _planned(content: Mapping[str, Any]) -> Planned:
    return Planned(
        {name: PlannedModel.model_validate(model) for name, model in content["models"].items()},
        list(content["autoencoders"]), list(content["diagnosed"]), list(content["estimated"]), list(content["guided"]),
        {key: Cell.model_validate(cell) for key, cell in content["cells"].items()},
        {name: Cell.model_validate(cell) for name, cell in content["followed"].items()},
    )  # fmt: skip


def planned_cell(key: str) -> Cell:
    """Return one cell of the plan."""
    cells = read_cells().cells
    if key not in cells:
        raise InputError(f"{CELLS}: has no cell {key!r}; see python -m stages plan for the cells there are")
    return cells[key]


def planned_model(name: str) -> PlannedModel:
    """Return one model of the plan."""
    models = read_cells().models
    if name not in models:
        raise InputError(f"{CELLS}: has no model {name!r}; allowed are {', '.join(models)}")
    return models[name]


def planned_trajectory(model: str) -> Cell:
    """Return how a model of the plan is sampled along its training."""
    followed = read_cells().followed
    if model not in followed:
        raise InputError(f"{CELLS}: {model!r} is not followed in its training; add it to trajectory.models and {AGAIN}")
    return followed[model]


def _inputs(params: Params) -> str:
    """Return a digest of what decides which cells there are and which modules they need.

    The values of a section are none of it, so that an experiment on one needs no new plan: with ddim.eta = 1 the cells
    of ddim run anew, and the tables say that nothing has eta = 0 now.
    """
    published = read_published()
    named = {**params.samplers, **params.fixes, **params.models, **params.autoencoders}
    settings = {name for fix in params.fixes.values() for name in fix.settings()}
    seeds = {name: model.seed for name, model in params.models.items() if model.seed is not None}
    return _digest({
        "tables": params.tables, "max_steps": params.max_steps, "dataset": params.prepare.dataset,
        "grid": [grid.model_dump() for grid in params.grid], "trajectory": params.trajectory.model_dump(),
        "methods": [[name, section.method] for name, section in named.items()],
        "recipes": {name: model.recipe for name, model in params.models.items()},
        "autoencoders": {name: model.encoded_by for name, model in params.models.items() if model.encoded_by},
        "networks": {name: recipe.network.method for name, recipe in params.recipes.items()},
        "told": {name: recipe.network.told for name, recipe in params.recipes.items() if recipe.network.told},
        "tuned": {key: entry.values for key, entry in read_tuned().items()},
        "published": [
            [
                row.paper, row.table, *(getattr(row, coordinate) for coordinate in COORDINATES),
                # Of the numbers only those that the cells may hold.
                row.value if row.metric in settings else bool(row.value),
            ]
            for rows in published.papers.values() for row in rows
        ],
        "readings": [[reading.query, reading.setting, reading.value] for reading in published.readings],
        # Which models repeat one another.
        **({"seeds": seeds} if seeds else {}),
    })  # fmt: skip


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

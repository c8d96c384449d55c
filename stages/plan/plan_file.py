"""cells.json and values.json, the plan that DVC runs; a stale or edited plan is refused.

cells.json holds the entries that dvc.yaml iterates over; values.json holds their values that stages depend on. They are
two files because DVC goes through a whole file for each entry that a stage depends on.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from stages.auditing.tables.rows import COORDINATES
from stages.config.entries import Cell, Planned, PlannedDiagnosis, PlannedModel
from stages.config.errors import InputError
from stages.config.params import PARAMS, Params, read_params
from stages.plan.cell import Known
from stages.plan.planning import Plan, make_plan
from stages.plan.published_tables import read_published
from stages.plan.repeats import with_repeats
from stages.plan.result_files import TIMES, TUNED, Times, read_tuned, write_times, write_tuned
from stages.store.files import write_bytes
from stages.store.paths import CODE, PUBLISHED, published_folder

CELLS = Path("cells.json")
VALUES = Path("values.json")
# The fields of an entry that values.json holds.
VALUE_FIELDS = ("values", "keep", "reverse_steps", "pair_steps", "scalings")
AGAIN = "run python -m stages plan"
PIPELINE = Path("dvc.yaml")
# The files of packages that a study depends on.
SOURCES = (".py", ".j2", ".js", ".css")
# Where DVC looks for them.
PLOT_TEMPLATES = Path(".dvc/plots")
PIPELINE_HEADER = "# Written by python -m stages plan from the dvc.yaml of the project; do not edit."


def read_plan(tuned: Mapping[str, Mapping[str, int | float]] | None = None) -> Plan:
    """Return the plan of the current params.yaml and published tables.

    ``tuned`` replaces the content of tuned.yaml.

    Raises:
        InputError: something in params.yaml cannot be planned.
    """
    params = read_params()
    published = read_published()
    if tuned is None:
        tuned = {key: entry.values for key, entry in read_tuned().items()}
    try:
        known = Known(published.papers, tuned)
        return with_repeats(make_plan(params, known, published.readings), params, known, published.methods)
    except ValueError as error:
        raise InputError(f"{PARAMS}: {error}") from None


def write_cells(plan: Plan) -> None:
    """Write cells.json and values.json, and what else DVC wants to be there.

    That is an empty tuned.yaml and times.yaml, and in a study its dvc.yaml and the templates of its plots.
    """
    pipeline = study_pipeline()
    if pipeline is not None:
        write_bytes(PIPELINE, pipeline.encode())
        for template in (CODE.parent / PLOT_TEMPLATES).glob("*.json"):
            write_bytes(PLOT_TEMPLATES / template.name, template.read_bytes())
    if not TUNED.exists():
        write_tuned({})
    if not TIMES.exists():
        write_times(Times(environment={}, cells={}))
    body = plan.stages.model_dump()
    planned = {"inputs": _inputs(read_params()), "body": _digest(body)}
    values: dict[str, dict[str, Any]] = {}
    for stage, entries in body.items():
        for name, entry in entries.items() if isinstance(entries, dict) else ():
            apart = {field: entry.pop(field) for field in VALUE_FIELDS if field in entry}
            if apart:
                values.setdefault(stage, {})[name] = apart
    for path, content in ((CELLS, {"planned": planned, "plan": body}), (VALUES, values)):
        write_bytes(path, (json.dumps(content, indent=1) + "\n").encode())


def study_pipeline() -> str | None:
    """Return the dvc.yaml of a study: that of the project, with the paths of its code and of the published tables.

    Packages are listed file by file: DVC ignores what Python caches in them within its own folder alone. None in the
    folder of the project itself.
    """
    project = CODE.parent
    if Path().resolve() == project.resolve():
        return None
    code = Path(os.path.relpath(CODE)).as_posix()
    lines = [PIPELINE_HEADER]
    for line in (project / PIPELINE).read_text(encoding="utf-8").splitlines():
        package = re.fullmatch(r"( +- )stages/([\w/]+)", line)
        if package:
            start, name = package.groups()
            files = sorted(path for path in (CODE / name).rglob("*") if path.suffix in SOURCES)
            lines += [f"{start}{code}/{path.relative_to(CODE).as_posix()}" for path in files]
        else:
            line = re.sub(r"\bstages(?=/| )(?!:)", code, line) if not line.startswith("#") else line
            lines.append(line.replace(PUBLISHED.as_posix(), published_folder().as_posix()))
    return "\n".join([*lines, ""])


def read_cells() -> Planned:
    """Return the entries of cells.json, with their values of values.json.

    Raises:
        InputError: a file is missing, was edited, or is not the plan of the current params and published tables.
    """
    for path in (CELLS, VALUES):
        if not path.is_file():
            raise InputError(f"{path}: not found; {AGAIN}")
    damaged = InputError(f"{CELLS}: edited or damaged; {AGAIN}")
    try:
        content = json.loads(CELLS.read_text(encoding="utf-8"))
        body = content["plan"]
        planned = content["planned"]
        for stage, entries in json.loads(VALUES.read_text(encoding="utf-8")).items():
            for name, values in entries.items():
                body[stage][name] |= values
        if planned["body"] != _digest(body):
            raise damaged
        inputs = planned["inputs"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise damaged from None
    params = read_params()
    stale = InputError(f"{CELLS}: stale, made for other params or published tables; {AGAIN}")
    if inputs != _inputs(params):
        raise stale
    pipeline = study_pipeline()
    if pipeline is not None and PIPELINE.exists() and PIPELINE.read_text(encoding="utf-8") != pipeline:
        raise InputError(f"{PIPELINE}: not that of the project's code; {AGAIN}")
    try:
        found = Planned.model_validate(body)
    except ValidationError:
        raise damaged from None
    fixes = {name: {*fix.looked_up(), *fix.tuned()} for name, fix in params.fixes.items()}
    cells = (*found.sample.values(), *found.trajectory.values())
    if any(fixes[cell.fix].difference(cell.values) for cell in cells):
        raise stale
    return found


def planned_cell(key: str) -> Cell:
    """Return one cell of the plan."""
    cells = read_cells().sample
    if key not in cells:
        raise InputError(f"{CELLS}: has no cell {key!r}; see python -m stages plan for the cells there are")
    return cells[key]


def planned_model(name: str) -> PlannedModel:
    """Return one model of the plan."""
    models = read_cells().train
    if name not in models:
        raise InputError(f"{CELLS}: has no model {name!r}; allowed are {', '.join(models)}")
    return models[name]


def planned_diagnosis(model: str) -> PlannedDiagnosis:
    """Return how a model of the plan is diagnosed."""
    diagnoses = read_cells().diagnose
    if model not in diagnoses:
        raise InputError(f"{CELLS}: {model!r} is not diagnosed; allowed are {', '.join(diagnoses)}")
    return diagnoses[model]


def planned_trajectory(model: str) -> Cell:
    """Return how the EMA snapshots of a model of the plan are sampled."""
    trajectories = read_cells().trajectory
    if model not in trajectories:
        raise InputError(
            f"{CELLS}: {model!r} is not sampled along its training; add it to trajectory.models and {AGAIN}"
        )
    return trajectories[model]


def _inputs(params: Params) -> str:
    """Return a digest of all inputs that decide which cells are planned and which modules they need.

    Values of sections are left out, so that an experiment on one needs no new plan: with ddim.eta = 1 the cells of ddim
    run again, and the tables say that no cell has eta = 0.
    """
    published = read_published()
    named = {**params.samplers, **params.fixes, **params.models, **params.autoencoders}
    settings = {name for fix in params.fixes.values() for name in fix.settings()}
    seeds = {name: model.seed for name, model in params.models.items() if model.seed is not None}
    content: dict[str, Any] = {
        "tables": params.tables,
        "max_steps": params.max_steps,
        "dataset": [params.prepare.dataset, params.prepare.input],
        "feature_network": params.extractor.network,
        "beside": [entry.model_dump() for entry in params.beside],
        "grid": [grid.model_dump() for grid in params.grid],
        "trajectory": params.trajectory.model_dump(),
        "methods": [[name, section.method, *getattr(section, "published", ())] for name, section in named.items()],
        "recipes": {name: model.recipe for name, model in params.models.items()},
        "autoencoders": {name: model.encoded_by for name, model in params.models.items() if model.encoded_by},
        "networks": {name: recipe.network.method for name, recipe in params.recipes.items()},
        "conditions": {
            name: recipe.network.conditioned_on
            for name, recipe in params.recipes.items()
            if recipe.network.conditioned_on
        },
        "tuned": {key: entry.values for key, entry in read_tuned().items()},
        "published": [
            [
                row.paper,
                row.table,
                *(getattr(row, coordinate) for coordinate in COORDINATES),
                # Only the numbers that cells may look up.
                row.value if row.metric in settings else bool(row.value),
            ]
            for rows in published.papers.values()
            for row in rows
        ],
        "readings": [[reading.query, reading.setting, reading.value, reading.use] for reading in published.readings],
        # Which models are compared, and which are repeats on other seeds.
        "compared": [[method.axis, method.name, method.bases] for method in published.methods],
        "seeds": seeds,
    }
    return _digest(content)


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

"""The plan: the cells that a study needs to regenerate published tables, and the reasons for numbers without one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import product
from pathlib import PurePath
from typing import Literal, NamedTuple

from stages.auditing.tables.numbers import parse_number
from stages.auditing.tables.rows import SOURCES, Row
from stages.config.entries import Cell, Planned, PlannedAutoencoder, PlannedModel
from stages.config.method_settings import CLASSIFIER_FREE, FROM_IMAGES, GUIDED
from stages.config.networks import Condition
from stages.config.params import FIXES, MODELS, SAMPLERS, Params
from stages.config.registry import method_names, module_name
from stages.plan.cell import (
    DATA_SET,
    Known,
    autoencoder_file,
    autoencoder_module,
    cell_cost,
    check_diagnosis,
    condition_of,
    input_file,
    make_cell,
)
from stages.plan.published_tables import NEEDS, Reading, read_row
from stages.store.paths import registry_path

DIAGNOSED = "delta_bar"
MEASURED = (*map(module_name, method_names("metrics")), "time_ms")
# Needs of published numbers that a conditional model meets.
CLASS = "a class-conditional model"
TEXT = "a text-conditional model"
CONDITIONAL: dict[str, Condition] = {CLASS: "class", TEXT: "text"}
# Needs of published numbers, beyond their coordinates, that sections of params.yaml can meet.
NEEDED = {FROM_IMAGES, *CONDITIONAL, GUIDED, CLASSIFIER_FREE}
Status = Literal["measured", "setting", "absent"]


class Absent(Exception):
    """The reason why a published number gets no cell, for the reader."""


class PlannedRow(NamedTuple):
    """A published number in the plan.

    Attributes:
        row: the number, with its coordinates as the readings give them.
        status: ``measured``; ``setting``, for which the page shows the study's own value; or ``absent``.
        cell: key of the cell that measures it.
        reason: why it is absent.
        readings: the readings that apply to it.
        evaluations: cost of an absent number, where the cost is the reason.
        model: the model whose diagnosis measures it, in place of a cell.
    """

    row: Row
    status: Status
    cell: str | None
    reason: str
    readings: tuple[Reading, ...]
    evaluations: int = 0
    model: str | None = None


class Plan(NamedTuple):
    """The entries of all stages, and every published number with its place in the plan."""

    stages: Planned
    rows: list[PlannedRow]


def make_plan(params: Params, known: Known, readings: Sequence[Reading]) -> Plan:
    """Return the plan of a study.

    Raises:
        ValueError: a table asked for does not exist, the free grid or the trajectory holds a cell that cannot be,
            models cannot be diagnosed along chains of diagnose.steps, ``sample.labels`` are no classes of a model or
            are of no cell, or nothing is planned.
    """
    published = [row for paper, rows in known.papers.items() if paper != SOURCES for row in rows]
    tables = dict.fromkeys(table_id(row) for row in published)
    unknown = [] if params.tables == "all" else [name for name in params.tables if name not in tables]
    if unknown:
        raise ValueError(f"tables: {unknown[0]!r} is no published table; allowed are all, or of {', '.join(tables)}")
    # Cells of the free grid come first: a row that one of them measures is measured however many steps it has.
    cells: dict[str, Cell] = {}
    for cell in _free_cells(params, known):
        add_cell(cells, cell)
    rows = [_planned(row, params, known, readings, cells) for row in published]
    if not cells:
        raise ValueError("tables, max_steps and grid leave no cell to measure")
    trajectory = {name: _trajectory_cell(params, known, name) for name in params.trajectory.models}
    _check_labels(params, [*cells.values(), *trajectory.values()])
    models = {cell.model for cell in (*cells.values(), *trajectory.values())} | {row.model for row in rows if row.model}
    reverse = sorted({int(row.row.steps) for row in rows if row.model})
    planned = {name: _model(params, name, reverse) for name in params.models if name in models}
    stages = planned_stages(params, planned, cells, trajectory)
    for name in stages.diagnose:
        check_diagnosis(params, name)
    return Plan(stages, rows)


def planned_stages(
    params: Params, models: Mapping[str, PlannedModel], cells: Mapping[str, Cell], trajectory: Mapping[str, Cell]
) -> Planned:
    """Return the entries of every stage, as models, cells and trajectories ask for them."""
    inputs = {cell.input for cell in cells.values()}
    latent = [model for model in models.values() if model.input != DATA_SET]
    return Planned(
        dataset=params.prepare.module,
        images=params.prepare.input or registry_path().as_posix(),
        feature_network=module_name(params.extractor.network),
        autoencoder={PurePath(model.input).stem: PlannedAutoencoder(autoencoder=model.autoencoder) for model in latent},
        train=dict(models),
        moments={name: model for name, model in models.items() if input_file("moments", name) in inputs},
        diagnose={
            name: model
            for name, model in models.items()
            if model.input == DATA_SET and condition_of(params, name) is None
        },
        guide={name: model for name, model in models.items() if input_file("guide", name) in inputs},
        sample=dict(cells),
        trajectory=dict(trajectory),
    )


def table_id(row: Row) -> str:
    """Return the name of a number's table, such as ip-3."""
    return f"{row.paper}-{row.table}"


def _planned(row: Row, params: Params, known: Known, readings: Sequence[Reading], cells: dict[str, Cell]) -> PlannedRow:
    read, concerned = read_row(row, readings)
    try:
        if row.metric == DIAGNOSED:
            return _diagnosed(read, concerned, params)
        if row.metric not in MEASURED:
            _check_asked_for(row, params)
            if row.metric == "steps" and parse_number(row.value).value > params.max_steps:
                raise Absent(f"{row.value} steps: beyond max_steps ({params.max_steps})")
            return PlannedRow(read, "setting", None, "", tuple(concerned))
        cell, evaluations = _cell_of(read, concerned, params, known)
    except Absent as absent:
        return PlannedRow(read, "absent", None, str(absent), tuple(concerned))
    if row.steps and int(row.steps) > params.max_steps and cell.key not in cells:
        reason = f"{row.steps} steps: beyond max_steps ({params.max_steps}), {evaluations:,} image-evaluations"
        return PlannedRow(read, "absent", None, reason, tuple(concerned), evaluations)
    add_cell(cells, cell)
    return PlannedRow(read, "measured", cell.key, "", tuple(concerned))


def _diagnosed(row: Row, concerned: Sequence[Reading], params: Params) -> PlannedRow:
    """Return the planned row of a number that the diagnosis of its model measures."""
    _check_asked_for(row, params)
    model = _named(row.model, "model", {n: s.coordinate() for n, s in params.models.items()}, _known(MODELS))
    steps = int(row.steps)
    if steps > params.recipes[params.models[model].recipe].timesteps:
        raise Absent(f"{steps} steps: more than {model} was trained with")
    if steps > params.max_steps:
        evaluations = steps * params.diagnose.images
        reason = f"{steps} steps: beyond max_steps ({params.max_steps}), {evaluations:,} image-evaluations"
        return PlannedRow(row, "absent", None, reason, tuple(concerned), evaluations)
    return PlannedRow(row, "measured", None, "", tuple(concerned), model=model)


def _check_asked_for(row: Row, params: Params) -> None:
    if not row.value:
        raise Absent("lost in the source")
    if params.tables != "all" and table_id(row) not in params.tables:
        raise Absent(f"{table_id(row)} is not among tables in params.yaml")


def _cell_of(row: Row, concerned: Sequence[Reading], params: Params, known: Known) -> tuple[Cell, int]:
    """Return the cell that measures a number, and its cost in evaluations of one image by the network."""
    _check_asked_for(row, params)
    needs = {reading.value for reading in concerned if reading.setting == NEEDS}
    unknown = sorted(needs - NEEDED)
    if unknown:
        raise Absent(f"needs {unknown[0]}: not built yet")
    if not row.steps:
        raise Absent("no step count is printed")
    names = {
        "sampler": _sampler(row, needs - set(CONDITIONAL), params),
        "fix": _named(row.fix, "fix", {n: s.coordinate() for n, s in params.fixes.items()}, _known(FIXES)),
        "model": _model_of(row, needed_condition(needs), params),
    }
    try:
        return make_cell(params, known, steps=int(row.steps), **names)
    except ValueError as error:
        raise Absent(str(error)) from None


def _sampler(row: Row, needs: Collection[str], params: Params) -> str:
    if row.sampler not in _known(SAMPLERS):
        raise Absent(f"needs the sampler {row.sampler}: not built yet")
    for name, section in params.samplers.items():
        has = section.coordinates()
        # A setting that is not printed fits any.
        fits = all(getattr(row, key) in ("", value) for key, value in has.items())
        if fits and (section.need in needs if needs else section.need is None):
            return name
    printed = [f"{key} {getattr(row, key)}" for key in ("sampler", "spacing", "eta") if getattr(row, key)]
    raise Absent(f"no section of params.yaml has {', '.join([*printed, *needs])}")


def needed_condition(needs: Collection[str]) -> Condition | None:
    """Return what the model of a number with these needs is conditioned on."""
    return next((condition for need, condition in CONDITIONAL.items() if need in needs), None)


def _model_of(row: Row, condition: Condition | None, params: Params) -> str:
    sections = {
        name: model.coordinate() for name, model in params.models.items() if condition_of(params, name) == condition
    }
    return _named(row.model, f"{condition}-conditional model" if condition else "model", sections, _known(MODELS))


def _named(wanted: str, kind: str, sections: Mapping[str, str], known: Sequence[str]) -> str:
    """Return the first section that has a published name."""
    if wanted not in known:
        raise Absent(f"needs the {kind} {wanted}: not built yet")
    for name, coordinate in sections.items():
        if coordinate == wanted:
            return name
    raise Absent(f"no section of params.yaml is the {kind} {wanted}")


def _known(kinds: Mapping[str, type]) -> list[str]:
    return [name for kind in kinds.values() for name in kind.published]


def _free_cells(params: Params, known: Known) -> list[Cell]:
    cells = []
    for grid in params.grid:
        for model, sampler, fix, steps in product(grid.models, grid.samplers, grid.fixes, grid.steps):
            try:
                cells.append(make_cell(params, known, model, sampler, fix, steps)[0])
            except ValueError as error:
                raise ValueError(f"grid: {model}, {sampler}, {fix}, {steps} steps: {error}") from None
    return cells


def _trajectory_cell(params: Params, known: Known, model: str) -> Cell:
    """Return how the weights of a model are sampled along its training."""
    section = params.trajectory
    try:
        # Moments and classifiers are those of the last weights, not of the snapshots before.
        if params.samplers[section.sampler].takes is not None:
            raise ValueError(
                f"takes {params.samplers[section.sampler].takes} besides noise; allowed are samplers that take nothing"
            )
        return make_cell(params, known, model, section.sampler, section.fix, section.steps)[0]
    except ValueError as error:
        raise ValueError(f"trajectory: {model}, {section.sampler}, {section.steps} steps: {error}") from None


def add_cell(cells: dict[str, Cell], cell: Cell) -> None:
    """Add a cell by its key, refusing another one of the same key."""
    if cells.setdefault(cell.key, cell) != cell:
        raise ValueError(f"two cells have the name {cell.key}; name a section otherwise")


def _check_labels(params: Params, cells: Sequence[Cell]) -> None:
    """Refuse labels that a network does not have, and a choice of labels where no image has one of a class."""
    chosen = params.sample.labels
    if chosen == "random":
        return
    labelled = [cell for cell in cells if params.labels(cell) == chosen]
    if not labelled:
        raise ValueError(f"sample.labels: {chosen}: no cell has class labels; allowed is random")
    for cell in labelled:
        recipe = params.models[cell.model].recipe
        classes = params.recipes[recipe].network.num_classes
        # Without classes the images are guided to those of the data, which sampling knows.
        if chosen != "balanced" and classes and max(chosen) >= classes:
            raise ValueError(
                f"sample.labels: {max(chosen)}: {recipe}.network.classes = {classes} allows 0 to {classes - 1}"
            )


def _model(params: Params, name: str, reverse_steps: list[int]) -> PlannedModel:
    model = params.models[name]
    return PlannedModel(
        recipe=model.recipe,
        objective=model.module,
        network=params.recipes[model.recipe].network.module,
        autoencoder=autoencoder_module(params, name),
        input=autoencoder_file(params, name),
        reverse_steps=reverse_steps,
        keep=params.trajectory.iterations if name in params.trajectory.models else [],
    )


def cell_evaluations(plan: Plan, params: Params) -> dict[str, int]:
    """Return the evaluations of one image by the network that each cell takes."""
    cells = plan.stages.sample.items()
    return {key: cell_cost(params, cell.model, cell.sampler, cell.steps) for key, cell in cells}

"""The plan: the cells that a study needs to regenerate published tables, and the reasons for numbers without one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import product
from pathlib import PurePath
from typing import Literal, NamedTuple

from stages.auditing.tables.numbers import parse_number
from stages.auditing.tables.rows import SOURCES, Row
from stages.config.entries import (
    Cell,
    Planned,
    PlannedAutoencoder,
    PlannedDiagnosis,
    PlannedModel,
    PlannedScaling,
)
from stages.config.method_settings import CLASSIFIER_FREE, FROM_IMAGES, GUIDED
from stages.config.networks import Condition
from stages.config.params import FIXES, MODELS, SAMPLERS, Params, has_settings
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
from stages.plan.published_tables import Reading, ReadRow, read_row, readings_of
from stages.store.paths import registry_path

DIAGNOSED = "delta_bar"
# In place of a params section that a diagnosis depends on, where it has no such part.
NO_SECTION = "diagnose"
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


class PlannedReading(NamedTuple):
    """A published number under a further reading: the cell that measures it, or the reason why there is none."""

    reading: Reading
    cell: str | None
    reason: str = ""


class PlannedRow(NamedTuple):
    """A published number in the plan.

    Attributes:
        row: the number, with its coordinates as the readings give them.
        status: ``measured``; ``setting``, for which the page shows the study's own value; or ``absent``.
        cell: key of the cell that measures it.
        reason: why it is absent.
        readings: the readings that apply to it, the further ones too.
        evaluations: cost of an absent number, where the cost is the reason.
        model: the model whose diagnosis measures it, in place of a cell.
        set_in: the cell that has the setting, of a number that is a setting of a fix.
        beside: the number under each further reading.
    """

    row: Row
    status: Status
    cell: str | None
    reason: str
    readings: tuple[Reading, ...]
    evaluations: int = 0
    model: str | None = None
    set_in: str | None = None
    beside: tuple[PlannedReading, ...] = ()


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
    planned = {name: _model(params, name) for name in params.models if name in models}
    stages = planned_stages(params, planned, cells, trajectory, rows)
    for name in stages.diagnose:
        check_diagnosis(params, name)
    return Plan(stages, rows)


def planned_stages(
    params: Params,
    models: Mapping[str, PlannedModel],
    cells: Mapping[str, Cell],
    trajectory: Mapping[str, Cell],
    rows: Sequence[PlannedRow],
) -> Planned:
    """Return the entries of every stage, as models, cells, trajectories and measured rows ask for them."""
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
            name: _diagnosis(params, name, cells, rows)
            for name, model in models.items()
            if model.input == DATA_SET and condition_of(params, name) in (None, "class")
        },
        guide={name: model for name, model in models.items() if input_file("guide", name) in inputs},
        sample=dict(cells),
        trajectory=dict(trajectory),
    )


def table_id(row: Row) -> str:
    """Return the name of a number's table, such as ip-3."""
    return f"{row.paper}-{row.table}"


def _planned(row: Row, params: Params, known: Known, readings: Sequence[Reading], cells: dict[str, Cell]) -> PlannedRow:
    concerned = tuple(readings_of(row, readings))
    read = read_row(row, concerned)
    absent = PlannedRow(read.row, "absent", None, "", concerned)
    try:
        if row.metric == DIAGNOSED:
            return _diagnosed(read, concerned, params)
        if row.metric not in MEASURED:
            _check_asked_for(row, params)
            if row.metric == "steps" and parse_number(row.value).value > params.max_steps:
                raise Absent(f"{row.value} steps: beyond max_steps ({params.max_steps})")
            return absent._replace(status="setting", set_in=_set_in(read, params, known))
        cell, evaluations = _cell_of(read, params, known)
    except Absent as reason:
        return absent._replace(reason=str(reason))
    if row.steps and int(row.steps) > params.max_steps and cell.key not in cells:
        reason = f"{row.steps} steps: beyond max_steps ({params.max_steps}), {evaluations:,} image-evaluations"
        return absent._replace(reason=reason, evaluations=evaluations)
    add_cell(cells, cell)
    further = [reading for reading in concerned if reading.use == "beside"]
    beside = tuple(_read_beside(row, concerned, reading, params, known, cells) for reading in further)
    return absent._replace(status="measured", cell=cell.key, beside=beside)


def _read_beside(
    row: Row, concerned: Sequence[Reading], beside: Reading, params: Params, known: Known, cells: dict[str, Cell]
) -> PlannedReading:
    """Return a number under a further reading, whose cell is added to the others if the study asks for it."""
    steps = next((entry.max_steps for entry in params.beside if entry.setting == beside.setting), None)
    if steps is None:
        return PlannedReading(beside, None, f"{beside.setting} is not among beside in params.yaml")
    if int(row.steps) > steps:
        return PlannedReading(beside, None, f"{row.steps} steps: beyond those of beside ({steps})")
    try:
        cell, _ = _cell_of(read_row(row, concerned, beside), params, known)
    except Absent as reason:
        return PlannedReading(beside, None, str(reason))
    add_cell(cells, cell)
    return PlannedReading(beside, cell.key)


def _diagnosed(read: ReadRow, concerned: tuple[Reading, ...], params: Params) -> PlannedRow:
    """Return the planned row of a number that the diagnosis of its model measures."""
    row = read.row
    _check_asked_for(row, params)
    model = _model_of(read, params)
    steps = int(row.steps)
    if steps > params.recipes[params.models[model].recipe].timesteps:
        raise Absent(f"{steps} steps: more than {model} was trained with")
    if steps > params.max_steps:
        evaluations = steps * params.diagnose.images
        reason = f"{steps} steps: beyond max_steps ({params.max_steps}), {evaluations:,} image-evaluations"
        return PlannedRow(row, "absent", None, reason, concerned, evaluations)
    return PlannedRow(row, "measured", None, "", concerned, model=model)


def _set_in(read: ReadRow, params: Params, known: Known) -> str | None:
    """Return the key of the cell that has the setting of a fix that a number is, if there can be one."""
    if not any(read.row.metric in fix.model_fields for fix in FIXES.values()):
        return None
    try:
        return _cell_of(read, params, known)[0].key
    except Absent:
        return None


def _check_asked_for(row: Row, params: Params) -> None:
    if not row.value:
        raise Absent("lost in the source")
    if params.tables != "all" and table_id(row) not in params.tables:
        raise Absent(f"{table_id(row)} is not among tables in params.yaml")


def _cell_of(read: ReadRow, params: Params, known: Known) -> tuple[Cell, int]:
    """Return the cell that measures a number, and its cost in evaluations of one image by the network."""
    row = read.row
    _check_asked_for(row, params)
    unknown = sorted(read.needs - NEEDED)
    if unknown:
        raise Absent(f"needs {unknown[0]}: not built yet")
    if not row.steps:
        raise Absent("no step count is printed")
    names = {"sampler": _sampler(read, params), "fix": _fix(read, params), "model": _model_of(read, params)}
    try:
        return make_cell(params, known, steps=int(row.steps), **names)
    except ValueError as error:
        raise Absent(str(error)) from None


def _sampler(read: ReadRow, params: Params) -> str:
    """Return the first section that is the sampler of a number."""
    row = read.row
    needs = read.needs - set(CONDITIONAL)
    _check_known("sampler", row.sampler, SAMPLERS)
    for name, section in params.samplers.items():
        has = section.coordinates()
        # A coordinate that is not printed fits any.
        fits = all(getattr(row, key) in ("", value) for key, value in has.items())
        needed = section.need in needs if needs else section.need is None
        if fits and needed and has_settings("sampler", section, read.settings):
            return name
    printed = [f"{key} {getattr(row, key)}" for key in ("sampler", "spacing", "eta") if getattr(row, key)]
    raise Absent(f"no section of params.yaml has {', '.join([*printed, *_asked_of(read, 'sampler'), *needs])}")


def _fix(read: ReadRow, params: Params) -> str:
    """Return the first section that is the fix of a number."""
    wanted = read.row.fix
    _check_known("fix", wanted, FIXES)
    for name, section in params.fixes.items():
        if section.coordinate() == wanted and has_settings("fix", section, read.settings):
            return name
    raise Absent(f"no section of params.yaml is {', '.join([f'the fix {wanted}', *_asked_of(read, 'fix')])}")


def _model_of(read: ReadRow, params: Params) -> str:
    """Return the first section that is the model of a number."""
    wanted = read.row.model
    condition = needed_condition(read.needs)
    kind = f"{condition}-conditional model" if condition else "model"
    _check_known(kind, wanted, MODELS)
    for name, section in params.models.items():
        if (
            section.coordinate() == wanted
            and condition_of(params, name) == condition
            and has_settings("model", section, read.settings)
            and has_settings("recipe", params.recipes[section.recipe], read.settings)
        ):
            return name
    asked = [f"the {kind} {wanted}", *_asked_of(read, "model"), *_asked_of(read, "recipe")]
    raise Absent(f"no section of params.yaml is {', '.join(asked)}")


def _asked_of(read: ReadRow, kind: str) -> list[str]:
    """Return the settings of a kind of sections that readings ask for, in words."""
    return [f"{name.partition('.')[2]} {value}" for name, value in read.settings.items() if name.startswith(f"{kind}.")]


def _check_known(kind: str, wanted: str, known: Mapping[str, type]) -> None:
    if wanted not in [name for type_ in known.values() for name in type_.published]:
        raise Absent(f"needs the {kind} {wanted}: not built yet")


def needed_condition(needs: Collection[str]) -> Condition | None:
    """Return what the model of a number with these needs is conditioned on."""
    return next((condition for need, condition in CONDITIONAL.items() if need in needs), None)


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


def _diagnosis(params: Params, name: str, cells: Mapping[str, Cell], rows: Sequence[PlannedRow]) -> PlannedDiagnosis:
    """Return how a model is diagnosed: under the guidance and the Epsilon Scaling of its cells, as far as it has them.

    The deterministic chains are those of the rows that it measures. Pairs of images are so few that they are shown of
    chains of all lengths that these rows' table has.
    """
    recipe = params.recipes[params.models[name].recipe]
    own = [cell for cell in cells.values() if cell.model == name]
    guided = next((c.sampler for c in own if params.samplers[c.sampler].method == "guided-ddpm"), None)
    scalings: dict[tuple[str, int], PlannedScaling] = {}
    fix = NO_SECTION
    for cell in own:
        section = params.fixes[cell.fix]
        sampler = _diagnosed_sampler(params, cell, guided)
        # One section alone, and of it the uniform scaling: its curves have one name.
        if section.method == "epsilon-scaling" and section.coordinate() == "es" and sampler is not None:
            fix = cell.fix if fix == NO_SECTION else fix
            if cell.fix == fix:
                scaling = PlannedScaling(sampler=sampler, steps=cell.steps, values=cell.values)
                scalings.setdefault((sampler, cell.steps), scaling)
    tables = {table_id(row.row) for row in rows if row.model == name}
    lengths = {int(row.row.steps) for row in rows if row.row.metric == DIAGNOSED and table_id(row.row) in tables}
    return PlannedDiagnosis(
        network=recipe.network.module,
        autoencoder=autoencoder_module(params, name),
        guide=input_file("guide" if guided else None, name),
        fix=fix,
        guided=guided or NO_SECTION,
        reverse_steps=sorted({int(row.row.steps) for row in rows if row.model == name}),
        pair_steps=sorted(steps for steps in lengths if steps <= recipe.timesteps),
        scalings=list(scalings.values()),
    )


def _diagnosed_sampler(params: Params, cell: Cell, guided: str | None) -> str | None:
    """Return the name that the diagnosis has for the sampler of a cell; None if it is not diagnosed."""
    sampler = params.samplers[cell.sampler]
    settings = sampler.settings()
    if cell.sampler == guided:
        return "ddpm-guided"
    plain = {"eta": 0.0, "clip": False, "direction": "scaled"}
    if sampler.method == "ddim" and sampler.spacing == "uniform" and settings == plain:
        return "ddim"
    if sampler.method == "ddpm" and sampler.spacing == "respaced":
        predicted = params.recipes[params.models[cell.model].recipe].network.predicts_variance
        names = {"learned": "ddpm", "small": "ddpm-small" if predicted else "ddpm"}
        return names.get(settings["variance"])
    return None


def _model(params: Params, name: str) -> PlannedModel:
    model = params.models[name]
    return PlannedModel(
        recipe=model.recipe,
        objective=model.module,
        network=params.recipes[model.recipe].network.module,
        autoencoder=autoencoder_module(params, name),
        input=autoencoder_file(params, name),
        keep=params.trajectory.iterations if name in params.trajectory.models else [],
    )


def cell_evaluations(plan: Plan, params: Params) -> dict[str, int]:
    """Return the evaluations of one image by the network that each cell takes."""
    cells = plan.stages.sample.items()
    return {key: cell_cost(params, cell.model, cell.sampler, cell.steps) for key, cell in cells}

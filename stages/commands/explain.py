"""Explain how one published number is regenerated: model, training, grid, evaluations, fix, metric, cell, command."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from stages.config.errors import InputError
from stages.config.method_settings import SamplerSettings
from stages.config.params import Params, read_params
from stages.diffusion.schedule import noise_levels
from stages.plan.plan_file import read_plan
from stages.plan.planning import Plan, PlannedRow
from stages.plan.result_files import read_times
from stages.sampling.sampler_grid import sampler_grid
from stages.store.paths import REPORTS, diagnosis_path, scores_path
from stages.store.records import DiagnosisRecord, ScoreRecord, read_record

SCORES = REPORTS / "tables" / "scores.csv"


def run(paper: str, table: str, row: str, column: str, metric: str | None = None) -> None:
    """Print how the published numbers in one place of a table are regenerated."""
    plan = read_plan()
    params = read_params()
    for i, planned in enumerate(numbers_at(plan, paper, table, row, column, metric)):
        print(*([""] if i else []), *explanation(planned, plan, params), sep="\n")


def numbers_at(plan: Plan, paper: str, table: str, row: str, column: str, metric: str | None) -> list[PlannedRow]:
    """Return the published numbers in one place.

    Raises:
        InputError: the place does not exist.
    """
    found = plan.rows
    for name, value in (("paper", paper), ("table", table), ("row", row), ("column", column), ("metric", metric)):
        known = dict.fromkeys(getattr(planned.row, name) for planned in found)
        if value is not None and value not in known:
            raise InputError(f"{name} {value!r}: must be one of {'; '.join(known)}")
        found = [planned for planned in found if value is None or getattr(planned.row, name) == value]
    return found


def explanation(planned: PlannedRow, plan: Plan, params: Params) -> Iterator[str]:
    """Yield the explanation of one number, one fact per line."""
    row = planned.row
    yield f"{row.label} = {row.value or 'lost'}, {row.dataset or 'no data set'} ({row.where})"
    yield from _readings(planned)
    if planned.model:
        yield f"  model     {planned.model}"
        yield f"  metric    {row.metric}, over {params.diagnose.images} images"
        yield f"  command   dvc repro diagnose@{planned.model}"
        yield f"  measured  {_diagnosed(planned.model, int(row.steps))}"
        return
    if planned.status != "measured" or planned.cell is None:
        yield "  status    " + (planned.reason or "a setting; the page shows that of the study beside it")
        return
    cell = plan.stages.sample[planned.cell]
    model = params.models[cell.model]
    sampler = params.samplers[cell.sampler]
    recipe = params.recipes[model.recipe]
    section = params.fixes[cell.fix]
    fix = section.resolved(cell.values)
    grid = sampler_grid(sampler, cell.steps, noise_levels(recipe.schedule, recipe.timesteps))
    yield f"  data set  {params.prepare.dataset}, in place of {row.dataset}"
    trained = f"{recipe.network.method} network, {recipe.schedule} schedule, {recipe.iterations:,} iterations"
    settings = ", ".join(filter(None, [_settings(model.settings()), model.recipe]))
    yield f"  model     {cell.model}: {settings} ({trained} of {recipe.batch_size})"
    yield f"  sampler   {cell.sampler}: {sampler.method}, {_settings(sampler.settings() | _guidance(sampler))}"
    yield f"  grid      {sampler.spacing}, {len(grid.times)} times from {grid.times[-1]} down to {grid.times[0]}"
    yield f"  nfe       {sampler.nfe(len(grid.times))} evaluations per image, {params.sample.n:,} images"
    if section.tuned():
        origin = "found by a search"
    elif section.looked_up():
        origin = "from the paper's table"
    else:
        origin = "from params.yaml"
    yield f"  fix       {cell.fix}: {fix.method}{f', {_settings(fix.settings())}, {origin}' if fix.settings() else ''}"
    yield f"  metric    {row.metric}"
    yield f"  cell      {cell.key}"
    yield f"  command   dvc repro evaluate@{cell.key}"
    yield f"  measured  {_measured(cell.key, row.metric)}"


def _readings(planned: PlannedRow) -> Iterator[str]:
    """Yield every reading with its reason and evidence, and for a further one its cell or why it has none."""
    beside = {under.reading: under for under in planned.beside}
    for reading in planned.readings:
        head = "read as" if reading.use == "default" else "beside"
        yield f"  {head:<9} {reading.setting} {reading.value}: {reading.reason} ({reading.evidence})"
        if reading in beside:
            under = beside[reading]
            yield f"            {f'cell {under.cell}' if under.cell else f'not measured: {under.reason}'}"


def _guidance(sampler: SamplerSettings) -> dict[str, float]:
    return {} if sampler.guidance is None else {"scale": sampler.guidance}


def _settings(settings: dict) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items())


def _diagnosed(model: str, steps: int) -> str:
    if not diagnosis_path(model).exists():
        return "not yet"
    found = (each for each in read_record(diagnosis_path(model), DiagnosisRecord).reverse if each.steps == steps)
    return next((f"{each.value:.4g} ± {each.margin:.2g} (n = {each.n:,})" for each in found), "not yet")


def _measured(cell: str, metric: str) -> str:
    if metric == "time_ms":
        timed = read_times().cells.get(cell)
        return f"{timed.ms:.4g} ± {timed.margin:.2g} (n = {timed.images:,})" if timed else "not yet"
    if not scores_path(cell).exists():
        return _committed(cell, metric)
    record = read_record(scores_path(cell), ScoreRecord)
    score = getattr(record, metric)
    return f"{score.value:.4g} ± {score.margin:.2g} (n = {record.n_fake:,})"


def _committed(cell: str, metric: str) -> str:
    """Return a score of the table in reports/, which a fresh clone has without a run."""
    if SCORES.is_file():
        with SCORES.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                named = "-".join(row[axis] for axis in ("model", "sampler", "fix", "steps"))
                if named == cell and row.get(metric):
                    margin = float(row[f"{metric}_margin"])
                    return f"{float(row[metric]):.4g} ± {margin:.2g} (n = {int(row['n']):,}), by the table in {SCORES}"
    return "not yet"

"""A cell of named sections: what it is made of, which values its fix looks up, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import NamedTuple

from stages.auditing.tables.rows import SOURCES, Row
from stages.config.entries import Cell
from stages.config.networks import PIXELS, Condition
from stages.config.params import SAMPLERS, Params
from stages.diffusion.schedule import noise_levels
from stages.sampling.inputs import INPUTS, input_path
from stages.sampling.sampler_grid import sampler_grid
from stages.store.paths import DATA, DATASET, autoencoder_path

DATA_SET = DATASET.relative_to(DATA).as_posix()


class Known(NamedTuple):
    """Where a plan looks values up: the published tables by paper, and what searches found by cell."""

    papers: Mapping[str, Sequence[Row]]
    tuned: Mapping[str, Mapping[str, int | float]]


def make_cell(params: Params, known: Known, model: str, sampler: str, fix: str, steps: int) -> tuple[Cell, int]:
    """Return a cell of named sections, and its cost: the evaluations of one image by the network, for all its images.

    Raises:
        ValueError: the sampler's grid cannot hold the steps or starts where the sampler explodes, the fix moves steps
            that the sampler does not, sampler and model do not fit one another, or the fix looks up a value that is not
            published or was not searched for.
    """
    evaluations = cell_cost(params, model, sampler, steps)
    _check_fit(params, model, sampler)
    sampler_settings = params.samplers[sampler]
    fix_settings = params.fixes[fix]
    if fix_settings.moves_steps and not sampler_settings.follows_shifts:
        raise ValueError(f"{fix} moves where steps start or lead, and {sampler} goes along its grid alone")
    cell = Cell(
        model=model,
        sampler=sampler,
        fix=fix,
        steps=steps,
        network=params.recipes[params.models[model].recipe].network.module,
        autoencoder=autoencoder_module(params, model),
        sampler_module=sampler_settings.module,
        grid_module=sampler_settings.grid_module,
        fix_module=fix_settings.module,
        input=input_file(sampler_settings.takes, model),
        values={},
    )
    values = _printed(params, known.papers, cell) | _searched(params, known.tuned, cell)
    return cell.model_copy(update={"values": values}), evaluations


def cell_cost(params: Params, model: str, sampler: str, steps: int) -> int:
    """Return the evaluations of one image by the network, for all images of a cell.

    Raises:
        ValueError: the sampler's grid cannot hold the steps, or starts where the sampler explodes.
    """
    section = params.samplers[sampler]
    recipe = params.recipes[params.models[model].recipe]
    grid = sampler_grid(section, steps, noise_levels(recipe.schedule, recipe.timesteps))
    return params.sample.n * section.nfe(len(grid.times))


def check_diagnosis(params: Params, model: str) -> None:
    """Refuse a number of steps that the chains of a model's diagnosis cannot have.

    Raises:
        ValueError: the sampler's grid cannot hold the steps, or starts where the sampler explodes.
    """
    recipe = params.recipes[params.models[model].recipe]
    chains = (
        {"method": "ddpm", "spacing": "respaced", "variance": "small"},
        {"method": "ddim", "spacing": "uniform", "eta": 0.0, "clip": False},
    )
    for steps, chain in product(params.diagnose.steps, chains):
        section = SAMPLERS[chain["method"]].model_validate(chain)
        try:
            sampler_grid(section, steps, noise_levels(recipe.schedule, recipe.timesteps))
        except ValueError as error:
            raise ValueError(f"diagnose.steps: {model}, {section.method}: {error}") from None


def _check_fit(params: Params, model: str, sampler: str) -> None:
    """Refuse a sampler that needs or takes what the model does not have."""
    section = params.samplers[sampler]
    condition = condition_of(params, model)
    if section.needs_variance and not params.recipes[params.models[model].recipe].network.predicts_variance:
        raise ValueError(f"{sampler} needs a variance, which {model} does not predict")
    if section.takes is not None:
        taken = INPUTS[section.takes]
        if params.models[model].encoded_by and not taken.latents:
            raise ValueError(f"{sampler} takes {taken.description}, and {model} works on latents")
        if condition not in taken.conditions:
            raise ValueError(f"{sampler} takes {taken.description}, and {model} is {condition}-conditional")
    if section.guidance is not None and condition != "text":
        raise ValueError(f"{sampler} needs a text-conditional model, which {model} is not")


def input_file(takes: str | None, model: str) -> str:
    """Return the file under data/ of what a sampler takes besides noise; the model's own where it takes nothing."""
    return input_path(takes, model).relative_to(DATA).as_posix()


def autoencoder_module(params: Params, model: str) -> str:
    """Return the module between images and what a model works on."""
    name = params.models[model].encoded_by
    return params.autoencoders[name].module if name else PIXELS


def autoencoder_file(params: Params, model: str) -> str:
    """Return the file under data/ of the autoencoder of a model; of pixel models, which have none, the data set."""
    name = params.models[model].encoded_by
    return autoencoder_path(name).relative_to(DATA).as_posix() if name else DATA_SET


def condition_of(params: Params, model: str) -> Condition | None:
    """Return what a model's network is conditioned on besides the time."""
    return params.recipes[params.models[model].recipe].network.conditioned_on


def _searched(params: Params, tuned: Mapping[str, Mapping[str, int | float]], cell: Cell) -> dict[str, int | float]:
    found: dict[str, int | float] = {}
    for name in params.fixes[cell.fix].tuned():
        try:
            found[name] = tuned[cell.key][name]
        except KeyError:
            raise ValueError(f"{cell.fix}.{name} is tuned: no search yet; run python -m stages search") from None
    return found


def _printed(params: Params, papers: Mapping[str, Sequence[Row]], cell: Cell) -> dict[str, int | float]:
    """Return the values that a paper prints for the very model, sampler, grid, eta, fix and step count of a cell."""
    section = params.fixes[cell.fix]
    wanted = {
        "dataset": params.prepare.dataset,
        "model": params.models[cell.model].coordinate(),
        **params.samplers[cell.sampler].coordinates(),
        "fix": section.coordinate(),
        "steps": str(cell.steps),
    }
    rows = [row for paper, content in papers.items() if paper != SOURCES for row in content]
    found: dict[str, int | float] = {}
    for name in section.looked_up():
        matching = [row for row in rows if row.metric == name and row.value]
        values = {r.value for r in matching if all(getattr(r, key) == value for key, value in wanted.items())}
        if len(values) != 1:
            place = ", ".join(f"{key} {value}" for key, value in wanted.items() if value)
            printed = "papers print several values" if values else "no paper prints it"
            raise ValueError(f"{cell.fix}.{name} is published, but {printed} for {place}")
        found[name] = float(values.pop())
    return found

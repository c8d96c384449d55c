"""A cell of named sections: what it is made of, which values its fix looks up, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from stages.auditing.tables.rows import SOURCES, Row
from stages.config.entries import Cell
from stages.config.networks import PIXELS, Condition
from stages.config.params import Params

DATA_SET = "dataset.npz"


class Known(NamedTuple):
    """Where a plan looks values up: the published tables by paper, and what searches found by cell."""

    papers: Mapping[str, Sequence[Row]]
    tuned: Mapping[str, Mapping[str, int | float]]


def make_cell(params: Params, known: Known, model: str, sampler: str, fix: str, steps: int) -> tuple[Cell, int]:
    """Return a cell of named sections, and its cost: the evaluations of one image by the network, for all its images.

    Raises:
        ValueError: the sampler's grid cannot hold the steps, the fix moves steps that the sampler does not, sampler and
            model do not fit one another, or the fix looks up a value that is not published or was not searched for.
    """
    recipe, section = params.recipes[params.models[model].recipe], params.samplers[sampler]
    evaluations = params.sample.n * section.nfe(section.grid(steps, recipe.timesteps))
    _check_fit(params, model, sampler)
    if params.fixes[fix].moves_steps and not section.follows_shifts:
        raise ValueError(f"{fix} moves where steps start or lead, and {sampler} goes along its grid alone")
    inputs = {
        None: f"models/{model}.safetensors", "moments": moments_of(model), "images": DATA_SET,
        "guide": guide_of(model),
    }  # fmt: skip
    cell = Cell(
        model=model, sampler=sampler, fix=fix, steps=steps, network=recipe.network.module,
        autoencoder=autoencoder_module(params, model),
        sampler_module=section.module, grid_module=section.grid_module, fix_module=params.fixes[fix].module,
        input=inputs[section.takes], values={},
    )  # fmt: skip
    values = _printed(params, known.papers, cell) | _searched(params, known.tuned, cell)
    return cell.model_copy(update={"values": values}), evaluations


def _check_fit(params: Params, model: str, sampler: str) -> None:
    """Refuse a sampler that needs or takes what the model does not have."""
    section, told = params.samplers[sampler], told_to(params, model)
    if section.needs_variance and not params.recipes[params.models[model].recipe].network.predicts_variance:
        raise ValueError(f"{sampler} needs a variance, which {model} does not predict")
    if section.takes == "guide" and params.models[model].encoded_by:
        raise ValueError(f"{sampler} takes a classifier of noised images, and {model} works on latents")
    if section.takes == "guide" and told == "text":
        raise ValueError(f"{sampler} takes a classifier of noised images, and {model} is told the text")
    if section.takes in ("moments", "images") and told:
        raise ValueError(f"{sampler} takes {section.takes} without labels, and {model} is told the {told}")
    if section.guidance is not None and told != "text":
        raise ValueError(f"{sampler} needs a model that is told captions and at times none, which {model} is not")


def moments_of(model: str) -> str:
    """Return the file under data/ of the moments of a model's predictions."""
    return f"moments/{model}.npz"


def guide_of(model: str) -> str:
    """Return the file under data/ of the classifier that guides a model."""
    return f"guides/{model}.safetensors"


def autoencoder_module(params: Params, model: str) -> str:
    """Return the module between images and what a model works on."""
    name = params.models[model].encoded_by
    return params.autoencoders[name].module if name else PIXELS


def autoencoder_file(params: Params, model: str) -> str:
    """Return the file under data/ of the autoencoder of a model; of pixel models, which have none, the data set."""
    name = params.models[model].encoded_by
    return f"autoencoders/{name}.safetensors" if name else DATA_SET


def _searched(params: Params, tuned: Mapping[str, Mapping[str, int | float]], cell: Cell) -> dict[str, int | float]:
    found: dict[str, int | float] = {}
    for name in params.fixes[cell.fix].tuned():
        try:
            found[name] = tuned[cell.key][name]
        except KeyError:
            raise ValueError(f"{cell.fix}.{name} is tuned: no search yet; run python -m stages search") from None
    return found


def _printed(params: Params, papers: Mapping[str, Sequence[Row]], cell: Cell) -> dict[str, int | float]:
    section, found = params.fixes[cell.fix], {}
    wanted = {
        "dataset": params.prepare.dataset, "model": params.models[cell.model].coordinate(),
        "fix": section.coordinate(), "steps": str(cell.steps),
    }  # fmt: skip
    for name in section.looked_up():
        rows = (row for paper, content in papers.items() if paper != SOURCES for row in content)
        matching = [row for row in rows if row.metric == name and row.value]
        values = [r.value for r in matching if all(getattr(r, key) == value for key, value in wanted.items())]
        if not values:
            raise ValueError(
                f"{cell.fix}.{name} is published, but no paper prints it for {' '.join(wanted.values())} steps"
            )
        found[name] = float(values[0])
    return found


def told_to(params: Params, model: str) -> Condition | None:
    """Return what a model's network is conditioned on beside the time."""
    return params.recipes[params.models[model].recipe].network.conditioned_on

"""The study's own value of every setting that the papers' tables print."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from stages.config.entries import Cell
from stages.config.networks import UNetSettings
from stages.config.params import Params
from stages.config.recipe import Recipe
from stages.plan.cell import told_to
from stages.plan.planning import CONDITIONAL, PlannedRow, told_by
from stages.plan.readings import NEEDS


def _joined(values: list[int]) -> str:
    return ",".join(map(str, values))


OF_RECIPE: dict[str, Callable[[Recipe], Any]] = {
    "diffusion_steps": lambda recipe: recipe.timesteps,
    "noise_schedule": lambda recipe: recipe.schedule,
    "batch_size": lambda recipe: recipe.batch_size,
    "iterations": lambda recipe: recipe.iterations,
    "learning_rate": lambda recipe: f"{recipe.lr:g}",
    "ema_rate": lambda recipe: recipe.ema,
    "optimizer": lambda recipe: {"adam": "Adam", "adamw": "AdamW"}[recipe.optimizer],
}
OF_NETWORK: dict[str, Callable[[UNetSettings], Any]] = {
    "channels": lambda network: network.channels,
    "residual_blocks": lambda network: network.res_blocks,
    "channel_multiple": lambda network: _joined(network.multipliers),
    "attention_resolution": lambda network: _joined(network.attention_sizes),
    "dropout": lambda network: network.dropout,
    "head_channels": lambda network: getattr(network, "head_channels", ""),
    # A block that resizes within itself is ADM's; DDPM's network has convolutions for it.
    "biggan_updown": lambda network: network.method == "adm",
}


def own_settings(
    params: Params, cells: Collection[Cell], rows: list[PlannedRow], models: Mapping[str, Mapping[str, Any]],
    training_images: int,
) -> dict[tuple[str, ...], str]:  # fmt: skip
    """Return the study's value for every planned row that is a setting, by the row's key; none where it has none.

    Args:
        params: the study's params.
        cells: its cells, which have the values that were looked up.
        rows: the planned rows.
        models: the training records of the study's models, for the sizes of their networks.
        training_images: size of the data set.
    """
    found = {}
    for planned in rows:
        if planned.status == "setting":
            value = _own(planned, params, cells, models, training_images)
            if value not in ("", None):
                found[planned.row.key] = str(value)
    return found


def _own(
    planned: PlannedRow, params: Params, cells: Collection[Cell], models: Mapping[str, Mapping[str, Any]],
    training_images: int,
) -> Any:  # fmt: skip
    row = planned.row
    if row.metric in ("b", "k"):
        return _scale(planned, params, cells)
    if row.metric == "steps":
        # The step counts of the tables are the study's too, as far as max_steps.
        return row.value
    if row.metric == "training_images":
        return training_images
    name = next((name for name, model in params.models.items() if model.coordinate() == row.model), None)
    if name is None:
        return None
    recipe = params.recipes[params.models[name].recipe]
    if row.metric == "model_size":
        return f"{models[name]['parameters']:,}" if name in models else None
    if row.metric in OF_RECIPE:
        return OF_RECIPE[row.metric](recipe)
    if row.metric in OF_NETWORK and isinstance(recipe.network, UNetSettings):
        return OF_NETWORK[row.metric](recipe.network)
    return None


def _scale(planned: PlannedRow, params: Params, cells: Collection[Cell]) -> Any:
    """Return b or k of the cell that a row is about, or of the section where there is no such cell."""
    row, needs = planned.row, {reading.value for reading in planned.readings if reading.setting == NEEDS}
    names = [name for name, fix in params.fixes.items() if fix.coordinate() == row.fix]
    for cell in cells:
        same = str(cell.steps) == row.steps and params.models[cell.model].coordinate() == row.model
        same = same and told_to(params, cell.model) == told_by(needs)
        same = same and params.samplers[cell.sampler].need == next(iter(needs - set(CONDITIONAL)), None)
        if same and cell.fix in names and row.sampler in ("", params.samplers[cell.sampler].coordinates()["sampler"]):
            return params.fixes[cell.fix].resolved(cell.values).settings()[row.metric]
    values = [params.fixes[name].settings()[row.metric] for name in names]
    return next((value for value in values if not isinstance(value, str)), None)

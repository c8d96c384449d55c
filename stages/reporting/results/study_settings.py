"""The study's own value of every setting and formula that the papers' tables print."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from stages.config.entries import Cell
from stages.config.networks import UNetSettings
from stages.config.params import Params, Recipe
from stages.plan.planning import PlannedRow
from stages.store.records import AgainstFormula, DiagnosisRecord, ModelRecord

# Metrics of ES's Table 1, which prints formulas.
FORMULAS = ("mean", "variance")


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


def study_settings(
    params: Params,
    cells: Collection[Cell],
    rows: Sequence[PlannedRow],
    models: Mapping[str, ModelRecord],
    training_images: int,
) -> dict[tuple[str, ...], str]:
    """Return the study's value of every planned row that is a setting, by the key of the row, where it has one.

    Args:
        params: the study's params.
        cells: its cells, which hold the values that were looked up.
        rows: the planned rows.
        models: the records of the trained models, for the sizes of their networks.
        training_images: the size of the data set.
    """
    found = {}
    for planned in rows:
        if planned.status == "setting":
            value = _setting(planned, params, cells, models, training_images)
            if value not in ("", None):
                found[planned.row.key] = str(value)
    return found


def _setting(
    planned: PlannedRow,
    params: Params,
    cells: Collection[Cell],
    models: Mapping[str, ModelRecord],
    training_images: int,
) -> Any:
    row = planned.row
    if row.metric in ("b", "k"):
        return _scale(planned, params, cells)
    if row.metric == "steps":
        # The study has the step counts of the tables, up to max_steps.
        return row.value
    if row.metric == "training_images":
        return training_images
    name = next((name for name, model in params.models.items() if model.coordinate() == row.model), None)
    if name is None:
        return None
    recipe = params.recipes[params.models[name].recipe]
    if row.metric == "model_size":
        return f"{models[name].parameters:,}" if name in models else None
    if row.metric in OF_RECIPE:
        return OF_RECIPE[row.metric](recipe)
    if row.metric in OF_NETWORK and isinstance(recipe.network, UNetSettings):
        return OF_NETWORK[row.metric](recipe.network)
    return None


def _scale(planned: PlannedRow, params: Params, cells: Collection[Cell]) -> Any:
    """Return b or k of the cell that a row is about, or of the params section if there is no such cell."""
    row = planned.row
    cell = next((cell for cell in cells if cell.key == planned.set_in), None)
    if cell is not None:
        return params.fixes[cell.fix].resolved(cell.values).settings()[row.metric]
    values = [fix.settings()[row.metric] for fix in params.fixes.values() if fix.coordinate() == row.fix]
    return next((value for value in values if not isinstance(value, str)), None)


def formula_settings(rows: Sequence[PlannedRow], record: DiagnosisRecord) -> dict[tuple[str, ...], str]:
    """Return what a diagnosis measured beside each published formula of a mean or variance, by the key of the row.

    Rows of x_t given x_0 are about training, the others about one step of sampling (ES, Table 1).
    """
    found = {}
    for planned in rows:
        row = planned.row
        if planned.status == "setting" and row.metric in FORMULAS:
            phase = "training" if "|x_0)" in row.row else "sampling"
            formulas = {str(name): formula for name, formula in record.formulas.items()}
            formula = formulas.get(f"{phase}_{row.metric}")
            found[row.key] = _beside_formula(row.metric, formula, record) if formula else ""
    return found


def _beside_formula(metric: str, measured: AgainstFormula, record: DiagnosisRecord) -> str:
    place = f"{record.model}, t = {record.formulas_at}"
    if metric == "mean":
        return f"mean of x_t - sqrt(alpha_bar_t) x_0 = {measured.value:.3f} ± {measured.margin:.3f} ({place})"
    return f"{measured.value:.3f} ± {measured.margin:.3f}, by the formula {measured.formula:.3f} ({place})"

"""Repeats: models that differ in the seed of their training alone, and the cells that pair them on each seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stages.config.entries import Cell
from stages.config.params import Params
from stages.plan.cell import Known, make_cell
from stages.plan.pairs import Pair, study_pairs
from stages.plan.planning import Plan, add_cell, planned_stages
from stages.plan.published_tables import PublishedMethod

Trainings = Mapping[str, Mapping[str, Any]]


def with_repeats(plan: Plan, params: Params, known: Known, methods: Sequence[PublishedMethod]) -> Plan:
    """Return the plan with the cells of each pair of models on their further training seeds too.

    A seed is left out if its cell cannot be planned because its fix has a value that was not searched for.
    """
    trainings = {name: params.training(name) for name in params.models}
    cells = dict(plan.stages.sample)
    models = dict(plan.stages.train)
    for pair in study_pairs(plan.rows, methods, params, plan.stages.sample):
        pair_cells = (plan.stages.sample[pair.base_cell], plan.stages.sample[pair.changed_cell])
        for names in _models_of_further_seeds(pair, plan.stages.sample, trainings):
            try:
                repeats = [
                    make_cell(params, known, name, cell.sampler, cell.fix, cell.steps)[0]
                    for name, cell in zip(names, pair_cells, strict=True)
                ]
            except ValueError:
                continue
            for cell, repeat in zip(pair_cells, repeats, strict=True):
                add_cell(cells, repeat)
                models.setdefault(repeat.model, plan.stages.train[cell.model].model_copy(update={"keep": []}))
    ordered = {name: models[name] for name in params.models if name in models}
    return plan._replace(stages=planned_stages(params, ordered, cells, plan.stages.trajectory, plan.rows))


def repeated(pairs: Sequence[Pair], cells: Mapping[str, Cell], trainings: Trainings) -> list[Pair]:
    """Return the pairs with their repeats, as far as ``cells`` has them.

    Args:
        pairs: the pairs of the study.
        cells: the cells of the plan.
        trainings: all that decides how each model of the plan is trained.
    """
    found = []
    for pair in pairs:
        base = cells[pair.base_cell]
        changed = cells[pair.changed_cell]
        repeats = [
            (_key(base, base_model), _key(changed, changed_model))
            for base_model, changed_model in _models_of_further_seeds(pair, cells, trainings)
        ]
        planned = tuple(keys for keys in repeats if all(key in cells for key in keys))
        found.append(pair._replace(repeats=planned))
    return found


def _key(cell: Cell, model: str) -> str:
    return cell.model_copy(update={"model": model}).key


def _models_of_further_seeds(pair: Pair, cells: Mapping[str, Cell], trainings: Trainings) -> Iterator[tuple[str, str]]:
    """Yield the two models that repeat a pair of models, on each training seed that both have besides their own."""
    if pair.axis != "model":
        return
    base = cells[pair.base_cell].model
    changed = cells[pair.changed_cell].model
    bases = _models_by_seed(base, trainings)
    others = _models_by_seed(changed, trainings)
    for seed, name in bases.items():
        if seed in others and seed not in (trainings[base]["seed"], trainings[changed]["seed"]):
            yield name, others[seed]


def _models_by_seed(name: str, trainings: Trainings) -> dict[int, str]:
    """Return the models trained as one is, by their training seeds."""
    training = {**trainings[name], "seed": None}
    return {other["seed"]: model for model, other in trainings.items() if {**other, "seed": None} == training}

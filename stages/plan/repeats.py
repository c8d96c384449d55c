"""Repeats: models that differ in the seed of their training alone, and the cells that pair them on each seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stages.config.entries import Cell
from stages.config.params import Params
from stages.plan.cell import Known, make_cell
from stages.plan.pairs import Pair, published_pairs
from stages.plan.planning import Plan, add_cell, planned_stages

Trainings = Mapping[str, Mapping[str, Any]]


def with_repeats(plan: Plan, params: Params, known: Known) -> Plan:
    """Return the plan with the cells of each pair of models on their further training seeds too.

    A seed of which a cell cannot be, because its fix has a value that was not searched for, is left out.
    """
    trainings = {name: params.training(name) for name in params.models}
    cells, models = dict(plan.stages.sample), dict(plan.stages.train)
    for pair in published_pairs(plan.rows):
        two = plan.stages.sample[pair.base_cell], plan.stages.sample[pair.changed_cell]
        for names in _further(pair, plan.stages.sample, trainings):
            try:
                made = [make_cell(params, known, name, cell.sampler, cell.fix, cell.steps)[0]
                        for name, cell in zip(names, two, strict=True)]  # fmt: skip
            except ValueError:
                continue
            for first, cell in zip(two, made, strict=True):
                add_cell(cells, cell)
                models.setdefault(cell.model, plan.stages.train[first.model].model_copy(update={"keep": []}))
    ordered = {name: models[name] for name in params.models if name in models}
    return plan._replace(stages=planned_stages(params, ordered, cells, plan.stages.trajectory))


def repeated(pairs: Sequence[Pair], cells: Mapping[str, Cell], trainings: Trainings) -> list[Pair]:
    """Return the pairs with their repeats, as far as ``cells`` has them.

    Args:
        pairs: the pairs of the published tables.
        cells: the cells of the plan.
        trainings: all that decides how each model of the plan is trained.
    """
    found = []
    for pair in pairs:
        base, changed = cells[pair.base_cell], cells[pair.changed_cell]
        keys = [(_key(base, first), _key(changed, second)) for first, second in _further(pair, cells, trainings)]
        found.append(pair._replace(repeats=tuple(two for two in keys if all(key in cells for key in two))))
    return found


def _key(cell: Cell, model: str) -> str:
    return cell.model_copy(update={"model": model}).key


def _further(pair: Pair, cells: Mapping[str, Cell], trainings: Trainings) -> Iterator[tuple[str, str]]:
    """Yield the models that repeat those of a pair of models, on each training seed that both have beside their own."""
    if pair.axis != "model":
        return
    base, changed = cells[pair.base_cell].model, cells[pair.changed_cell].model
    bases, others = _by_seed(base, trainings), _by_seed(changed, trainings)
    for seed, name in bases.items():
        if seed in others and seed not in (trainings[base]["seed"], trainings[changed]["seed"]):
            yield name, others[seed]


def _by_seed(name: str, trainings: Trainings) -> dict[int, str]:
    """Return the models trained as one is, by their training seeds."""
    same = {**trainings[name], "seed": None}
    return {each["seed"]: other for other, each in trainings.items() if {**each, "seed": None} == same}

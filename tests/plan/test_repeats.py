"""Repeats of models on further training seeds: their cells in the plan, and their places beside the pairs."""

from __future__ import annotations

from typing import Any

import pytest

from stages.config.params import Params, ParamsFault
from stages.plan.cell import Known
from stages.plan.pairs import Pair, published_pairs, study_pairs
from stages.plan.planning import Plan
from stages.plan.repeats import repeated, with_repeats
from tests.reporting.results.studies import Edit, edited, planned, published, put

BOTH = {f"{model}-{seed}": (model, seed) for seed in (1, 2) for model in ("adm", "adm-ip-15")}


def repeat(**models: tuple[str, int]) -> Edit:
    """An edit that adds models equal to others but for the seed of their training."""

    def edit(params: dict[str, Any]) -> None:
        for name, (model, seed) in models.items():
            params[name.replace("_", "-")] = params[model] | {"seed": seed}

    return edit


def study(*edits: Edit) -> tuple[Plan, Params]:
    edits = (put("tables", ["ip-3", "ts-2"]), put("max_steps", 50), *edits)
    plan = planned(*edits)
    params = edited(*edits)
    return with_repeats(plan, params, Known(published().papers, {}), published().methods), params


def pairs(plan: Plan, params: Params) -> dict[str, Pair]:
    trainings = {name: params.training(name) for name in plan.stages.train}
    return {
        pair.changed_cell: pair
        for pair in repeated(published_pairs(plan.rows, published().methods), plan.stages.sample, trainings)
    }


def test_a_study_without_repeats_is_planned_as_it_was() -> None:
    plan, params = study()
    assert plan == planned(put("tables", ["ip-3", "ts-2"]), put("max_steps", 50))
    assert list(plan.stages.train) == list(planned(put("tables", ["ip-3", "ts-2"]), put("max_steps", 50)).stages.train)
    assert all(pair.repeats == () for pair in pairs(plan, params).values())


def test_a_pair_of_models_has_a_cell_of_both_on_each_seed_that_both_have() -> None:
    plain, _ = study()
    plan, params = study(repeat(**BOTH, **{"adm-3": ("adm", 3), "adm-ip-05-1": ("adm-ip-05", 1)}))
    assert plan.rows == plain.rows, "the first of equal sections is the published one"
    steps = (5, 10, 20, 50)
    assert list(plan.stages.sample)[: len(plain.stages.sample)] == list(plain.stages.sample)
    assert set(plan.stages.sample) - set(plain.stages.sample) == {
        f"{name}-ddim-clipped-none-{n}" for name in BOTH for n in steps
    }
    assert set(plan.stages.train) == {*plain.stages.train, *BOTH}
    assert set(plan.stages.diagnose) == {*plain.stages.diagnose, *BOTH}
    cell, first = (plan.stages.sample[f"{name}-ddim-clipped-none-5"] for name in ("adm-ip-15-1", "adm-ip-15"))
    assert cell == first.model_copy(update={"model": "adm-ip-15-1", "input": "models/adm-ip-15-1.safetensors"})
    found = pairs(plan, params)
    assert found["adm-ip-15-ddim-clipped-none-5"].repeats == (
        ("adm-1-ddim-clipped-none-5", "adm-ip-15-1-ddim-clipped-none-5"),
        ("adm-2-ddim-clipped-none-5", "adm-ip-15-2-ddim-clipped-none-5"),
    )
    assert {pair.axis for pair in found.values() if pair.repeats} == {"model"}
    assert all(len(pair.repeats) == 2 for pair in found.values() if pair.axis == "model")


def test_a_plan_made_before_leaves_out_the_seeds_that_it_lacks() -> None:
    plan, params = study(repeat(**BOTH))
    lacking = plan._replace(
        stages=plan.stages.model_copy(
            update={"sample": {key: cell for key, cell in plan.stages.sample.items() if cell.model != "adm-ip-15-1"}}
        )
    )
    assert {len(pair.repeats) for pair in pairs(lacking, params).values() if pair.axis == "model"} == {1}


@pytest.mark.parametrize(
    "edit",
    [
        repeat(adm_1=("adm", 1)),
        repeat(adm_1=("adm", 1), adm_ip_1=("adm-ip", 2)),
        repeat(adm_1=("adm", 1), adm_ip_1=("adm-ip-20", 1)),
    ],
)
def test_a_seed_or_a_model_of_one_side_alone_adds_nothing(edit: Edit) -> None:
    assert study(edit)[0].stages.sample == study()[0].stages.sample


def test_a_repeat_whose_fix_was_not_searched_for_is_left_out() -> None:
    edits = (put("tables", ["es-3"]), put("es/b", "tuned"), put("max_steps", 20), repeat(**BOTH))
    params = edited(*edits)
    known = Known(published().papers, {})
    assert (
        with_repeats(planned(*edits), params, known, published().methods).stages.sample == planned(*edits).stages.sample
    )


def test_a_pair_that_no_paper_prints_has_its_repeats_too() -> None:
    grid = {"models": ["adm", "adm-ip-20"], "samplers": ["ddim"], "fixes": ["none"], "steps": [7]}
    seeds = {f"{model}-{seed}": (model, seed) for seed in (1, 2) for model in ("adm", "adm-ip-20")}
    plan, params = study(repeat(**seeds), put("tables", []), put("grid", [grid]))
    assert set(plan.stages.sample) == {f"{name}-ddim-none-7" for name in ("adm", "adm-ip-20", *seeds)}
    own = study_pairs(plan.rows, published().methods, params, plan.stages.sample)
    trainings = {name: params.training(name) for name in plan.stages.train}
    (pair,) = repeated(own, plan.stages.sample, trainings)
    assert (pair.changed_cell, pair.repeats) == (
        "adm-ip-20-ddim-none-7",
        (("adm-1-ddim-none-7", "adm-ip-20-1-ddim-none-7"), ("adm-2-ddim-none-7", "adm-ip-20-2-ddim-none-7")),
    )


def test_the_seed_of_training_is_the_models_own_and_no_other_changes() -> None:
    params = edited(repeat(**BOTH))
    assert params.training("adm-1") == params.training("adm") | {"seed": 1}
    assert params.training("adm")["seed"] == params.seed == 0
    assert params.guiding("adm-1") == params.guiding("adm")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (repeat(adm_1=("adm", 0)), "adm-1.seed: 0: adm is trained alike on that seed; another one"),
        (repeat(adm_1=("adm", 3), adm_2=("adm", 3)), "adm-1.seed: 3: adm-2 is trained alike on that seed; another one"),
        (repeat(adm_1=("adm", -1)), "adm-1.seed: -1: input should be greater than or equal to 0"),
    ],
)
def test_seeds_that_are_refused(edit: Edit, message: str) -> None:
    with pytest.raises(ParamsFault) as fault:
        edited(edit)
    assert str(fault.value) == message

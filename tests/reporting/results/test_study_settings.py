"""The study's own values beside published settings."""

from __future__ import annotations

from typing import Any

from stages.plan.cell import Known
from stages.plan.planning import make_plan
from stages.reporting.results.study_settings import formula_settings, study_settings
from stages.store.records import ModelRecord
from tests.reporting.results.studies import (
    committed,
    edited,
    made_up_diagnosis,
    planned,
    published,
    put,
    rows_of,
)


def model_record(model: str, parameters: int) -> ModelRecord:
    digests = dict.fromkeys(("sha256", "snapshot_sha256", "dataset_sha256", "input_sha256"), "0" * 64)
    return ModelRecord(
        model=model, parameters=parameters, losses=[], initial_share=None, training={"iterations": 0}, **digests
    )


MODELS = {name: model_record(name, size) for name, size in (("adm", 353090), ("adm-ip", 1), ("ddpm-net", 2))}


def own(table: str, *edits: Any, **wanted: str) -> dict[str, set[str]]:
    """The study's values of a table, by metric, with '' for none."""
    plan = planned(*edits) if edits else committed()
    paper, number = table.split("-")
    found = study_settings(edited(*edits), plan.stages.sample.values(), plan.rows, MODELS, 1797)
    values: dict[str, set[str]] = {}
    for row in (planned_row.row for planned_row in plan.rows if planned_row.status == "setting"):
        if (row.paper, row.table) == (paper, number) and all(getattr(row, k) == v for k, v in wanted.items()):
            values.setdefault(row.metric, set()).add(found.get(row.key, ""))
    return values


def test_networks_and_training_of_adm() -> None:
    assert own("ip-9") == {
        "diffusion_steps": {"1000"},
        "noise_schedule": {"cosine"},
        "model_size": {"353,090"},
        "channels": {"32"},
        "residual_blocks": {"1"},
        "channel_multiple": {"1,1"},
        "head_channels": {"16"},
        "attention_resolution": {"4"},
        "biggan_updown": {"True"},
        "dropout": {"0.0"},
        "batch_size": {"64"},
        "iterations": {"2000"},
        "training_images": {"1797"},
        "learning_rate": {"0.001"},
    }


def test_network_and_training_of_the_ddpm_network() -> None:
    assert own("ip-10") == {
        "diffusion_steps": {"1000"},
        "noise_schedule": {"linear"},
        "channels": {"32"},
        "channel_multiple": {"1,1"},
        "residual_blocks": {"1"},
        "attention_resolution": {"4"},
        "dropout": {"0.0"},
        "variance_type": {""},
        "ema_rate": {"0.995"},
        "batch_size": {"64"},
        "iterations": {"2000"},
        "training_images": {"1797"},
        "optimizer": {"Adam"},
        "learning_rate": {"0.001"},
    }


def test_scaling_parameters() -> None:
    assert own("es-6", fix="es") == {"b": {"1.017"}}
    assert own("es-6", fix="es-linear") == {"k": {"0.001"}, "b": {"1.0075"}}
    assert own("es-6", put("es/b", 1.5), fix="es") == {"b": {"1.5"}}
    assert own("es-6", put("es-linear/k", 0.0), fix="es-linear") == {"k": {""}, "b": {""}}


def test_scaling_of_conditional_and_guided_cells_is_their_own() -> None:
    samplers = {"adm-ddpm": 1.1, "adm-class-ddpm": 1.2, "adm-class-linear-ddpm-guided": 1.3}
    tuned = {f"{name}-es-{steps}": {"b": b} for name, b in samplers.items() for steps in (100, 50, 20)}
    params = edited(put("es/b", "tuned"))
    plan = make_plan(params, Known(published().papers, tuned), published().readings)
    found = study_settings(params, plan.stages.sample.values(), plan.rows, MODELS, 1797)
    for dataset, b in (("cifar10", "1.1"), ("imagenet64", "1.2"), ("imagenet128", "1.3")):
        assert {found[row.row.key] for row in rows_of(plan, "es-6", dataset=dataset, fix="es", metric="b")} == {b}


def test_values_follow_the_recipe_of_the_model() -> None:
    assert own("ip-9", put("adm-recipe/lr", 1e-4))["learning_rate"] == {"0.0001"}
    assert own("ip-9", put("ddpm-recipe/lr", 1e-4))["learning_rate"] == {"0.001"}
    assert own("ip-10", put("ddpm-recipe/optimizer", "adamw"))["optimizer"] == {"AdamW"}
    network = put("adm-recipe/network/multipliers", [1, 2]), put("adm-recipe/network/attention_sizes", [])
    assert own("ip-9", *network)["channel_multiple"] == {"1,2"}
    assert own("ip-9", *network)["attention_resolution"] == {""}


def test_iterations_are_those_of_the_model_of_the_row() -> None:
    recipe = put("other", edited_recipe(iterations=7)), put("adm-ip/recipe", "other")
    assert own("ip-4", *recipe, model="adm-ip")["iterations"] == {"7"}
    assert own("ip-4", *recipe, model="adm")["iterations"] == {"2000"}


def edited_recipe(**values: Any) -> dict[str, Any]:
    return edited().recipes["adm-recipe"].model_dump() | values


def test_a_model_that_is_not_there_has_no_settings() -> None:
    gone = put("ddpm-net/gamma", 0.1), put("ddpm-net-ip/gamma", 0.1)
    assert {value for metric, values in own("ip-10", *gone).items() for value in values} == {"", "1797"}


def test_a_model_without_a_training_record_has_no_size() -> None:
    plan = committed()
    found = study_settings(edited(), plan.stages.sample.values(), plan.rows, {}, 1797)
    sizes = [row.row.key for row in plan.rows if row.row.metric == "model_size"]
    assert sizes
    assert not any(key in found for key in sizes)


def test_every_formula_has_its_measurement_beside_it() -> None:
    rows = rows_of(committed(), "es-1")
    found = formula_settings(committed().rows, made_up_diagnosis())
    assert list(found) == [row.row.key for row in rows]
    assert list(found.values()) == [
        "mean of x_t - sqrt(alpha_bar_t) x_0 = -0.001 ± 0.002 (adm, t = 473)",
        "0.500 ± 0.010, by the formula 0.500 (adm, t = 473)",
        "mean of x_t - sqrt(alpha_bar_t) x_0 = 0.004 ± 0.002 (adm, t = 473)",
        "0.625 ± 0.010, by the formula 0.510 (adm, t = 473)",
    ]

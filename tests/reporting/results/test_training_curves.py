"""FID against iterations: which model is set against which, paired differences, and when the base is overtaken."""

from __future__ import annotations

from typing import Any

import pytest

from stages.plan.pairs import base_models
from stages.reporting.results.training_curves import first_below_base, iteration_table
from stages.store.records import TrajectoryRecord
from tests.reporting.results.studies import edited, planned, put

PARAMS = edited()


def record(model: str, fids: dict[int, float], noise: tuple[float, ...] = (-0.5, 0, 0.5)) -> TrajectoryRecord:
    """A made-up record of FID along a training: all replicates share their noise."""
    points = [
        {"iteration": i, "value": fid, "margin": 1.0, "replicates": [fid + each for each in noise]}
        for i, fid in fids.items()
    ]
    return TrajectoryRecord.model_validate(
        {
            "model": model,
            "sampler": "ddpm",
            "fix": "none",
            "steps": 20,
            "n": 1000,
            "precision": "fp32",
            "labels": None,
            "seed": 0,
            "sampler_params": {},
            "fix_params": {},
            "model_sha256": "0" * 64,
            "evaluate": {"neighborhood": 3, "jackknife_groups": len(noise)},
            "snapshot_sha256": "0" * 64,
            "reference_sha256": "0" * 64,
            "network_sha256": "0" * 64,
            "points": points,
        }
    )


def test_a_model_is_compared_with_the_first_of_its_recipe_without_the_change() -> None:
    models = ["adm-ip", "adm", "adm-ip-20", "ddpm-net-ip", "adm-wd"]
    assert base_models(PARAMS, models) == {"adm-ip": "adm", "adm-ip-20": "adm"}
    assert base_models(PARAMS, ["adm-ip"]) == {}


def test_differences_are_paired_at_the_same_iteration_and_with_the_last_weights() -> None:
    records = {"adm": record("adm", {1: 9, 2: 5}), "adm-ip": record("adm-ip", {1: 8, 2: 6})}
    table = iteration_table(records, {"adm-ip": "adm"}).set_index(["model", "iteration"])
    # Shared noise leaves the difference without any of its own.
    assert list(table.loc[("adm-ip", 1), ["difference", "low", "high"]]) == pytest.approx([-1, -1, -1])
    assert list(table.loc[("adm-ip", 1), ["to_last", "to_last_low", "to_last_high"]]) == pytest.approx([3, 3, 3])
    assert list(table.loc[("adm-ip", 2), ["difference", "to_last"]]) == pytest.approx([1, 1])
    assert table.loc["adm", ["difference", "to_last"]].isna().to_numpy().all()


@pytest.mark.parametrize(("fids", "first"), [({1: 9, 2: 4, 3: 3}, 2), ({1: 9, 2: 5, 3: 6}, None)])
def test_when_the_last_fid_of_the_base_is_first_undercut(fids: dict[int, float], first: int | None) -> None:
    records = {"adm": record("adm", {1: 8, 2: 4.5, 3: 5}), "adm-ip": record("adm-ip", fids)}
    (found,) = first_below_base(iteration_table(records, {"adm-ip": "adm"}))
    assert (found["first"], found["certain"], found["fid"], found["iterations"]) == (first, first, 5, 3)


def test_a_difference_within_its_interval_is_not_certain() -> None:
    base = record("adm", {1: 5})
    better = record("adm-ip", {1: 4.9}, noise=(-0.9, 0.6, 0.3))
    (found,) = first_below_base(iteration_table({"adm": base, "adm-ip": better}, {"adm-ip": "adm"}))
    assert (found["first"], found["certain"]) == (1, None)


def test_models_with_a_trajectory_are_trained_and_keep_snapshots_others_none() -> None:
    plan = planned(put("trajectory/models", ["adm", "adm-ip-20"]), put("trajectory/iterations", [10, 20]))
    assert {name for name, model in plan.stages.train.items() if model.keep} == {"adm", "adm-ip-20"}
    assert plan.stages.train["adm-ip-20"].keep == [10, 20]
    assert "adm-ip-05" not in plan.stages.train, "no cell has it"
    assert {cell.model for cell in plan.stages.trajectory.values()} == {"adm", "adm-ip-20"}


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (
            "trajectory/sampler",
            "analytic-ddim",
            "trajectory: adm, analytic-ddim, 20 steps: takes moments besides noise",
        ),
        ("trajectory/models", ["ads"], "trajectory.models: 'ads' is no such section"),
        ("trajectory/iterations", [20, 10], r"trajectory: .*iterations: \[20, 10\]; each once, in rising order"),
    ],
)
def test_a_trajectory_that_cannot_be_is_refused(path: str, value: Any, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        planned(put("trajectory/models", ["adm"]), put(path, value))

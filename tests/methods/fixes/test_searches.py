"""The procedures of searches, on curves whose best values are known."""

from __future__ import annotations

import pytest

from stages.methods.fixes import epsilon_scaling, time_shift
from stages.sampling.trial import Measure, Trial, Values, best


def parabola(**centre: float) -> Measure:
    """A FID that grows with the relative distance from known values; what is not among them does not count."""

    def fid(values: Values) -> float:
        return 10 + sum(((values[name] - at) / (at - 1 if name == "b" else at)) ** 2 for name, at in centre.items())

    return fid


@pytest.mark.parametrize(("b", "near"), [(1.0042, 0.001), (1.0006, 0.0005), (1.014, 0.004), (1.06, 0.02), (1.2, 0.08)])
def test_b_is_found_coarse_then_fine(b: float, near: float) -> None:
    trials = epsilon_scaling.search(["b"], 20, 1000, parabola(b=b))
    assert best(trials).values["b"] == pytest.approx(b, abs=near)
    assert all(set(trial.values) == {"b"} for trial in trials)
    assert len({trial.values["b"] for trial in trials}) == len(trials) <= 14


def test_a_control_is_never_chosen() -> None:
    trials = epsilon_scaling.search(["b"], 20, 1000, lambda values: values["b"])
    assert min(trials, key=lambda trial: trial.fid).values["b"] == 0.97
    assert best(trials).values["b"] == 1.0005, "the smallest above 1"


def test_slopes_keep_the_mean_of_the_uniform_schedule() -> None:
    trials = epsilon_scaling.search(["b", "k"], 20, 1000, lambda v: (v["b"] + v["k"] * 9.5 - 1.01) ** 2 - v["k"])
    sloped = [trial for trial in trials if trial.values["k"]]
    assert [trial.values["k"] for trial in sloped] == [1e-4, 3e-4, 1e-3, 2.5e-3]
    assert all(t.values["b"] + t.values["k"] * 19 / 2 == pytest.approx(1.01, abs=1e-6) for t in sloped)
    assert best(trials).values == {"b": pytest.approx(1.01 - 2.5e-3 * 9.5), "k": 2.5e-3}


def test_k_alone_leaves_b_to_the_section() -> None:
    trials = epsilon_scaling.search(["k"], 20, 1000, lambda values: values["k"])
    assert [trial.values for trial in trials] == [{"k": k} for k in (1e-4, 3e-4, 1e-3, 2.5e-3)]


@pytest.mark.parametrize(
    ("steps", "windows"),
    [
        (5, [40, 80, 120, 160]),
        (10, [20, 40, 60, 80]),
        (20, [10, 20, 30, 40]),
        (50, [4, 8, 12, 16]),
        (100, [2, 4, 6, 8]),
    ],
)
def test_windows_first_then_cutoffs(steps: int, windows: list[int]) -> None:
    trials = time_shift.search(["window", "cutoff"], steps, 1000, parabola(window=windows[2], cutoff=200))
    assert [trial.values for trial in trials] == [
        *({"window": window, "cutoff": 300} for window in windows),
        *({"window": windows[2], "cutoff": cutoff} for cutoff in (200, 400)),
    ]
    assert best(trials).values == {"window": windows[2], "cutoff": 200}


def test_one_setting_alone() -> None:
    trials = time_shift.search(["cutoff"], 5, 1000, parabola(cutoff=300))
    assert [trial.values for trial in trials] == [{"cutoff": 300}, {"cutoff": 200}, {"cutoff": 400}]
    assert all(set(t.values) == {"window"} for t in time_shift.search(["window"], 5, 1000, parabola(window=40)))


def test_the_first_of_equals_is_best() -> None:
    assert best([Trial({"b": 2.0}, 1.0), Trial({"b": 3.0}, 1.0), Trial({"b": 1.0}, 0.0, control=True)]).values["b"] == 2

"""The procedures of searches, on curves whose best values are known."""

from __future__ import annotations

import pytest

from stages.methods.fixes import epsilon_scaling, time_shift
from stages.sampling.trial import Measure, Trial, Values, best, widened


def parabola(**centre: float) -> Measure:
    """A FID that grows with the relative distance from known values; what is not among them does not count."""

    def fid(values: Values) -> float:
        return 10 + sum(((values[name] - at) / (at - 1 if name == "b" else at)) ** 2 for name, at in centre.items())

    return fid


def tried(trials: list[Trial], name: str) -> list[float]:
    """The values of a setting in the order of the trials, controls apart."""
    return list(dict.fromkeys(trial.values[name] for trial in trials if not trial.control))


@pytest.mark.parametrize(("b", "near"), [(1.0042, 0.001), (1.0006, 0.0005), (1.014, 0.004), (1.06, 0.02), (1.2, 0.08)])
def test_b_is_found_coarse_then_fine(b: float, near: float) -> None:
    trials = epsilon_scaling.search(["b"], 20, 1000, parabola(b=b))
    assert best(trials).values["b"] == pytest.approx(b, abs=near)
    assert all(set(trial.values) == {"b"} for trial in trials)
    assert len({trial.values["b"] for trial in trials}) == len(trials) <= 14


def test_a_control_is_never_chosen() -> None:
    trials = epsilon_scaling.search(["b"], 20, 1000, lambda values: values["b"])
    assert [trial.values["b"] for trial in trials if trial.control] == [0.99, 1.0]
    assert min(trials, key=lambda trial: trial.fid).values["b"] == 0.99
    assert best(trials).values["b"] == 1.0005, "the smallest above 1"


def test_b_grows_while_the_largest_is_the_best_and_not_for_ever() -> None:
    trials = epsilon_scaling.search(["b"], 20, 1000, lambda values: -values["b"])
    assert [b for b in tried(trials, "b") if b > 1.03] == pytest.approx(
        [1.048, 1.0768, 1.12288, 1.196608, 1.159744], abs=1e-6
    ), "the last one is half way back from the largest"


def test_slopes_keep_the_mean_of_the_uniform_schedule() -> None:
    trials = epsilon_scaling.search(["b", "k"], 20, 1000, lambda v: (v["b"] + v["k"] * 9.5 - 1.01) ** 2 - v["k"])
    sloped = [trial for trial in trials if trial.values["k"]]
    slopes = [1e-4, 3e-4, 1e-3, 2.5e-3, 4e-3, 6.4e-3, 1.024e-2, 1.6384e-2]
    assert [trial.values["k"] for trial in sloped] == pytest.approx(slopes), "steeper while the steepest is the best"
    assert all(t.values["b"] + t.values["k"] * 19 / 2 == pytest.approx(1.01, abs=1e-6) for t in sloped)
    assert best(trials).values == {"b": pytest.approx(1.01 - 1.6384e-2 * 9.5), "k": 1.6384e-2}


def test_slopes_leave_lambda_positive() -> None:
    """Of 1001 steps, the mean of about 1.01 allows slopes below 2 * 1.01 / 1000."""
    trials = epsilon_scaling.search(["b", "k"], 1001, 1001, lambda v: (v["b"] + v["k"] * 500 - 1.01) ** 2 - v["k"])
    assert max(tried(trials, "k")) == 1e-3
    assert all(trial.values["b"] > 0 for trial in trials)


def test_k_alone_leaves_b_to_the_section() -> None:
    trials = epsilon_scaling.search(["k"], 20, 1000, lambda values: values["k"])
    assert [trial.values for trial in trials] == [{"k": k} for k in (1e-4, 3e-4, 1e-3, 2.5e-3)]


@pytest.mark.parametrize(
    ("steps", "windows"),
    [
        (5, [10, 30, 80, 160]),
        (10, [4, 16, 40, 80]),
        (20, [2, 8, 20, 40]),
        (50, [2, 4, 8, 16]),
        (100, [2, 4, 8]),
    ],
)
def test_windows_first_then_cutoffs(steps: int, windows: list[int]) -> None:
    trials = time_shift.search(["window", "cutoff"], steps, 1000, parabola(window=windows[1], cutoff=300))
    assert [trial.values for trial in trials] == [
        {"window": 0, "cutoff": 300},
        *({"window": window, "cutoff": 300} for window in windows),
        *({"window": windows[1], "cutoff": cutoff} for cutoff in (200, 400, 550, 900)),
    ]
    assert [trial.control for trial in trials] == [True] + [False] * (len(trials) - 1)
    assert best(trials).values == {"window": windows[1], "cutoff": 300}


def test_windows_and_cutoffs_fall_while_the_smallest_is_the_best() -> None:
    trials = time_shift.search(["window", "cutoff"], 5, 1000, lambda v: v["window"] + v["cutoff"])
    assert tried(trials, "window") == [10, 30, 80, 160, 4, 2]
    assert tried(trials, "cutoff") == [300, 200, 400, 550, 900, 100, 0]
    assert best(trials).values == {"window": 2, "cutoff": 0}
    assert len(trials) == 13


def test_windows_grow_while_the_largest_is_the_best_and_not_for_ever() -> None:
    trials = time_shift.search(["window"], 5, 1000, lambda values: -values["window"])
    assert tried(trials, "window") == [10, 30, 80, 160, 320, 640, 1280, 2560]


def test_a_cutoff_above_all_times_is_a_control() -> None:
    """It draws the images of no fix, whose FID is that of window 0."""

    def fid(values: Values) -> float:
        return 10.0 if values["window"] == 0 or values["cutoff"] >= 800 else 11.0 + values["window"]

    trials = time_shift.search(["window", "cutoff"], 5, 1000, fid)
    assert [trial.values for trial in trials if trial.control] == [
        {"window": 0, "cutoff": 300},
        {"window": 2, "cutoff": 900},
    ]
    assert best(trials).values == {"window": 2, "cutoff": 300}


@pytest.mark.parametrize(
    ("steps", "window", "cutoff"),
    [
        # README of TS-DPM: its F-PNDM, DPM-Solver-2, DEIS, and guided-diffusion's DDIM.
        (100, 5, 550),
        (5, 30, 300),
        (5, 10, 900),
        (5, 80, 300),
    ],
)
def test_the_ranges_include_the_examples_of_the_released_code(steps: int, window: int, cutoff: int) -> None:
    """Half of a window is searched to each side, in whole times: one of 5 is one of 4."""
    trials = time_shift.search(["window", "cutoff"], steps, 1000, parabola(window=window, cutoff=cutoff))
    assert {"window": 2 * (window // 2), "cutoff": cutoff} in [trial.values for trial in trials]
    assert best(trials).values == {"window": 2 * (window // 2), "cutoff": cutoff}


@pytest.mark.parametrize("steps", [5, 10, 20, 50, 100])
def test_a_search_of_a_window_at_its_smallest_takes_about_ten_trials(steps: int) -> None:
    trials = time_shift.search(["window", "cutoff"], steps, 1000, lambda v: v["window"] + abs(v["cutoff"] - 300))
    assert len(trials) <= 11


def test_one_setting_alone() -> None:
    trials = time_shift.search(["cutoff"], 5, 1000, parabola(cutoff=300))
    assert [trial.values for trial in trials] == [{"cutoff": cutoff} for cutoff in (300, 200, 400, 550, 900)]
    assert all(set(t.values) == {"window"} for t in time_shift.search(["window"], 5, 1000, parabola(window=40)))


def test_the_first_of_equals_is_best() -> None:
    assert best([Trial({"b": 2.0}, 1.0), Trial({"b": 3.0}, 1.0), Trial({"b": 1.0}, 0.0, control=True)]).values["b"] == 2


@pytest.mark.parametrize(
    ("centre", "values"),
    [(1, [0, 1, 2]), (2, [0, 1, 2, 3]), (3.2, [0, 1, 2, 3, 4]), (9, [0, 1, 2, 3, 4, 5])],
)
def test_a_range_is_widened_while_its_end_is_the_best(centre: float, values: list[int]) -> None:
    def made(b: float) -> Trial:
        return Trial({"b": b}, (b - centre) ** 2)

    line = [made(b) for b in (0, 1, 2)]
    assert tried(widened(line, line[-1], (3, 4, 5), made), "b") == values

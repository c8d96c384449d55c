"""Searches as rows and as curves."""

from __future__ import annotations

from stages.config.entries import Cell, Searched
from stages.reporting.plots.search_plot import search_plot
from stages.reporting.results.search_trials import curves, place_counts, searched_settings, trial_table

CELLS = {
    fix: Cell(
        model="adm",
        sampler="ddim",
        fix=fix,
        steps=5,
        network="adm",
        autoencoder="pixels",
        sampler_module="ddim",
        grid_module="uniform",
        fix_module=module,
        input="models/adm.safetensors",
        values={},
    )
    for fix, module in (("es", "epsilon_scaling"), ("es-linear", "epsilon_scaling"), ("ts", "time_shift"))
}
FOUND = {
    "es": Searched(
        values={"b": 1.003},
        settings="",
        trials=[
            {"b": 0.99, "fid": 1.0, "control": True},
            {"b": 1.001, "fid": 3.0},
            {"b": 1.003, "fid": 2.0},
        ],
    ),
    "es-linear": Searched(
        values={"b": 1.0, "k": 0.01},
        settings="",
        trials=[
            {"b": 1.001, "k": 0.0, "fid": 3.0},
            {"b": 1.003, "k": 0.0, "fid": 2.5},
            {"b": 1.0, "k": 0.01, "fid": 2.0},
        ],
    ),
    "ts": Searched(
        values={"window": 40, "cutoff": 200},
        places={"window": "inside", "cutoff": "lower edge"},
        settings="",
        trials=[
            {"window": 0, "cutoff": 300, "fid": 7.0, "control": True},
            {"window": 40, "cutoff": 300, "fid": 5.0},
            {"window": 80, "cutoff": 300, "fid": 6.0},
            {"window": 40, "cutoff": 200, "fid": 4.0},
        ],
    ),
}


def test_every_trial_is_a_row_and_one_of_each_cell_is_chosen() -> None:
    table = trial_table(FOUND, CELLS)
    assert len(table) == 10
    chosen = table[table["chosen"]].set_index("fix")
    assert chosen["fid"].to_dict() == {"es": 2.0, "es-linear": 2.0, "ts": 4.0}
    assert list(table.loc[table["control"], "b"].dropna()) == [0.99]
    assert chosen["places"].to_dict() == {"es": "", "es-linear": "", "ts": "window inside, cutoff lower edge"}
    assert not table.loc[~table["chosen"], "places"].any()


def test_places_are_counted_by_setting() -> None:
    found = FOUND | {"other": FOUND["ts"].model_copy(update={"places": {"window": "off", "cutoff": "lower edge"}})}
    assert place_counts(found) == {"window": {"inside": 1, "off": 1}, "cutoff": {"lower edge": 2}}


def test_a_curve_has_the_trials_that_differ_in_its_setting_alone() -> None:
    (b,), (window,) = list(curves(FOUND, CELLS, "b")), list(curves(FOUND, CELLS, "window"))
    assert [trial["b"] for trial in b["trials"]] == [0.99, 1.001, 1.003]
    assert (b["chosen"], b["fix"]) == (1.003, "es")
    assert [trial["window"] for trial in window["trials"]] == [0, 40, 80]
    assert (window["chosen"], window["place"]) == (40, "inside")
    (cutoff,) = curves(FOUND, CELLS, "cutoff")
    assert [trial["cutoff"] for trial in cutoff["trials"]] == [300, 200], "at the best window"
    assert list(curves(FOUND, CELLS, "k")) == []
    assert searched_settings(FOUND) == ["b", "k", "window", "cutoff"]


def test_cutoffs_are_those_at_the_best_window() -> None:
    trials = [
        {"window": 0, "cutoff": 300, "fid": 9.0, "control": True},
        {"window": 20, "cutoff": 300, "fid": 6.0},
        {"window": 40, "cutoff": 300, "fid": 5.0},
        {"window": 80, "cutoff": 300, "fid": 7.0},
        {"window": 40, "cutoff": 200, "fid": 4.0},
        {"window": 40, "cutoff": 400, "fid": 9.0, "control": True},
    ]
    found = {"ts": FOUND["ts"].model_copy(update={"trials": trials})}
    (cutoff,) = curves(found, CELLS, "cutoff")
    assert [trial["cutoff"] for trial in cutoff["trials"]] == [300, 200, 400]
    assert {trial["window"] for trial in cutoff["trials"]} == {40}
    assert cutoff["chosen"] == 200
    (window,) = curves(found, CELLS, "window")
    assert [trial["window"] for trial in window["trials"]] == [0, 20, 40, 80]
    assert (window["chosen"], {trial["cutoff"] for trial in window["trials"]}) == (40, {300})


def test_the_plot_is_the_same_bytes_each_time() -> None:
    found = list(curves(FOUND, CELLS, "window"))
    assert search_plot(found, "window") == search_plot(found, "window")
    assert "5 steps" in search_plot(found, "window")

"""``python -m stages search``: what it finds, writes and keeps, on a toy study."""

from __future__ import annotations

import shutil
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from stages import extractor, prepare, reference, train
from stages.__main__ import main
from stages.commands import search
from stages.commands.search import places
from stages.config.params import read_params
from stages.methods.fixes import time_shift
from stages.plan.plan_file import read_cells, read_plan
from stages.plan.result_files import TUNED, read_tuned, settings_digest, write_tuned
from stages.sampling.trial import Trial
from tests.toy import toy_params, write_params, write_study

ES, TS, LINEAR = (f"adm-ip-ddim-{fix}-4" for fix in ("es", "ts", "es-linear"))


def tuned_params() -> dict[str, Any]:
    params = toy_params()
    params["grid"] |= {"samplers": ["ddim"], "fixes": ["none", "es", "es-linear", "ts"]}
    params["es"]["b"] = params["es-linear"]["b"] = params["es-linear"]["k"] = "tuned"
    params["ts"] |= {"window": "tuned", "cutoff": "tuned"}
    return params


@pytest.fixture
def trained(project: Path) -> Path:
    params = tuned_params()
    params["grid"]["fixes"] = ["none"]
    params["adm-recipe"] |= {"iterations": 40, "lr": 0.003, "warmup": 5}
    write_study(params)
    for stage in (prepare, extractor, reference):
        stage.run()
    train.run("adm-ip")
    params["grid"]["fixes"] = ["none", "es", "es-linear", "ts"]
    write_params(params)
    return project


def test_it_writes_the_best_trial_of_each_cell_and_the_plan(trained: Path, capsys, monkeypatch) -> None:
    assert main(["plan"]) == 2
    assert "es.b is tuned: no search yet; run python -m stages search" in capsys.readouterr().err
    assert main(["search", "-j", "2"]) == 0
    found, cells = read_tuned(), read_cells().sample
    assert set(found) == {ES, LINEAR, TS}
    assert set(found[ES].values) == {"b"}
    assert set(found[LINEAR].values) == {"b", "k"}
    assert set(found[TS].values) == {"window", "cutoff"}
    for key, entry in found.items():
        eligible = [trial for trial in entry.trials if not trial.get("control")]
        least = min(eligible, key=lambda trial: trial["fid"])
        assert {name: least[name] for name in entry.values} == entry.values == cells[key].values
        assert entry.settings == settings_digest(read_params(), cells[key])
        assert set(entry.places) == set(entry.values)
    assert isinstance(found[TS].values["window"], int)
    # What is kept is not searched for again, and gives the same file.
    before = TUNED.read_bytes()
    monkeypatch.setattr(search, "run_beside", lambda keys, *_: keys == [] or pytest.fail(f"searched again: {keys}"))
    assert main(["search"]) == 0
    assert TUNED.read_bytes() == before
    # Nor is what the file itself has, as in a fresh clone; an entry that is gone is searched for.
    shutil.rmtree(search.FOUND)
    assert main(["search"]) == 0
    assert TUNED.read_bytes() == before
    write_tuned({key: entry for key, entry in found.items() if key != ES})
    with pytest.raises(pytest.fail.Exception, match=rf"searched again: \['{ES}'\]"):
        main(["search"])


def test_a_trial_is_the_score_of_its_images_on_the_seed_of_searches(trained: Path) -> None:
    assert main(["search", "-j", "2"]) == 0
    params, cell = read_params(), read_cells().sample[ES]
    measured = search.measure(params, cell)
    trial = read_tuned()[ES].trials[0]
    assert measured({"b": trial["b"]}) == pytest.approx(trial["fid"], abs=6e-5)
    other = params.model_copy(update={"search": params.search.model_copy(update={"seed": 1})})
    assert search.measure(other, cell)({"b": trial["b"]}) != pytest.approx(trial["fid"], abs=1e-3)


def test_a_trial_may_draw_fewer_images_than_a_score(trained: Path) -> None:
    """FIDs of 30 images are other ones, and a search of as many as a score has the digest of one that says nothing."""
    params = read_params()
    cell = read_plan(tuned=defaultdict(lambda: search.neutral_values(params))).stages.sample[ES]
    fewer, equal = (
        params.model_copy(update={"search": params.search.model_copy(update={"n": n})}) for n in (30, params.sample.n)
    )
    assert search.measure(fewer, cell)({"b": 1.0}) != search.measure(params, cell)({"b": 1.0})
    assert settings_digest(fewer, cell) != settings_digest(params, cell) == settings_digest(equal, cell)


def test_an_unknown_cell_is_one_line(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", "--cell", "adm-x"]) == 2
    told = "search: --cell: 'adm-x' is no cell of the plan whose fix has a tuned value\n"
    assert capsys.readouterr().err == told


def test_it_is_asked_for_something(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "search: no cell of the plan has a fix with the word tuned in params.yaml"


def test_a_cell_that_fails_is_named_and_nothing_is_written(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("data/models/adm-ip.safetensors").write_bytes(b"damaged")
    before = TUNED.read_bytes()
    assert main(["search", "-j", "1"]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("search: the search for adm-ip-ddim-")
    assert "failed; all that it printed: .scratch/grid/" in line
    assert TUNED.read_bytes() == before


def test_a_damaged_file_of_values_is_one_line(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    TUNED.write_text("adm-ip-ddim-es-4: {values: x}\n")
    params = tuned_params()
    write_params(params)
    assert main(["plan"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "plan: tuned.yaml: edited or damaged; run python -m stages search"


def test_an_entry_of_before_places_were_recorded_is_searched_anew(trained: Path, monkeypatch) -> None:
    assert main(["search", "-j", "2"]) == 0
    found = read_tuned()
    write_tuned(found | {TS: found[TS].model_copy(update={"places": {}})})
    shutil.rmtree(search.FOUND)
    monkeypatch.setattr(search, "run_beside", lambda keys, *_: pytest.fail(f"searched again: {keys}"))
    with pytest.raises(pytest.fail.Exception, match=rf"searched again: \['{TS}'\]"):
        main(["search"])


@pytest.mark.parametrize(
    ("fids", "place"),
    [
        # FID at b = 0.99 and 1, which are controls, and at 1.01, 1.02 and 1.03.
        ((9, 9, 3, 2, 3), "inside"),
        ((9, 9, 1, 2, 3), "inside"),
        ((9, 9, 3, 2, 1), "upper edge"),
        ((9, 1, 1, 2, 3), "off"),
        ((9, 0, 3, 2, 1), "off"),
        ((1, 2, 1, 2, 3), "below the range"),
        ((0, 0.5, 3, 2, 1), "below the range"),
    ],
)
def test_the_place_of_the_best_value(fids: tuple[float, ...], place: str) -> None:
    values = (0.99, 1.0, 1.01, 1.02, 1.03)
    trials = [Trial({"b": b}, fid, b <= 1) for b, fid in zip(values, fids, strict=True)]
    assert places(trials, {"b": 1.0, "k": 0.0}) == {"b": place}
    assert places(trials[2:], {"b": 1.0})["b"] != "off", "no control says so"


def test_the_lower_edge_has_nothing_below() -> None:
    assert places([Trial({"b": 1.0}, 1), Trial({"b": 2.0}, 2)], {"b": 0.0}) == {"b": "lower edge"}


def test_the_place_of_each_of_two_values() -> None:
    """Windows at the first cutoff, cutoffs at the best window."""
    trials = [Trial({"window": w, "cutoff": 300}, fid, w == 0) for w, fid in ((0, 9.0), (2, 2.0), (4, 3.0))]
    cutoffs = [Trial({"window": 2, "cutoff": c}, fid) for c, fid in ((200, 4.0), (400, 1.5), (900, 1.0))]
    neutral = {"window": 0, "cutoff": 0}
    assert places([*trials, *cutoffs], neutral) == {"window": "inside", "cutoff": "upper edge"}
    assert places([*trials, *cutoffs[:2]], neutral) == {"window": "inside", "cutoff": "upper edge"}
    without = [trials[0]._replace(fid=0.5), *trials[1:], *cutoffs]
    assert places(without, neutral) == {"window": "off", "cutoff": "off"}


def test_the_place_of_a_slope_and_of_its_mean() -> None:
    """b is on the line of the uniform schedules, k among all."""
    uniform = [Trial({"b": b, "k": 0.0}, fid, b == 1) for b, fid in ((1.0, 9), (1.01, 3), (1.02, 2), (1.03, 4))]
    sloped = [Trial({"b": b, "k": k}, fid) for b, k, fid in ((1.0, 1e-3, 3), (0.98, 2e-3, 1), (0.96, 3e-3, 5))]
    assert places([*uniform, *sloped], {"b": 1.0, "k": 0.0}) == {"b": "inside", "k": "inside"}
    assert places([*uniform, *sloped[:2]], {"b": 1.0, "k": 0.0}) == {"b": "inside", "k": "upper edge"}
    assert places([*uniform, *sloped[:1]], {"b": 1.0, "k": 0.0}) == {"b": "inside", "k": "lower edge"}


@pytest.mark.parametrize("variant", ["a", "b", "c", "d"])
def test_the_released_time_shifts_are_searched_as_the_one_of_the_paper(project: Path, variant: str) -> None:
    params = toy_params()
    params[f"ts-{variant}"] |= {"window": "tuned", "cutoff": "tuned"}
    write_params(params)
    fix = read_params().fixes[f"ts-{variant}"]
    assert search.searching_module(fix) is time_shift
    assert search.neutral_values(read_params()) == time_shift.NEUTRAL

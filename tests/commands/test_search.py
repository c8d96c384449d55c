"""``python -m stages search``: what it finds, writes and keeps, on a toy study."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from stages import extractor, prepare, reference, train
from stages.__main__ import main
from stages.commands import search
from stages.config.params import read_params
from stages.plan.plan_file import read_cells
from stages.plan.result_files import TUNED, read_tuned, settings_digest, write_tuned
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

"""The code of CONTRIBUTING.md, put where it says: only what is new runs under DVC, and it changes the images."""

from __future__ import annotations

import ast
import csv
import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from stages.reporting.results.differences import VERDICTS
from tests.dvc_study import KEYS, append, assign, both, edit, plan, read_study, repro, run, scores, stale
from tests.toy import ROOT, write_params

PAGE = (ROOT / "CONTRIBUTING.md").read_text()
FENCED = r"```(?:python|yaml|csv)\n(.*?)^```$"
PLACED = re.compile(rf"^(New file|At the end of) `([^`]+)`:\n\n{FENCED}", re.DOTALL | re.MULTILINE)
GRID = "grid: {"
SECTIONS = {
    title: [match.groups() for match in PLACED.finditer(text)]
    for title, text in re.findall(r"^## ([^\n]+)\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
}


def put(folder: Path, title: str) -> None:
    """Follow a section of the page."""
    for place, name, content in SECTIONS[title]:
        if place == "New file":
            assert not (folder / name).exists(), name
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(content)
        else:
            append(folder, name, content)


def images(folder: Path, key: str) -> np.ndarray:
    return np.load(folder / f"data/samples/{key}.npz")["arr_0"]


def table(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"reports/tables/{name}.csv").open() as content:
        return list(csv.DictReader(content))


def record(folder: Path, name: str) -> dict[str, Any]:
    return json.loads((folder / f"data/records/{name}.json").read_text())


def select(folder: Path, section: str, key: str) -> None:
    """Set the entry of params.yaml to what the page sets it to."""
    (value,) = set(re.findall(rf"Select it by `{section}\.{key}: ([\w-]+)`", PAGE))
    edit(folder, section, **{key: value})


def runs_alone_and_differs(folder: Path, new: set[str], key: str, base: str, model: str | None = None) -> None:
    """After a plan the new cells and their model alone are stale; one is run, scored, and has images of its own."""
    plan(folder)
    trained = {f"train@{model}"} if model else set()
    diagnosed = {f"diagnose@{model}"} if model else set()
    assert stale(folder) == trained | diagnosed | both(*new) | {"report"}
    assert repro(folder, f"evaluate@{key}") == trained | both(key)
    assert images(folder, key).shape == images(folder, base).shape
    assert not np.array_equal(images(folder, key), images(folder, base))
    assert scores(folder, key)["fid"]["value"] != scores(folder, base)["fid"]["value"]


def test_every_block_of_code_says_where_it_belongs() -> None:
    blocks = re.findall(rf"^{FENCED}", PAGE, re.DOTALL | re.MULTILINE)
    placed = [content for blocks in SECTIONS.values() for _, _, content in blocks]
    assert [block for block in blocks if not block.startswith(GRID)] == placed


def test_each_addition_is_one_file_and_a_section() -> None:
    files = {
        title: [name for _, name, _ in blocks if not name.startswith("tests/")]
        for title, blocks in SECTIONS.items()
        if blocks
    }
    assert files == {
        "A sampler": ["stages/methods/samplers/euler.py", "params.yaml"],
        "A time grid": ["stages/methods/grids/lower_half.py", "params.yaml"],
        "A fix": ["stages/methods/fixes/constant_shift.py", "params.yaml"],
        "A fix with tuned values": ["stages/methods/fixes/late_scaling.py", "params.yaml"],
        "A training objective": ["stages/methods/objectives/adm_min_snr.py", "params.yaml"],
        "An autoencoder": ["stages/networks/autoencoders/plain.py", "params.yaml"],
        "A data set": ["stages/datasets/digits_inverted.py"],
        "A feature network": ["stages/networks/feature_networks/random_features.py"],
        "A metric": ["stages/scoring/metrics/energy_distance.py"],
        "A paper": [f"data/published/{name}.csv" for name in ("mine", "papers", "tables", "methods")],
    }


def test_a_sampler_makes_nothing_stale_but_its_cells(study: Path) -> None:
    put(study, "A sampler")
    edit(study, "grid", samplers=["ddpm", "ddim", "euler"])
    new = {f"adm-ip-euler-{fix}-4" for fix in ("none", "es", "ts")}
    runs_alone_and_differs(study, new, "adm-ip-euler-none-4", "adm-ip-ddim-none-4")


def test_a_time_grid_makes_nothing_stale_but_its_cells(study: Path) -> None:
    put(study, "A time grid")
    edit(study, "grid", samplers=["ddpm", "ddim", "ddim-lower-half"])
    new = {f"adm-ip-ddim-lower-half-{fix}-4" for fix in ("none", "es", "ts")}
    runs_alone_and_differs(study, new, "adm-ip-ddim-lower-half-none-4", "adm-ip-ddim-none-4")


def test_a_fix_makes_nothing_stale_but_its_cells(study: Path) -> None:
    put(study, "A fix")
    edit(study, "grid", fixes=["none", "es", "ts", "later"])
    new = {f"adm-ip-{sampler}-later-4" for sampler in ("ddpm", "ddim")}
    runs_alone_and_differs(study, new, "adm-ip-ddim-later-4", "adm-ip-ddim-none-4")


def test_a_paper_is_csvs_alone_and_the_tuned_fix_that_it_compares_is_searched(study: Path) -> None:
    put(study, "A fix with tuned values")
    put(study, "A paper")
    assign(study, tables=["mine-1"])
    plan(study)
    assert stale(study) == {"audit", "report"}
    run(study, sys.executable, "-m", "stages", "search", "-j", "2")
    key = "adm-ip-ddim-late-4"
    found = yaml.safe_load((study / "tuned.yaml").read_text())
    assert set(found) == {key}
    assert found[key]["values"]["b"] in (1.01, 1.03, 1.1)
    assert stale(study) == both(key) | {"audit", "report"}
    assert repro(study) == both(key) | {"audit", "report"}
    assert not np.array_equal(images(study, key), images(study, "adm-ip-ddim-none-4"))
    (difference,) = [row for row in table(study, "differences") if row["paper"] == "mine"]
    assert (difference["cell"], difference["fix"], difference["against"]) == (key, "late", "none")
    assert difference["printed"] == "mine-1 cifar10 -20.0"
    assert difference["verdict"] in VERDICTS
    page = (study / "reports/report.html").read_text()
    assert "four papers (Input Perturbation, Epsilon Scaling, Time-Shift and Late Scaling)" in page
    assert "A Late Scaling for Diffusion Models (2026 preprint)" in page
    assert "Late Scaling lowers FID of ddim, adm-ip" in page


def test_an_objective_makes_nothing_stale_but_its_model_and_cells(study: Path) -> None:
    put(study, "A training objective")
    edit(study, "grid", models=["adm-ip", "min-snr"])
    new = {key.replace("adm-ip", "min-snr") for key in KEYS}
    runs_alone_and_differs(study, new, "min-snr-ddim-none-4", "adm-ip-ddim-none-4", model="min-snr")


EVALUATED = {f"evaluate@{key}" for key in KEYS}


def test_a_metric_scores_every_cell_again_and_samples_none(study: Path) -> None:
    put(study, "A metric")
    assert stale(study) == {"reference", "report"} | EVALUATED


def test_a_feature_network_is_prepared_and_scores_every_cell_again(study: Path) -> None:
    put(study, "A feature network")
    assert stale(study) == set()
    select(study, "extractor", "network")
    plan(study)
    assert stale(study) == {"extractor", "reference", "report"} | EVALUATED


def test_a_data_set_is_prepared_and_what_reads_its_name_is_stale(study: Path) -> None:
    put(study, "A data set")
    assert stale(study) == set()
    select(study, "prepare", "dataset")
    plan(study)
    assert stale(study) == {"prepare", "reference", "train@adm-ip", "report"}
    assert repro(study, "prepare") == {"prepare"}
    assert {"extractor", "diagnose@adm-ip"} <= stale(study), "what reads its images"


def test_an_autoencoder_makes_nothing_stale_but_its_model_and_cells(study: Path) -> None:
    put(study, "An autoencoder")
    params = read_study(study)
    # ADM's sampler takes a variance that the network of latents does not predict.
    params["grid"] = [params["grid"], params["grid"] | {"models": ["ldm-plain"], "samplers": ["ddim"]}]
    write_params(params, study)
    plan(study)
    new = {key.replace("adm-ip", "ldm-plain") for key in KEYS if "ddim" in key}
    assert stale(study) == {"autoencoder@plain", "train@ldm-plain", "report"} | both(*new)


@pytest.fixture(scope="module")
def extended(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of one cell with a metric, feature network, data set and autoencoder from the page, complete."""
    folder = tmp_path_factory.mktemp("extended") / "study"
    shutil.copytree(built, folder, symlinks=True)
    for title in ("A metric", "A feature network", "A data set", "An autoencoder"):
        put(folder, title)
    select(folder, "extractor", "network")
    select(folder, "prepare", "dataset")
    edit(folder, "grid", models=["ldm-plain"], samplers=["ddim"], fixes=["none"])
    plan(folder)
    run(folder, sys.executable, "-m", "stages", "grid", "-j", "2")
    assert stale(folder) == set()
    return folder


def test_a_study_runs_on_a_new_data_set_and_feature_network(extended: Path) -> None:
    assert record(extended, "dataset")["dataset"] == "digits-inverted"
    assert record(extended, "extractor")["network"] == "random-features"
    real = np.load(extended / "data/dataset.npz")["images"]
    assert real.mean() > 128, "black on white"
    assert images(extended, "ldm-plain-ddim-none-4").shape[1:] == real.shape[1:]


def test_a_new_metric_is_a_column_of_the_scores(extended: Path) -> None:
    (row,) = table(extended, "scores")
    found = scores(extended, "ldm-plain-ddim-none-4")["energy_distance"]
    assert float(row["energy_distance"]) == pytest.approx(found["value"], rel=1e-5)
    assert float(row["energy_distance_margin"]) == pytest.approx(found["margin"], rel=1e-5)
    assert found["value"] > 0, "the images of an untrained model are not those of the data set"
    assert record(extended, "reference")["floor"]["energy_distance"] < found["value"] / 10


def test_a_new_autoencoder_reconstructs_the_images(extended: Path) -> None:
    found = record(extended, "autoencoders/plain")
    assert found["mse"] < found["mean_image_mse"] / 2
    assert found["scale"] > 0


@pytest.fixture
def followed(tmp_path: Path) -> Path:
    """The project with the code and papers of the page, and its default params with the page's grid and no table."""
    for name in ("stages", "tests", "data/published"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("params.yaml", "pyproject.toml", "dvc.yaml"):
        shutil.copy(ROOT / name, tmp_path / name)
    for title in SECTIONS:
        put(tmp_path, title)
    (grid,) = re.findall(rf"^{GRID}.*$", PAGE, re.MULTILINE)
    params = tmp_path / "params.yaml"
    text = re.sub("^tables: .*$", "tables: []", params.read_text(), flags=re.MULTILINE)
    params.write_text(re.sub(r"^grid:.*\n(?:  - .*\n)*", f"{grid}\n", text, flags=re.MULTILINE))
    return tmp_path


def test_the_grid_of_the_page_is_planned_with_the_default_params(followed: Path) -> None:
    plan(followed)
    cells = yaml.safe_load((followed / "cells.json").read_text())["plan"]["sample"]
    assert set(cells) == {"adm-ddim-none-10", "adm-euler-none-10"}


def test_the_test_of_the_page_passes_and_its_code_keeps_the_house_rules(followed: Path) -> None:
    tests = [name for blocks in SECTIONS.values() for _, name, _ in blocks if name.startswith("tests/")]
    rules = ["tests/test_structure.py", "tests/config/test_method_settings.py"]
    for name in ("README.md", "CONTRIBUTING.md"):
        shutil.copy(ROOT / name, followed / name)
    run(followed, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests, *rules)
    new = [name for blocks in SECTIONS.values() for place, name, _ in blocks if place == "New file"]
    written = [name for name in new if name.endswith(".py")]
    for command in (("check",), ("format", "--check")):
        run(followed, "ruff", *command, "--no-cache", *written)


def test_every_file_that_the_page_names_is_there() -> None:
    new = {name for blocks in SECTIONS.values() for place, name, _ in blocks if place == "New file"}
    named = set(re.findall(r"`((?:stages|tests|data/published)/[\w./]+\.\w+|params\.yaml|dvc\.yaml)`", PAGE))
    for name in {name for name in named if "NAME" not in name} - new:
        assert (ROOT / name).is_file(), name


def test_every_name_of_code_that_the_page_gives_is_there() -> None:
    for name, file in re.findall(r"`([A-Z_]+)` in `(stages/[\w/]+\.py)`", PAGE):
        targets = []
        for node in ast.parse((ROOT / file).read_text()).body:
            if isinstance(node, ast.Assign):
                targets += node.targets
            elif isinstance(node, ast.AnnAssign):
                targets.append(node.target)
        assert name in {target.id for target in targets if isinstance(target, ast.Name)}, name

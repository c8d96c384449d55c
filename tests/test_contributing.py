"""The code of CONTRIBUTING.md, put where it says: only what is new runs under DVC, and it changes the images."""

from __future__ import annotations

import ast
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from tests.dvc_study import KEYS, append, assign, both, edit, plan, repro, run, scores, stale
from tests.toy import ROOT

PAGE = (ROOT / "CONTRIBUTING.md").read_text()
PLACED = re.compile(r"^(New file|At the end of) `([^`]+)`:\n\n```(?:python|yaml)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
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
    blocks = re.findall(r"^```(?:python|yaml)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    placed = [content for blocks in SECTIONS.values() for _, _, content in blocks]
    assert [block for block in blocks if not block.startswith(GRID)] == placed
    assert {title: len(blocks) for title, blocks in SECTIONS.items() if blocks} == {
        "A sampler": 3,
        "A time grid": 2,
        "A fix": 2,
        "A fix with tuned values": 2,
        "A training objective": 2,
    }


@pytest.mark.parametrize("title", [title for title, blocks in SECTIONS.items() if blocks])
def test_a_method_is_one_file_and_a_section(title: str) -> None:
    places = [name for _, name, _ in SECTIONS[title] if not name.startswith("tests/")]
    assert len(places) == 2
    assert places[0].startswith("stages/methods/")
    assert places[1] == "params.yaml"


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


def add_paper(folder: Path) -> None:
    """Add a paper that compares Late Scaling with no fix, by CSVs alone."""
    lines = {
        "papers.csv": "mine,Late Scaling,A Late Scaling for Diffusion Models,2026 preprint",
        "tables.csv": "mine,1,Late Scaling of ADM-IP",
        "methods.csv": "fix,late-scaling,Late Scaling,none",
    }
    for name, line in lines.items():
        content = (folder / name).read_text().rstrip()
        (folder / name).write_text(f"{content}\n{line}\n")
    header = (folder / "ts.csv").read_text().splitlines()[0]
    rows = [
        f"mine,1,ADM-IP + {fix},4 steps,cifar10,adm-ip,ddim,uniform,0,{fix},4,fid,{value},,,,Table 1,paper,"
        for fix, value in (("none", "5.0"), ("late-scaling", "4.0"))
    ]
    (folder / "mine.csv").write_text("\n".join([header, *rows, ""]))


def test_a_tuned_fix_that_a_paper_compares_is_searched_and_has_its_difference(study: Path) -> None:
    put(study, "A fix with tuned values")
    add_paper(study / "data/published")
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
    differences = (study / "reports/tables/differences.csv").read_text().splitlines()
    assert [line for line in differences if line.startswith("mine,") and "late-scaling" in line]


def test_an_objective_makes_nothing_stale_but_its_model_and_cells(study: Path) -> None:
    put(study, "A training objective")
    edit(study, "grid", models=["adm-ip", "min-snr"])
    new = {key.replace("adm-ip", "min-snr") for key in KEYS}
    runs_alone_and_differs(study, new, "min-snr-ddim-none-4", "adm-ip-ddim-none-4", model="min-snr")


@pytest.fixture
def followed(tmp_path: Path) -> Path:
    """The project's code with the whole page followed, and its default params with the page's grid and no table."""
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
    written = [name for blocks in SECTIONS.values() for place, name, _ in blocks if place == "New file"]
    for command in (("check",), ("format", "--check")):
        run(followed, "ruff", *command, "--no-cache", *written)


def test_every_file_that_the_page_names_is_there() -> None:
    new = {name for blocks in SECTIONS.values() for place, name, _ in blocks if place == "New file"}
    named = set(re.findall(r"`((?:stages|tests|data/published)/[\w./]+\.\w+|params\.yaml|dvc\.yaml)`", PAGE))
    for name in {name for name in named if "NAME" not in name} - new:
        assert (ROOT / name).is_file(), name


def test_every_name_of_code_that_the_page_gives_is_there() -> None:
    for name, file in re.findall(r"`([A-Z]+)` in `(stages/[\w/]+\.py)`", PAGE):
        tree = ast.parse((ROOT / file).read_text())
        targets = [n for node in tree.body if isinstance(node, ast.Assign) for n in node.targets]
        assert name in {target.id for target in targets if isinstance(target, ast.Name)}, name

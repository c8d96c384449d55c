"""A stage whose inputs change while it runs fails under DVC, and no other: DVC would record the new ones."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dvc.repo import Repo

from stages import evaluate, report, train
from stages.__main__ import main
from stages.config.params import read_params
from stages.store.stage_inputs import dependencies
from tests.dvc_study import append, assign, edit
from tests.toy import ROOT, copy_project, toy_params, write_study

MODEL, CELL = "adm-ip", "adm-ip-ddim-es-4"
HERE = Path()


@pytest.fixture
def whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a file in place of each input of the stages below."""
    copy_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    write_study(toy_params())
    # That of a project with its own code, not of a study beside it.
    shutil.copy(ROOT / "dvc.yaml", tmp_path)
    for address in (f"train@{MODEL}", f"evaluate@{CELL}", "report"):
        for path in dependencies(address)[0]:
            if not Path(path).exists():
                Path(path).parent.mkdir(parents=True, exist_ok=True)
                Path(path).write_text("content")
    return tmp_path


def run_while(monkeypatch: pytest.MonkeyPatch, address: str, change: Callable[[], object]) -> int:
    """The exit status of a stage under DVC that reads its params, and while which something changes."""
    name, _, key = address.partition("@")

    def run(**_: str) -> None:
        read_params()
        change()

    monkeypatch.setattr({"train": train, "evaluate": evaluate, "report": report}[name], "run", run)
    monkeypatch.setenv("DVC_STAGE", address)
    monkeypatch.setattr("stages.store.stage_inputs.PAUSE", 0.01)
    return main([name, key] if key else [name])


def touch(path: str) -> None:
    """Write a file again with the same content, as another file."""
    shutil.copy(path, "copy.tmp")
    os.replace("copy.tmp", path)


def replace(path: str, before: str, after: str) -> None:
    text = Path(path).read_text()
    assert before in text
    Path(path).write_text(text.replace(before, after))


CHANGES: dict[str, tuple[str, Callable[[], object], str]] = {
    "value": ("train", lambda: edit(HERE, MODEL, gamma=0.3), "params.yaml: adm-ip.gamma = 0.1, now 0.3"),
    "nested value": (
        "train",
        lambda: replace("params.yaml", "channels: 32", "channels: 16"),
        "params.yaml: adm-recipe.network.channels = 32, now 16",
    ),
    "value of its own": ("train", lambda: assign(HERE, seed=5), "params.yaml: seed = 0, now 5"),
    "new key": ("train", lambda: edit(HERE, MODEL, seed=4), "params.yaml: adm-ip.seed = null, now 4"),
    "removed section": (
        "train",
        lambda: replace("params.yaml", "\nadm-ip:", "\nadm-pi:"),
        'params.yaml: adm-ip = {"gamma": 0.1, "method": "adm", "recipe": "adm-recipe"}, now null',
    ),
    "value of the plan": ("train", lambda: replace("values.json", '"keep": []', '"keep": [2]'), "values.json: train."),
    "data": ("train", lambda: append(HERE, "data/dataset.npz"), "data/dataset.npz: "),
    "removed data": ("train", Path("data/dataset.npz").unlink, "data/dataset.npz: "),
    "code": ("train", lambda: append(HERE, "stages/train.py"), "stages/train.py: "),
    "code of a folder": ("train", lambda: append(HERE, "stages/training/loop.py"), "stages/training/loop.py: "),
    "new file of a folder": ("train", Path("stages/training/new.py").touch, "stages/training/new.py: "),
    "removed file of a folder": ("train", Path("stages/training/loop.py").unlink, "stages/training/loop.py: "),
    "images": (f"evaluate@{CELL}", lambda: append(HERE, f"data/samples/{CELL}.npz"), f"data/samples/{CELL}.npz: "),
    "plan": ("report", lambda: append(HERE, "cells.json"), "cells.json: "),
    "published": ("report", lambda: append(HERE, "data/published/ip.csv"), "data/published/ip.csv: "),
    "broken params": ("train", lambda: Path("params.yaml").write_text("seed: ["), "params.yaml: not valid YAML: "),
    "missing params": ("train", Path("params.yaml").unlink, "params.yaml: not found"),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_an_input_that_changes_is_one_line(whole: Path, monkeypatch, capsys, kind: str) -> None:
    address, change, told = CHANGES[kind]
    address = f"train@{MODEL}" if address == "train" else address
    assert run_while(monkeypatch, address, change) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{address.partition('@')[0]}: {told}")
    assert line.endswith(f"is mended by dvc repro -s -f {address})")


OTHERS: dict[str, Callable[[], object]] = {
    "another section": lambda: edit(HERE, "es", b=1.3),
    "another model": lambda: edit(HERE, "adm", gamma=0.3),
    "how to compute": lambda: edit(HERE, "runtime", batch_size=7),
    "another value of the plan": lambda: replace("values.json", '"reverse_steps": []', '"reverse_steps": [3]'),
    "code of another stage": lambda: append(HERE, "stages/sample.py"),
    "cache of a folder": lambda: append(HERE, "stages/training/__pycache__/loop.cpython-311.pyc"),
    "layout of params": lambda: append(HERE, "params.yaml"),
    "the same data written again": lambda: touch("data/dataset.npz"),
    "there and back": lambda: (edit(HERE, MODEL, gamma=0.3), edit(HERE, MODEL, gamma=0.1)),
    "nothing": lambda: None,
}


@pytest.mark.parametrize("kind", OTHERS)
def test_what_a_stage_does_not_depend_on_may_change(whole: Path, monkeypatch, capsys, kind: str) -> None:
    cache = Path("stages/training/__pycache__/loop.cpython-311.pyc")
    cache.parent.mkdir()
    cache.touch()
    assert run_while(monkeypatch, f"train@{MODEL}", OTHERS[kind]) == 0
    assert capsys.readouterr().err == ""


def test_a_file_that_is_being_saved_is_waited_for(whole: Path, monkeypatch) -> None:
    """An editor empties the file, and writes it a moment later."""
    content = Path("params.yaml").read_text()

    def save() -> None:
        Path("params.yaml").write_text(content[: len(content) // 2])
        threading.Thread(target=lambda: (time.sleep(0.3), Path("params.yaml").write_text(content))).start()

    monkeypatch.setattr("stages.store.stage_inputs.TRIES", 500)
    assert run_while(monkeypatch, f"train@{MODEL}", save) == 0


def test_a_value_read_before_an_edit_is_compared_as_it_was_read(whole: Path, monkeypatch, capsys) -> None:
    """What counts is what the stage has computed with, and that is read once."""

    def change() -> None:
        replace("params.yaml", "gamma: 0.1\n", "gamma: 0.3\n")
        assert read_params().training(MODEL)["gamma"] == 0.1

    assert run_while(monkeypatch, f"train@{MODEL}", change) == 2
    assert "gamma = 0.1, now 0.3" in capsys.readouterr().err


def test_by_hand_nothing_is_recorded_and_nothing_refused(whole: Path, monkeypatch) -> None:
    monkeypatch.setattr(train, "run", lambda model: edit(HERE, model, gamma=0.3))
    monkeypatch.delenv("DVC_STAGE", raising=False)
    assert main(["train", MODEL]) == 0


def test_a_stage_that_failed_keeps_its_own_message(whole: Path, monkeypatch) -> None:
    monkeypatch.setattr(train, "run", lambda model: edit(HERE, model, gamma=0.3) or 3)
    monkeypatch.setenv("DVC_STAGE", f"train@{MODEL}")
    assert main(["train", MODEL]) == 3


@pytest.mark.parametrize("folder", [".", "studies/quick", "studies/seeds"])
def test_what_a_stage_depends_on_is_what_dvc_says(monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
    """Of each stage of dvc.yaml, the first of those that repeat."""
    monkeypatch.chdir(ROOT / folder)
    with Repo() as repo:
        all_stages: list[Any] = list(repo.index.stages)
        names = {stage.name.partition("@")[0]: stage for stage in reversed(all_stages)}
        assert {"prepare", "train", "sample", "evaluate", "report"} <= set(names)
        for stage in names.values():
            paths, params = dependencies(stage.name)
            assert sorted(paths) == sorted(dep.def_path for dep in stage.deps if not hasattr(dep, "params"))
            expected = {dep.def_path: sorted(dep.params) for dep in stage.deps if hasattr(dep, "params")}
            assert {file: sorted(keys) for file, keys in params.items()} == expected

"""A study of one's own: made from data, fitted to it, refused in one line, and nothing left behind."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.__main__ import main
from stages.commands import new
from stages.plan.plan_file import read_cells
from tests.datasets.test_folder import as_folder, as_zip, images
from tests.toy import ROOT


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's folder as far as the command needs it, entered."""
    monkeypatch.chdir(tmp_path)
    for name in ("params.yaml", "dvc.yaml", ".dvcignore", ".dvc/plots", "studies/quick/params.yaml", "data"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.setattr(new, "CODE", tmp_path / "stages")
    (tmp_path / "stages").symlink_to(ROOT / "stages")
    return tmp_path


def params_of(name: str) -> dict[str, Any]:
    return yaml.safe_load(Path(f"studies/{name}/params.yaml").read_text())


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    before = sorted(Path("studies").iterdir())
    capsys.readouterr()
    assert main(["new", *arguments]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("new: ")
    assert sorted(Path("studies").iterdir()) == before, "nothing is left"
    return line


def test_a_study_of_ones_own_images(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    as_zip(images(200, 32), Path("mine.zip"))
    assert main(["new", "mine", "--data", "mine.zip", "--size", "16"]) == 0
    printed = capsys.readouterr().out
    assert printed.endswith("next: cd studies/mine && python -m stages grid\n")
    found = params_of("mine")
    assert found["prepare"] == {"dataset": "folder", "path": "../../mine.zip", "size": 16}
    network = found["adm-recipe"]["network"]
    assert (network["multipliers"], network["attention_sizes"]) == ([1, 2, 2], [8])
    assert found["adm-recipe"]["flip"] is True
    assert (found["extractor"]["network"], found["extractor"]["channels"]) == ("efficientnet-lite0", 192)
    assert "# after IP, Table 9" in Path("studies/mine/params.yaml").read_text(), "comments stay"
    capsys.readouterr()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir("studies/mine")
        assert main(["check"]) == 0
        assert read_cells().images == "../../mine.zip"
        assert main(["prepare"]) == 0
        assert Path("data/dataset.npz").exists()
        assert Path("dvc.yaml").exists()


@pytest.mark.parametrize(
    ("size", "multipliers", "attention"),
    [
        (8, [1, 2], [4]),
        (12, [1, 2], [6]),
        (28, [1, 2, 2], [14]),
        (32, [1, 2, 2, 2], [16, 8]),
        (64, [1, 2, 2, 2], [16, 8]),
    ],
)
def test_networks_fit_the_size(size: int, multipliers: list[int], attention: list[int]) -> None:
    assert new.levels(size) == (multipliers, attention)


def test_digits_need_no_change(root: Path) -> None:
    assert main(["new", "again"]) == 0
    quick = yaml.safe_load((ROOT / "studies/quick/params.yaml").read_text())
    assert params_of("again") == quick


def test_the_default_study_is_fitted_in_all_its_recipes(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    as_folder(images(600, 16), Path("mine"))
    assert main(["new", "wide", "--like", "default", "--data", "mine", "--size", "16"]) == 0
    found = params_of("wide")
    assert found["adm-class-recipe"]["network"]["classes"] == 2
    recipes = [each for each in found.values() if isinstance(each, dict) and "t_sampling" in each]
    assert len(recipes) > 3
    assert all(recipe["network"]["attention_sizes"] == [8] for recipe in [*recipes, {"network": found["guide"]}])
    assert "python -m stages search" in capsys.readouterr().out


def test_what_makes_no_study_is_refused(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    as_zip(images(200, 32), Path("mine.zip"))
    as_zip(images(30, 32), Path("few.zip"))
    as_zip(images(100, 32), Path("some.zip"))
    assert "studies/quick: exists" in refused(capsys, "quick")
    assert "'Mine': a study's name" in refused(capsys, "Mine")
    assert "'../x': a study's name" in refused(capsys, "../x")
    assert "--data faces: not found; allowed are cifar10" in refused(capsys, "mine", "--data", "faces")
    assert "--like slow: no such study; allowed are default, quick" in refused(capsys, "mine", "--like", "slow")
    assert "--size 15: a U-Net halves" in refused(capsys, "mine", "--data", "mine.zip", "--size", "15")
    assert "--size 2: folder: " in refused(capsys, "mine", "--data", "mine.zip", "--size", "2")
    assert "--size 8: digits: " in refused(capsys, "mine", "--size", "8")
    assert "30 images make no batch" in refused(capsys, "mine", "--data", "few.zip")
    assert "100 images are too few for 112 features" in refused(capsys, "mine", "--data", "some.zip")
    shutil.copy("mine.zip", "cut.zip")
    Path("cut.zip").write_bytes(Path("mine.zip").read_bytes()[:5000])
    refused(capsys, "mine", "--data", "cut.zip")


def test_it_runs_in_the_projects_folder_alone(root: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.chdir("studies")
    assert main(["new", "mine"]) == 2
    assert "run it in the folder of the project" in capsys.readouterr().err


def test_a_plan_that_fails_leaves_no_folder(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(new, "read_plan", failing)
    main(["new", "mine"])
    assert not Path("studies/mine").exists()

"""A study in a folder of its own, without links: every DVC command that works at the root works in it."""

from __future__ import annotations

import csv
import io
import json
import sys
import time
from pathlib import Path

import pytest
import yaml

from tests.dvc_study import KEYS, attempt, commit, edit, executed, repro, run, stale
from tests.toy import ROOT, copy_project, toy_params, write_params

ES = {key for key in KEYS if "-es-" in key}
STUDY = Path("studies/quick")


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a toy study in the place of the quick one, complete and committed."""
    project = tmp_path_factory.mktemp("project")
    copy_project(project)
    for place in (project / ".dvc", project / STUDY / ".dvc"):
        place.mkdir(parents=True, exist_ok=True)
        (place / "config").write_text((ROOT / STUDY / ".dvc/config").read_text())
        (place / ".gitignore").write_text((ROOT / STUDY / ".dvc/.gitignore").read_text())
    (project / STUDY / ".dvcignore").write_text((ROOT / STUDY / ".dvcignore").read_text())
    params = toy_params()
    params["adm-recipe"] |= {"iterations": 40, "lr": 0.003, "warmup": 5}
    params["grid"] |= {"samplers": ["ddim"], "fixes": ["none", "es"]}
    write_params(params, project / STUDY)
    run(project, "git", "init", "-q")
    in_study(project, sys.executable, "-m", "stages", "plan")
    commit(project)
    assert repro_ran(project) >= {"train@adm-ip", "report"}
    commit(project)
    return project


def in_study(project: Path, *command: str) -> str:
    """Return the output of a command that must succeed in the study, with the project's own package."""
    result = attempt(project / STUDY, *command, package=project)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr


def repro_ran(project: Path) -> set[str]:
    return executed(in_study(project, "dvc", "repro"))


def experiments(project: Path) -> dict[str, dict[str, str]]:
    """The rows of ``dvc exp show`` by the names of experiments and revisions."""
    table = in_study(project, "dvc", "exp", "show", "--csv")
    rows = csv.DictReader(io.StringIO(table[table.index("Experiment,") :]))
    return {row["Experiment"] or row["rev"]: row for row in rows}


def b_of(project: Path) -> float:
    return yaml.safe_load((project / STUDY / "params.yaml").read_text())["es"]["b"]


def test_a_study_has_a_pipeline_of_its_own_and_no_links(quick: Path) -> None:
    study = quick / STUDY
    assert not [path for path in study.rglob("*") if path.is_symlink() and ".dvc" not in path.parts]
    written = yaml.safe_load((study / "dvc.yaml").read_text())
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    assert set(written["stages"]) == set(stages)
    for name, stage in stages.items():
        deps = {dep.replace("stages/", "../../stages/") for dep in stage.get("do", stage)["deps"]}
        deps = {dep.replace("data/published", "../../data/published") for dep in deps}
        listed = written["stages"][name]
        listed = set(listed.get("do", listed)["deps"])
        packages = {dep for dep in deps if (ROOT / STUDY / dep).is_dir() and "/stages/" in dep}
        assert deps - packages == {dep for dep in listed if not any(dep.startswith(f"{p}/") for p in packages)}
        assert all(any(dep.startswith(f"{package}/") for dep in listed) for package in packages)
        assert not [
            dep for dep in listed if "/stages/" in dep and "$" not in dep and not (ROOT / STUDY / dep).is_file()
        ]
    for name in ("quick", "seeds", "time-shift"):
        committed = ROOT / "studies" / name
        assert not [path for path in committed.iterdir() if path.is_symlink()]
        assert yaml.safe_load((committed / "dvc.yaml").read_text()) == written


def test_every_dvc_command_works_in_a_study(quick: Path) -> None:
    study = quick / STUDY
    assert repro_ran(quick) == set()
    # One after another in the workspace.
    ran = executed(in_study(quick, "dvc", "exp", "run", "-n", "more", "-S", "es.b=1.3"))
    assert ran == {f"{stage}@{key}" for stage in ("sample", "evaluate") for key in ES if "ddim" in key} | {
        "diagnose@adm-ip",
        "report",
    }
    assert "reports/summary.json" in in_study(quick, "dvc", "metrics", "diff")
    assert in_study(quick, "dvc", "metrics", "show").count("\n") < 40
    in_study(quick, "dvc", "plots", "diff", "-o", str(quick / "plots"))
    assert (quick / "plots/index.html").is_file()
    # In the queue, each in a copy of the project.
    in_study(quick, "dvc", "exp", "run", "--queue", "-n", "queued", "-S", "es.b=1.5")
    in_study(quick, "dvc", "queue", "start")
    for _ in range(240):
        if not any(word in in_study(quick, "dvc", "queue", "status") for word in ("Running", "Queued")):
            break
        time.sleep(0.5)
    assert "Success" in in_study(quick, "dvc", "queue", "status")
    shown = experiments(quick)
    assert (shown["more"]["es.b"], shown["queued"]["es.b"]) == ("1.3", "1.5")
    assert b_of(quick) == 1.3
    in_study(quick, "dvc", "exp", "apply", "queued")
    assert b_of(quick) == 1.5
    assert repro_ran(quick) <= {"report", "audit"}, "what is not in git is made again, from the same results"
    record = json.loads((study / "data/records/samples/adm-ip-ddim-es-4.json").read_text())
    assert record["fix_params"]["b"] == 1.5
    assert "are sound" in in_study(quick, sys.executable, "-m", "stages", "check")
    assert not [path for path in study.rglob("*") if path.is_symlink() and ".dvc" not in path.parts]


def test_an_edit_of_the_code_reaches_a_study(quick: Path) -> None:
    sampler = quick / "stages/methods/samplers/ddim.py"
    before = sampler.read_text()
    sampler.write_text(f"{before}\n# touched\n")
    assert {name for name in stale(quick / STUDY) if name.startswith("sample@")} == {
        f"sample@{key}" for key in KEYS if "-ddim-" in key and "-ts-" not in key
    }
    sampler.write_text(before)
    edit(quick / STUDY, "runtime", batch_size=7)
    assert repro(quick / STUDY) == set()

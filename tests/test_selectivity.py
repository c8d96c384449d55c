"""Real DVC on a toy study: a change reruns what depends on it, and nothing else.

The study is built once and copied for each test. Commands run as a user's would: bytecode is written.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.toy import copy_project, toy_params, write_params

CELLS = {f"adm-ip-{sampler}-{fix}-4" for sampler in ("ddpm", "ddim") for fix in ("none", "es", "ts")}


def run(folder: Path, *command: str) -> str:
    """Output of a command run in ``folder`` with this Python's programs first on PATH; it must succeed."""
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(folder),
        "GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@example.org",
        "GIT_COMMITTER_NAME": "t", "GIT_COMMITTER_EMAIL": "t@example.org",
    }  # fmt: skip
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr


def executed(output: str) -> set[str]:
    return set(re.findall(r"Running stage '([^']+)'", output))


def repro(folder: Path) -> set[str]:
    return executed(run(folder, "dvc", "repro"))


def both(keys: set[str]) -> set[str]:
    return {f"{stage}@{key}" for stage in ("sample", "evaluate") for key in keys}


def edit(folder: Path, section: str, **values) -> None:
    params = yaml.safe_load((folder / "params.yaml").read_text())
    params[section] |= values
    write_params(params, folder)


def append(folder: Path, name: str, text: str = "\n# touched\n") -> None:
    path = folder / name
    path.write_text(path.read_text() + text)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    copy_project(folder)
    write_params(toy_params(), folder)
    # Trained enough for every fix to change the images: a fresh network predicts 0, whatever it is divided by.
    edit(folder, "train", iterations=40, lr=0.003, warmup=5)
    run(folder, "git", "init", "-q")
    everything = repro(folder)
    assert everything == {"prepare", "extractor", "reference", "train@adm-ip", "audit", "report"} | both(CELLS)
    run(folder, "git", "add", "-A")
    run(folder, "git", "commit", "-qm", "study")
    return folder


@pytest.fixture
def study(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "study", symlinks=True))


def test_nothing_changed_runs_nothing_even_after_every_module_was_imported(study: Path) -> None:
    assert repro(study) == set()
    run(study, sys.executable, "-m", "compileall", "-q", "stages")
    assert list(study.glob("stages/*/__pycache__/*.pyc"))
    assert repro(study) == set()
    assert run(study, "git", "status", "--porcelain") == "", "every file written is an out or ignored"


def test_an_experiment_on_es_runs_its_cells_and_putting_it_back_runs_none(study: Path) -> None:
    es = {key for key in CELLS if "-es-" in key}
    ran = executed(run(study, "dvc", "exp", "run", "-S", "es.b=1.005"))
    assert ran == both(es) | {"report"}
    moved = json.loads(run(study, "dvc", "metrics", "diff", "--json"))["reports/summary.json"]
    assert {name for name in moved if name.startswith("fid.")} == {
        "fid.adm-ip.ddpm.es.4", "fid.adm-ip.ddim.es.4"
    }  # fmt: skip
    edit(study, "es", b=toy_params()["es"]["b"])
    assert repro(study) <= {"report"}
    assert run(study, "git", "diff", "--stat", "reports/tables", "reports/summary.json") == ""


def test_ts_window_runs_the_ts_cells(study: Path) -> None:
    edit(study, "ts", window=40)
    assert repro(study) == both({key for key in CELLS if "-ts-" in key}) | {"report"}


def test_one_more_step_count_runs_its_cells(study: Path) -> None:
    edit(study, "grid", steps=[4, 5])
    assert repro(study) == both({key.removesuffix("4") + "5" for key in CELLS}) | {"report"}


def test_gamma_runs_its_model_and_the_cells_of_that_model(study: Path) -> None:
    edit(study, "adm-ip", gamma=0.15)
    assert repro(study) == {"train@adm-ip"} | both(CELLS) | {"report"}


def test_a_template_runs_the_report(study: Path) -> None:
    append(study, "reports/templates/report.html.j2", "<!-- touched -->\n")
    assert repro(study) == {"report"}


def test_a_published_number_runs_the_audit_and_the_report(study: Path) -> None:
    published = study / "data/published/ts.csv"
    published.write_text(published.read_text().replace(",41.57,", ",42.57,", 1))
    assert repro(study) == {"audit", "report"}


def test_touching_the_samplers_leaves_training_fresh_and_equal_images_unscored(study: Path) -> None:
    append(study, "stages/diffusion/samplers.py")
    assert repro(study) - {"report"} == {f"sample@{key}" for key in CELLS}


def test_touching_the_losses_trains_again_and_equal_weights_are_not_sampled(study: Path) -> None:
    append(study, "stages/diffusion/losses.py")
    assert repro(study) - {"report"} == {"train@adm-ip"}


@pytest.mark.parametrize(
    ("touch", "expected"),
    [
        (lambda folder: append(folder, "stages/metrics/intervals.py"), {f"evaluate@{k}" for k in CELLS} | {"report"}),
        (lambda folder: append(folder, "stages/params.py"), set()),
        (lambda folder: edit(folder, "runtime", batch_size=7, checkpoint_every=1), set()),
        (lambda folder: edit(folder, "es-linear", k=0.002), set()),
        (lambda folder: edit(folder, "report", searched=["es"]), {"report"}),
        (lambda folder: edit(folder, "train", lr=0.0005), {"train@adm-ip"}),
    ],
    ids=["intervals", "params.py", "runtime", "unused fix", "report", "train"],
)  # fmt: skip
def test_what_a_change_makes_stale_directly(study: Path, touch: Callable[[Path], None], expected: set[str]) -> None:
    """``dvc status`` lists what a change reaches first; what follows from it is shown by the tests that run."""
    touch(study)
    assert set(json.loads(run(study, "dvc", "status", "--json"))) == expected


def test_a_fresh_clone_with_the_committed_lock_ends_in_the_same_scores(study: Path, tmp_path: Path) -> None:
    """Here without retraining: the clone is given the cache, as ``dvc pull`` would."""
    run(tmp_path, "git", "clone", "-q", str(study), "clone")
    shutil.copytree(study / ".dvc/cache", tmp_path / "clone/.dvc/cache")
    assert repro(tmp_path / "clone") == set()
    assert run(tmp_path / "clone", "git", "status", "--porcelain") == ""

"""A toy study under real DVC: built once, copied by the tests that change something and look at what runs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.toy import copy_project, toy_params, write_params

KEYS = {f"adm-ip-{sampler}-{fix}-4" for sampler in ("ddpm", "ddim") for fix in ("none", "es", "ts")}


def build_study(folder: Path) -> None:
    """Make a committed project whose study is complete, with DVC's lock and cache."""
    copy_project(folder)
    params = toy_params()
    # Trained enough for every fix to change the images: a fresh network predicts 0, whatever it is divided by.
    params["adm-recipe"] |= {"iterations": 40, "lr": 0.003, "warmup": 5}
    write_params(params, folder)
    run(folder, "git", "init", "-q")
    run(folder, sys.executable, "-m", "stages", "grid", "-j", "2")
    commit(folder)


def attempt(folder: Path, *command: str, package: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command in ``folder`` as a user would: this Python's programs first on PATH, bytecode written.

    The package is that of ``folder``, or of the project ``package``.
    """
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(package or folder),
        "GIT_AUTHOR_NAME": "t",
        "GIT_AUTHOR_EMAIL": "t@example.org",
        "GIT_COMMITTER_NAME": "t",
        "GIT_COMMITTER_EMAIL": "t@example.org",
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def run(folder: Path, *command: str) -> str:
    """Return the output of a command that must succeed."""
    result = attempt(folder, *command)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr


def commit(folder: Path) -> None:
    run(folder, "git", "add", "-A")
    run(folder, "git", "commit", "-qm", "study")


def plan(folder: Path) -> None:
    run(folder, sys.executable, "-m", "stages", "plan")


def executed(output: str) -> set[str]:
    return set(re.findall(r"Running stage '([^']+)'", output))


def repro(folder: Path, *targets: str) -> set[str]:
    """The stages that DVC ran."""
    return executed(run(folder, "dvc", "repro", *targets))


def stale(folder: Path) -> set[str]:
    """The stages that a change reaches first, and those whose outs are missing, without their dependents."""
    from dvc.repo import Repo  # slow to import, and this module stands behind every test

    with Repo(str(folder)) as repo:
        return {address.rpartition(":")[2] for address in repo.status()}


def both(*keys: str) -> set[str]:
    """Both stages of cells."""
    return {f"{stage}@{key}" for stage in ("sample", "evaluate") for key in keys}


def read_study(folder: Path) -> dict[str, Any]:
    return yaml.safe_load((folder / "params.yaml").read_text())


def edit(folder: Path, section: str, **values: Any) -> None:
    params = read_study(folder)
    params[section] |= values
    write_params(params, folder)


def assign(folder: Path, **values: Any) -> None:
    """Set whole entries of params.yaml."""
    write_params(read_study(folder) | values, folder)


def append(folder: Path, name: str, text: str = "\n# touched\n") -> None:
    path = folder / name
    path.write_text(path.read_text() + text)


def scores(folder: Path, key: str) -> dict[str, Any]:
    return json.loads((folder / f"data/scores/{key}.json").read_text())

from __future__ import annotations

import os

# One thread per process, set before torch is imported and passed on to the stages that tests start: with several
# workers, threads that wait for one another cost more than they bring.
os.environ["OMP_NUM_THREADS"] = "1"

import shutil
from pathlib import Path

import pytest
from hypothesis import settings

from tests.dvc_study import build_study
from tests.toy import toy_params, with_published, write_study

# A machine at work may take its time; what an example does is what counts.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

DVC = (
    "test_cluster.py",
    "test_contributing.py",
    "test_grid.py",
    "test_running.py",
    "test_selectivity.py",
    "test_studies.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests that drive DVC share one study: one worker runs them, from the start, being the longest."""
    for item in items:
        if item.path.name in DVC:
            item.add_marker(pytest.mark.xdist_group("study"))
    items.sort(key=lambda item: item.path.name not in DVC)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the toy study's params, published tables and plan, entered."""
    monkeypatch.chdir(tmp_path)
    with_published(tmp_path)
    write_study(toy_params())
    return tmp_path


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy study under DVC, complete; only to be copied."""
    folder = tmp_path_factory.mktemp("built") / "study"
    folder.mkdir()
    build_study(folder)
    return folder


@pytest.fixture
def study(built: Path, tmp_path: Path) -> Path:
    """A complete study of one's own."""
    return Path(shutil.copytree(built, tmp_path / "study", symlinks=True))

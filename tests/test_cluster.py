"""``python -m stages grid --address``: a real Ray cluster of two nodes on this machine, and what kills it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from stages.__main__ import main
from stages.config.entries import Searched
from stages.plan.plan_file import read_cells, read_plan, write_cells
from stages.plan.result_files import write_tuned
from tests.dvc_study import repro, run
from tests.toy import ROOT, toy_params, write_params

pytest.importorskip("ray")
STORE = 100 * 2**20


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A head that runs nothing, and two nodes of one processor each."""
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    # Ray gives way to other processes by default, here to the tests that run beside.
    monkeypatch.setenv("RAY_worker_niceness", "0")
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "object_store_memory": STORE})
    yield made
    made.shutdown()


def tasks() -> list[Any]:
    """The processes that run a stage now."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if (process.info["cmdline"] or [""])[0].startswith("ray::_run"):
            found.append(process)
    return found


def next_task(process: subprocess.Popen[str], past: set[int]) -> Any:
    """A task that is none of the past ones; waits for it."""
    while process.poll() is None:
        if fresh := [task for task in tasks() if task.pid not in past]:
            return fresh[0]
        time.sleep(0.05)
    raise AssertionError(process.communicate())


def test_a_killed_process_and_a_lost_node_cost_no_cell(cluster: Any, study: Path, tmp_path: Path) -> None:
    nodes = [cluster.add_node(num_cpus=1, object_store_memory=STORE) for _ in range(2)]
    run(tmp_path, "git", "clone", "-q", str(study), "clone")
    clone = tmp_path / "clone"
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(clone)}
    process = subprocess.Popen(
        (sys.executable, "-m", "stages", "grid", "--address", cluster.address),
        cwd=clone,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    victim = next_task(process, set())
    stages = victim.children(recursive=True)
    victim.kill()
    assert not psutil.wait_procs(stages, timeout=5)[1], "a stage does not outlive the process that started it"
    next_task(process, {victim.pid})
    cluster.remove_node(nodes[1], allow_graceful=False)
    printed, errors = process.communicate(timeout=400)
    assert process.returncode == 0, printed + errors
    assert "17 stages ran, 2 were up to date" in printed
    assert run(clone, "git", "status", "--porcelain") == "", "the bits and the lock of a run without a cluster"
    assert repro(clone) == set()


def test_no_cluster_at_the_address_is_one_line(
    study: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(study)
    assert main(["grid", "--address", "nonsense"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("grid: --address: no Ray cluster at 'nonsense' (")


def test_the_plan_travels_with_the_searched_values_that_it_holds(
    project: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stages.scheduler.ray_cluster import copy_sources

    params = toy_params()
    params["es"]["b"] = "tuned"
    write_params(params)
    found = Searched(values={"b": 1.01}, settings="", trials=[])
    write_tuned(dict.fromkeys(("adm-ip-ddpm-es-4", "adm-ip-ddim-es-4"), found))
    write_cells(read_plan())
    (project / "stages").symlink_to(ROOT / "stages")
    sent = tmp_path_factory.mktemp("sent")
    copy_sources(sent)
    monkeypatch.chdir(sent)
    assert read_cells().sample["adm-ip-ddim-es-4"].values == {"b": 1.01}

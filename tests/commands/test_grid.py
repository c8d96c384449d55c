"""``python -m stages grid``: it leaves DVC as ``dvc repro`` would, whatever happens on the way."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import yaml

from stages.__main__ import main
from stages.scheduler import dvc_stages as stage_graph
from stages.scheduler.order import StageFault
from tests.dvc_study import KEYS, append, assign, attempt, both, edit, executed, read_study, repro, run, scores, stale

GRID = (sys.executable, "-m", "stages", "grid", "-j", "2")


def grid(folder: Path) -> str:
    return run(folder, *GRID)


def test_it_runs_what_is_stale_and_dvc_finds_nothing_left(study: Path) -> None:
    before = scores(study, "adm-ip-ddim-es-4")
    edit(study, "es", b=1.2)
    assert "6 stages ran, 13 were up to date" in grid(study)
    assert stale(study) == repro(study) == set()
    assert scores(study, "adm-ip-ddim-es-4") != before
    changed = run(study, "git", "status", "--porcelain").split()
    assert set(changed[1::2]) >= {"dvc.lock", "params.yaml", "reports/summary.json"}
    lock = yaml.safe_load((study / "dvc.lock").read_text())
    (study / "dvc.lock").unlink()
    run(study, "dvc", "commit", "-q", "-f")
    assert yaml.safe_load((study / "dvc.lock").read_text()) == lock


def test_it_restores_from_the_cache_before_it_runs_anything(study: Path) -> None:
    before = read_study(study)["es"]["b"]
    edit(study, "es", b=1.2)
    grid(study)
    edit(study, "es", b=before)
    assert "1 stages ran, 18 were up to date or restored" in grid(study), "the report, which DVC does not cache"
    assert run(study, "git", "diff", "--stat", "reports/tables") == ""


def test_a_reproduction_bit_for_bit_leaves_no_trace(study: Path, tmp_path: Path) -> None:
    """A clone with the committed lock and no cache runs all but the two stages whose outs are in git."""
    run(tmp_path, "git", "clone", "-q", str(study), "clone")
    clone = tmp_path / "clone"
    assert "17 stages ran, 2 were" in grid(clone)
    assert run(clone, "git", "status", "--porcelain") == ""
    assert repro(clone) == set()
    assert run(clone, "git", "status", "--porcelain") == ""


def test_dvc_by_itself_gives_the_same_bits(study: Path) -> None:
    stages = ("train@adm-ip", "sample@adm-ip-ddim-ts-4", "evaluate@adm-ip-ddim-ts-4")
    shutil.rmtree(study / ".dvc/cache/runs")
    assert executed(run(study, "dvc", "repro", "--force", "--single-item", *stages)) == set(stages)
    assert run(study, "git", "status", "--porcelain") == ""


def test_a_failing_cell_stops_no_other_and_is_named(study: Path) -> None:
    edit(study, "es", b=1e-30)
    edit(study, "ts", window=30)
    result = attempt(study, *GRID)
    assert result.returncode == 1
    failures = [line for line in result.stdout.splitlines() if line.startswith("failed: ")]
    failed, diagnosis = sorted(failures, reverse=True)
    assert diagnosis.startswith("failed: diagnose@adm-ip (exit status 2): diagnose: ")
    assert "under es is not finite; check the params" in diagnosis
    assert failed.startswith("failed: sample@adm-ip-ddim-es-4 (exit status 2): sample: adm-ip-ddim-es-4: images 0 to")
    assert "are not finite; check its params" in failed
    assert "not run, because a stage before them failed" in result.stdout
    assert "Traceback" not in result.stderr
    assert not (study / "data/samples/adm-ip-ddim-es-4.npz").exists()
    assert not stale(study) & both("adm-ip-ddim-ts-4", "adm-ip-ddpm-ts-4")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_killed_loses_nothing(study: Path, number: signal.Signals) -> None:
    """What was recorded is in the cache; a stage cut off leaves no file, and its process does not outlive the run."""
    edit(study, "sample", n=80)
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(study)}
    before = recorded(study)
    process = subprocess.Popen(
        GRID,
        cwd=study,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # A shell that runs tests in the background ignores Ctrl-C, and so would they.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while len(recorded(study)) < len(before) + 3:
        time.sleep(0.05)
        assert process.poll() is None
    children = psutil.Process(process.pid).children(recursive=True)
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # as a terminal does
    else:
        process.send_signal(number)
    errors = process.communicate()[1]
    if number == signal.SIGINT:
        assert process.returncode == 130
        told = "grid: interrupted; what is complete is kept"
        assert [line for line in errors.splitlines() if line.startswith(told)]
        assert not list(study.glob("data/**/.*.tmp"))
    assert "Traceback" not in errors
    assert not psutil.wait_procs(children, timeout=5)[1]
    kept = len(recorded(study)) - len(before)
    ran = int(grid(study).split(" stages ran")[0].split()[-1])
    # The reference, 6 cells twice and the report, but for what was recorded; one may have been recorded by half.
    assert 14 - kept <= ran <= 15 - kept
    assert stale(study) == repro(study) == set()
    assert {path.stem for path in study.glob("data/samples/*.npz")} == KEYS


def recorded(folder: Path) -> set[Path]:
    """The entries of DVC's run-cache."""
    return {path for path in (folder / ".dvc/cache/runs").glob("*/*/*") if not path.name.endswith(".tmp")}


def test_data_that_the_user_tracks_is_left_to_dvc(study: Path) -> None:
    """DVC alone decides on what is no stage of dvc.yaml, on a frozen stage, and on the command of another program."""
    (study / "weights.bin").write_text("mine")
    run(study, "dvc", "add", "-q", "weights.bin")
    (study / "weights.bin").chmod(0o644)
    (study / "weights.bin").unlink()
    (study / "weights.bin").write_text("changed")
    pipeline = study / "dvc.yaml"
    other = "stages:\n  other:\n    cmd: echo made > other.txt\n    outs: [other.txt]\n"
    pipeline.write_text(pipeline.read_text().replace("stages:\n", other, 1))
    run(study, "dvc", "freeze", "audit")
    append(study, "stages/auditing/folder_audit.py")
    made = (study / "reports/audit.json").stat().st_mtime_ns
    grid(study)
    assert (study / "reports/audit.json").stat().st_mtime_ns == made
    assert (study / "weights.bin").read_text() == "changed"
    assert (study / "other.txt").read_text() == "made\n"
    assert set(json.loads(run(study, "dvc", "status", "--json", "-q") or "{}")) <= {"weights.bin.dvc"}


def test_inputs_that_change_while_a_stage_runs_are_not_recorded(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise what was made with the old params would stand in the lock as made with the new ones, for good."""
    edit(study, "es", b=1.2)
    monkeypatch.chdir(study)
    with stage_graph.open_graph(study) as graph:
        name = "sample@adm-ip-ddim-es-4"
        assert not graph.restore(name)
        edit(study, "es", b=1.3)
        main(["sample", "adm-ip-ddim-es-4"])
        with pytest.raises(StageFault, match="its inputs changed while it ran"):
            graph.record(name)
    assert name in stale(study)


def test_touched_code_runs_its_stages(study: Path) -> None:
    append(study, "stages/methods/samplers/ddim.py")
    grid(study)
    assert stale(study) == repro(study) == set()


def test_other_cells_are_planned_first(study: Path) -> None:
    assign(study, grid=read_study(study)["grid"] | {"steps": [4, 5], "samplers": ["ddim"], "fixes": ["none"]})
    grid(study)
    assert (study / "data/scores/adm-ip-ddim-none-5.json").exists()
    assert stale(study) == repro(study) == set()


@pytest.mark.parametrize("jobs", ["0", "-1", "two", "1.5"])
def test_a_wrong_number_of_jobs_is_refused(project: Path, jobs: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["grid", f"--jobs={jobs}"]) == 2
    assert capsys.readouterr().err == f"grid: --jobs: '{jobs}' is not allowed; a whole number of 1 or more is\n"


def test_this_dvc_has_every_call() -> None:
    assert stage_graph.missing_calls() == []


def test_without_these_calls_dvc_repro_runs(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(stage_graph.CALLS, "dvc.stage", ("Stage.gone",))
    ran: list[list[str]] = []
    monkeypatch.setattr(subprocess, "run", lambda command: ran.append(command) or subprocess.CompletedProcess([], 3))
    assert main(["grid"]) == 3
    assert ran == [[sys.executable, "-m", "dvc", "repro"]]
    assert capsys.readouterr().err == "grid: this DVC lacks dvc.stage.Stage.gone; running dvc repro instead\n"


def test_a_stage_that_another_dvc_runs_is_not_disturbed(study: Path) -> None:
    """While dvc repro runs a command it gives up the lock of the project and lists the files of the stage."""
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    lock = study / ".dvc/tmp/rwlock"
    process = {"pid": sleeper.pid, "cmd": "dvc repro"}
    try:
        lock.write_text(json.dumps({"write": {str(study / "data/scores/adm-ip-ddim-es-4.json"): process}, "read": {}}))
        result = attempt(study, *GRID)
    finally:
        sleeper.kill()
        sleeper.wait()
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1] == (
        f"grid: process {sleeper.pid} (dvc repro) runs a stage of this project; wait for its end"
    )
    assert (study / "data/scores/adm-ip-ddim-es-4.json").exists()
    grid(study)

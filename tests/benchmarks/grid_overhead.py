"""What DVC and the grid add to a stage that does nothing: ``python -m tests.benchmarks.grid_overhead [STAGES ...]``.

Makes a project of so many trivial stages in a temporary folder and runs them, two at a time.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

from stages.scheduler.dvc_stages import open_graph
from stages.scheduler.local_workers import LocalWorkers
from stages.scheduler.order import run_stages
from tests.toy import ROOT

STAGE = """
import sys
open(f"out-{sys.argv[1]}", "w").write(sys.argv[1])
"""


def make_project(folder: Path, stages: int) -> None:
    """Write a project whose stages depend on one file and write one file each, with this project's grid."""
    shutil.copytree(ROOT / "stages", folder / "stages")
    (folder / "stages/__main__.py").write_text(STAGE)
    (folder / "source").write_text("x")
    stage = {"cmd": "python stages ${item}", "deps": ["source"], "outs": ["out-${item}"]}
    pipeline = {"stages": {"cell": {"foreach": list(range(stages)), "do": stage}}}
    (folder / "dvc.yaml").write_text(yaml.safe_dump(pipeline))
    for command in (["git", "init", "-q"], ["dvc", "init", "-q"]):
        subprocess.run(command, cwd=folder, check=True)


def main(*counts: str) -> None:
    """Print the seconds per stage."""
    for count in map(int, counts or ("100", "300", "1000")):
        code = f"import sys; sys.path.append({str(ROOT)!r}); import tests.benchmarks.grid_overhead as g; g.time_grid()"
        with tempfile.TemporaryDirectory() as name:
            make_project(Path(name), count)
            subprocess.run([sys.executable, "-c", code], cwd=name, check=True)


def time_grid() -> None:
    """Run every stage of the project in the current folder and print what one took."""
    started = time.perf_counter()
    workers = LocalWorkers(2)
    with open_graph(Path()) as graph:
        outcome = run_stages(graph, workers, lambda name, ran: None)
    seconds = time.perf_counter() - started
    print(f"{len(outcome.ran):5} stages: {seconds:6.1f} s, {seconds / len(outcome.ran):.3f} s each")


if __name__ == "__main__":
    main(*sys.argv[1:])

"""The stages of dvc.yaml as DVC sees them: which need a run, and how a run is recorded.

What ``dvc repro`` does for one stage, in pieces, so that stages can run beside one another. These calls of DVC are not
promised to stay: ``missing_calls`` says which are gone.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# A lock file of many stages takes seconds to write, so it is written once in a while. What is lost with a killed run is
# in DVC's run-cache by then, from which the next run restores it.
WRITING_SHARE = 0.05
CALLS = {
    "dvc.repo": ("Repo", "lock_repo"),
    "dvc.stage": ("Stage.changed", "Stage.commit", "Stage.remove_outs", "Stage.save", "Stage.save_deps"),
    "dvc.stage.cache": ("RunCacheNotFoundError", "StageCache.restore"),
    "dvc.dvcfile": ("ProjectFile.dump_stages",),
}


def missing_calls() -> list[str]:
    """Return the names of the calls that this version of DVC lacks."""
    from importlib import import_module

    missing = []
    for module, names in CALLS.items():
        for name in names:
            try:
                found: Any = import_module(module)
                for part in name.split("."):
                    found = getattr(found, part)
            except (ImportError, AttributeError):
                missing.append(f"{module}.{name}")
    return missing


class StageGraph:
    """The stages of one project by name, in an order in which they can run."""

    def __init__(self, repo: Any) -> None:
        import networkx

        self.repo = repo
        graph = repo.index.graph
        order = list(networkx.dfs_postorder_nodes(graph))
        self.stages: dict[str, Any] = {stage.addressing: stage for stage in order}
        self.upstream = {stage.addressing: {s.addressing for s in graph.successors(stage)} for stage in order}
        self.descendants = {stage.addressing: len(networkx.ancestors(graph, stage)) for stage in order}
        self.unwritten: list[Any] = []
        self.pause, self.written = 0.0, time.monotonic()

    def command(self, name: str) -> str:
        """Return the shell command of a stage."""
        return str(self.stages[name].cmd)

    def inputs(self, name: str) -> list[Path]:
        """Return the files of data that a stage depends on, relative to the project."""
        paths = [Path(dep.def_path) for dep in self.stages[name].deps if not hasattr(dep, "params")]
        return [path for path in paths if path.parts[0] == "data"]

    def outs(self, name: str) -> list[Path]:
        """Return the files that a stage writes, relative to the project."""
        return [Path(out.def_path) for out in self.stages[name].outs]

    def settled(self, name: str) -> bool:
        """Return whether a stage needs no run: it is up to date, or was restored from the run-cache just now.

        Where it needs one, its old outs are gone, as they are before ``dvc repro`` runs a command.
        """
        from dvc.stage.cache import RunCacheNotFoundError

        stage = self.stages[name]
        if not stage.changed():
            return True
        stage.remove_outs(ignore_remove=False, force=False)
        try:
            self.repo.stage_cache.restore(stage)
        except RunCacheNotFoundError:
            stage.save_deps()
            return False
        self.record(name)
        return True

    def record(self, name: str) -> None:
        """Save and commit what a stage wrote; its lock entry is written now or with the next ones."""
        stage = self.stages[name]
        uncached = any(not out.use_cache for out in stage.outs if not (out.is_metric or out.is_plot))
        stage.save(run_cache=not uncached)
        stage.commit()
        self.unwritten.append(stage)
        if time.monotonic() - self.written > self.pause:
            self.write()

    def write(self) -> None:
        """Write the lock entries of all stages recorded since the last time."""
        started = time.monotonic()
        if self.unwritten:
            self.unwritten[0].dvcfile.dump_stages(self.unwritten, update_pipeline=False)
            self.unwritten = []
        self.written = time.monotonic()
        self.pause = (self.written - started) / WRITING_SHARE


@contextmanager
def open_graph(folder: Path) -> Iterator[StageGraph]:
    """Yield the stages of the project in ``folder`` under DVC's lock, and write what is unwritten at the end."""
    from dvc.repo import Repo, lock_repo

    logging.getLogger("dvc").setLevel(logging.WARNING)
    with Repo(str(folder)) as repo, lock_repo(repo), repo.scm_context(quiet=True):
        graph = StageGraph(repo)
        try:
            yield graph
        finally:
            graph.write()

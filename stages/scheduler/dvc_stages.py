"""The stages of dvc.yaml through DVC's Python API: which are stale, and how a run is recorded.

It splits what ``dvc repro`` does for one stage into steps, so that stages can run in parallel. These parts of DVC's API
are not public and may change: ``missing_calls`` lists those that an installed version lacks.
"""

from __future__ import annotations

import json
import logging
import os
import shlex
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from copy import deepcopy
from importlib import import_module
from pathlib import Path
from typing import Any

from stages.config.errors import InputError
from stages.scheduler.order import StageFault
from stages.store.paths import CODE

# Share of the time spent on writing dvc.lock: with many stages each write takes seconds. Entries that a killed run had
# not written are restored from DVC's run-cache by the next run.
WRITING_SHARE = 0.02
CALLS = {
    "dvc.repo": ("Repo.scm_context", "lock_repo"),
    "dvc.repo.reproduce": ("collect_stages", "get_active_graph", "plan_repro"),
    "dvc.stage": (
        "Stage.changed",
        "Stage.commit",
        "Stage.remove_outs",
        "Stage.reproduce",
        "Stage.save",
        "Stage.save_deps",
    ),
    "dvc.stage.cache": ("RunCacheNotFoundError", "StageCache.restore"),
    "dvc.dvcfile": ("Lockfile.dump_stages",),
    "dvc.rwlock": ("rwlock",),
    "dvc.dependency.param": ("load_path", "read_param_file"),
}


def missing_calls() -> list[str]:
    """Return the names in CALLS that this version of DVC lacks."""
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
    """The stages of dvc.yaml by name, in the order of ``dvc repro``, and the stages that each needs."""

    def __init__(self, repo: Any) -> None:
        import networkx
        from dvc.repo.reproduce import collect_stages, get_active_graph, plan_repro

        graph = get_active_graph(repo.index.graph)
        order = plan_repro(graph, collect_stages(repo, ["dvc.yaml"]))
        self.repo = repo
        self.stages: dict[str, Any] = {stage.addressing: stage for stage in order}
        self.upstream = {stage.addressing: {s.addressing for s in graph.successors(stage)} for stage in order}
        self.descendants = {stage.addressing: len(networkx.ancestors(graph, stage)) for stage in order}
        self.read: dict[str, list[Any]] = {}
        self.unwritten: list[Any] = []
        self.pause = 0.0
        self.written = time.monotonic()

    def arguments(self, name: str) -> list[str]:
        """Return the arguments after ``python stages`` in the command of a stage."""
        return shlex.split(str(self.stages[name].cmd))[2:]

    def inputs(self, name: str) -> list[Path]:
        """Return the files under data/ that a stage depends on, relative to the project."""
        paths = [Path(dep.def_path) for dep in self.stages[name].deps if not hasattr(dep, "params")]
        return [path for path in paths if path.parts[0] == "data"]

    def outs(self, name: str) -> list[Path]:
        """Return the files that a stage writes, relative to the project."""
        return [Path(out.def_path) for out in self.stages[name].outs]

    def restore(self, name: str) -> bool:
        """Return whether a stage is up to date, restoring its outs from the run-cache if they are in it.

        If it is stale, its old outs are removed, as ``dvc repro`` does before it runs a command. A stage that does not
        run this package (data that the user tracks, a frozen stage, another program) is left to DVC.

        Raises:
            StageFault: DVC refuses, or a file is in the way.
        """
        from dvc.stage.cache import RunCacheNotFoundError

        stage = self.stages[name]
        with _faults():
            if stage.frozen or not _is_ours(str(stage.cmd)) or stage.wdir != self.repo.root_dir:
                if stage.reproduce():
                    stage.dump(update_pipeline=False)
                return True
            if not stage.changed():
                return True
            stage.remove_outs(ignore_remove=False, force=False)
            try:
                self.repo.stage_cache.restore(stage)
            except RunCacheNotFoundError:
                stage.save_deps()
                self.read[name] = _hashes(stage)
                return False
            self._save(stage)
        return True

    def record(self, name: str) -> None:
        """Save and commit the outs of a stage; its lock entry is written now or with later ones.

        Raises:
            StageFault: an out is missing, or an input has changed since the stage started.
        """
        stage = self.stages[name]
        with _faults():
            stage.save_deps()
            if _hashes(stage) != self.read[name]:
                raise StageFault("its inputs changed while it ran; run it again")
            self._save(stage)

    def _save(self, stage: Any) -> None:
        uncached = any(not out.use_cache for out in stage.outs if not (out.is_metric or out.is_plot))
        stage.save(run_cache=not uncached)
        stage.commit()
        self.unwritten.append(stage)
        if time.monotonic() - self.written > self.pause:
            self.write()

    def write(self) -> None:
        """Write the lock entries of the stages recorded since the last write, replacing dvc.lock atomically."""
        from dvc.dvcfile import Lockfile

        started = time.monotonic()
        with _uninterrupted():
            if self.unwritten:
                lock = Path(self.repo.root_dir, "dvc.lock")
                copy = Path(self.repo.root_dir, "dvc.lock.tmp")
                copy.unlink(missing_ok=True)
                if lock.exists():
                    shutil.copy(lock, copy)
                Lockfile(self.repo, str(copy)).dump_stages(self.unwritten)
                os.replace(copy, lock)
                self.unwritten = []
        self.written = time.monotonic()
        self.pause = (self.written - started) / WRITING_SHARE


@contextmanager
def open_graph(folder: Path) -> Iterator[StageGraph]:
    """Yield the stages of the project in ``folder`` under DVC's lock; write unwritten lock entries at the end.

    Raises:
        InputError: the folder is no DVC project, its files are damaged, or another DVC process holds the lock.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo, lock_repo

    logging.getLogger("dvc").setLevel(logging.WARNING)
    try:
        scm = {"autostage": False, "quiet": True}
        with Repo(str(folder)) as repo, lock_repo(repo), repo.scm_context(**scm), _parsed_once(), _unlisted():
            _check_rwlock(Path(str(repo.tmp_dir)) / "rwlock")
            graph = StageGraph(repo)
            try:
                yield graph
            finally:
                graph.write()
    except DvcException as error:
        raise InputError(_line(error)) from None


@contextmanager
def _parsed_once() -> Iterator[None]:
    """Cache the parsed params files of DVC, which otherwise parses them again for each stage that it checks."""
    from dvc.dependency import param

    read = param.read_param_file
    parsed: dict[tuple[str, bytes], Any] = {}

    def read_param_file(
        fs: Any, path: str, key_paths: list[str] | None = None, flatten: bool = False, **options: Any
    ) -> Any:
        if not (flatten and key_paths):
            return read(fs, path, key_paths, flatten, **options)
        key = path, Path(path).read_bytes()
        if key not in parsed:
            parsed[key] = param.load_path(path, fs, **options)
        found = {}
        for key_path in key_paths:
            value = parsed[key]
            try:
                for part in key_path.split("."):
                    value = value[part]
            except (KeyError, TypeError):
                # Such as the index of a list, which DVC understands.
                found |= read(fs, path, [key_path], flatten=True, **options)
                continue
            found[key_path] = deepcopy(value)
        return found

    param.read_param_file = read_param_file
    try:
        yield
    finally:
        param.read_param_file = read


@contextmanager
def _unlisted() -> Iterator[None]:
    """Disable DVC's list of files in use, which it writes for each stage: the whole project is locked anyway."""
    from dvc import rwlock

    listing = rwlock.rwlock
    rwlock.rwlock = lambda *_: nullcontext()
    try:
        yield
    finally:
        rwlock.rwlock = listing


def _check_rwlock(path: Path) -> None:
    """Refuse to go on while another DVC process runs a stage, for which it gives up the lock of the project.

    DVC lists the files of such a stage in ``path``. A list that a killed run left truncated is removed, as DVC would
    refuse every stage.

    Raises:
        InputError: a process that is listed is alive.
    """
    import psutil  # DVC depends on it, too

    try:
        listed = json.loads(path.read_text() if path.exists() else "{}")
    except ValueError:
        path.unlink()
        return
    writers = list(listed.get("write", {}).values())
    readers = [reader for readers in listed.get("read", {}).values() for reader in readers]
    for process in writers + readers:
        if process["pid"] != os.getpid() and psutil.pid_exists(process["pid"]):
            running = f"process {process['pid']} ({process['cmd']})"
            raise InputError(f"{running} runs a stage of this project; wait for its end")


def _is_ours(command: str) -> bool:
    """Return whether a command runs this package, judged by the path in dvc.yaml."""
    words = shlex.split(command)
    return len(words) > 1 and words[0] == "python" and Path(words[1]).name == CODE.name


def _hashes(stage: Any) -> list[Any]:
    return [dep.hash_info.value for dep in stage.deps]


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


@contextmanager
def _faults() -> Iterator[None]:
    """Turn errors of DVC and of the file system into the fault of one stage."""
    from dvc.exceptions import DvcException

    try:
        yield
    except (DvcException, OSError) as error:
        raise StageFault(_line(error)) from None


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ignore Ctrl-C meanwhile."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)

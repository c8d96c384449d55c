"""A Ray cluster that runs stages: its machines need no common file system, only this Python environment.

Cells and models go to the cluster, each as one task; the other stages, of which there is one each, run here. What a
stage reads travels with it through Ray's object store, which fetches each content once to a machine, and what it writes
comes back the same way. A task whose process or machine dies starts again on another.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import ray
from ray.exceptions import RayError

from stages.config.errors import InputError
from stages.config.params import Runtime
from stages.scheduler.local_workers import LocalWorkers, log_path
from stages.store.files import sha256, write_bytes
from stages.store.paths import CODE, published_folder

# What every stage reads beside what dvc.yaml lists, by its place in the folder of a task: code, params, the plan and
# what it rests on.
SOURCES = ("stages", "params.yaml", "cells.json", "values.json", "tuned.yaml", "data/published")
# Bytes that a task reserves; restarts of one whose machine fails; seconds between two looks at what has ended.
MEMORY, RESTARTS, PAUSE = 2 * 2**30, 5, 0.2
# Seconds that cancelled tasks get to end.
ENDING = 5
# Contents kept in the object store for further stages: models, data, reference; images of a cell are wanted once.
KEPT = 16


class StageFiles(Protocol):
    """What stages read and write."""

    def inputs(self, name: str) -> list[Path]: ...
    def outs(self, name: str) -> list[Path]: ...


class Result(NamedTuple):
    """What came of a task: exit status, all that it printed, and the files that it wrote."""

    status: int
    printed: bytes
    files: dict[str, np.ndarray]


class ClusterWorkers:
    """As many stages at a time as the cluster has processors for, and as many again waiting there."""

    def __init__(self, address: str, files: StageFiles, local: LocalWorkers, runtime: Runtime) -> None:
        """Connect to a cluster and send it the sources.

        Raises:
            InputError: there is no cluster at the address, or none of its machines can run a task.
        """
        self.files, self.local, self.threads = files, local, runtime.threads
        self.source = tempfile.TemporaryDirectory()
        copy_sources(Path(self.source.name))
        self.sent = _digest_of_sources()
        try:
            ray.init(
                address=address,
                runtime_env={"working_dir": self.source.name},
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise InputError(f"--address: no Ray cluster at {address!r} ({str(error).splitlines()[0]})") from None
        self.needs, self.needs_to_train = _needs(runtime, 1), _needs(runtime, runtime.train_processes)
        self.task = ray.remote(memory=MEMORY, max_retries=RESTARTS)(_run)
        self.stored = lru_cache(maxsize=KEPT)(_stored)
        self.running: dict[Any, str] = {}

    def free(self, name: str) -> bool:
        """Return whether a stage can start, or wait at the cluster."""
        if "@" not in name:
            return self.local.free(name)
        return len(self.running) < 2 * ray.cluster_resources().get("CPU", 1) / self.threads

    def start(self, name: str, arguments: list[str]) -> None:
        """Start a stage on the cluster, or here where it is the only one of its kind.

        Raises:
            InputError: the sources are not those that the cluster was sent.
        """
        if "@" not in name:
            self.local.start(name, arguments)
            return
        if _digest_of_sources() != self.sent:
            raise InputError("code, params or plan changed while the cluster was at work; start the grid again")
        inputs = {path.as_posix(): self.stored(path, sha256(path)) for path in self.files.inputs(name)}
        outs = [path.as_posix() for path in self.files.outs(name)]
        task = self.task.options(**(self.needs_to_train if arguments[0] == "train" else self.needs))
        self.running[task.remote(arguments, inputs, outs, os.getcwd(), self.threads)] = name

    def finished(self) -> dict[str, int]:
        """Return the exit status of each stage that has ended, once there is one; its files are here by then."""
        while True:
            ended = self.local.finished(timeout=0 if self.running else None) if self.local.running else {}
            ready = ray.wait(list(self.running), timeout=0 if ended else PAUSE)[0] if self.running else []
            ended |= {self.running[task]: _received(self.running[task], task) for task in ready}
            for task in ready:
                del self.running[task]
            if ended:
                return ended

    def stop(self) -> None:
        """End what still runs, here and there."""
        tasks = list(self.running)
        for task in tasks:
            ray.cancel(task, force=True)
        if tasks:
            # The cluster is told before the connection ends.
            ray.wait(tasks, num_returns=len(tasks), timeout=ENDING)
        self.local.stop()
        ray.shutdown()
        self.source.cleanup()


def _received(name: str, task: Any) -> int:
    """Write what a task printed and made; return its exit status."""
    try:
        result: Result = ray.get(task)
    except RayError as error:
        # The last of its restarts failed too.
        result = Result(1, str(error).encode(), {})
    write_bytes(log_path(name), result.printed)
    for path, content in result.files.items():
        write_bytes(Path(path), content.tobytes())
    return result.status


def source_path(name: str) -> Path:
    """Return where a source lies here: in a study the code and the published tables are those of the project."""
    if name == "stages":
        return CODE
    if name == "data/published":
        return published_folder()
    return Path(name)


def copy_sources(folder: Path) -> None:
    """Copy what every stage reads into a folder."""
    for name in SOURCES:
        source = source_path(name)
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)


def _digest_of_sources() -> str:
    content = []
    for name in SOURCES:
        source = source_path(name)
        files = source.rglob("*.*") if source.is_dir() else [source]
        for path in sorted(files):
            if path.is_file() and path.suffix != ".pyc":
                content.append(f"{name} {path.name} {sha256(path)}")
    return hashlib.sha256("\n".join(content).encode()).hexdigest()


def _needs(runtime: Runtime, processes: int) -> dict[str, int]:
    """Return what a task of several processes takes of a machine, refusing what none of the cluster has."""
    if ":" in runtime.device:
        raise InputError(f"runtime.device: {runtime.device} is one GPU of one machine; a cluster takes cuda or auto")
    graphics = runtime.device == "cuda" or (runtime.device == "auto" and "GPU" in ray.cluster_resources())
    needs = {"CPU": processes * runtime.threads, "GPU": processes * graphics}
    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    asked = needs | {"memory": MEMORY}
    if not any(all(machine.get(kind, 0) >= wanted for kind, wanted in asked.items()) for machine in machines):
        wanted = ", ".join(f"{kind} {value}" for kind, value in asked.items() if value)
        raise InputError(f"--address: no machine of the cluster has what a stage takes: {wanted}")
    return {"num_cpus": needs["CPU"], "num_gpus": needs["GPU"]}


def _stored(path: Path, digest: str) -> Any:
    """Return the reference of a file's content in the object store."""
    return ray.put(np.fromfile(path, np.uint8))


def _run(arguments: list[str], inputs: Mapping[str, Any], outs: list[str], project: str, threads: int) -> Result:
    """Run a stage in a folder of its own, made of the sources and the inputs; on a machine of the cluster."""
    source = Path.cwd()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "data").mkdir()
        for entry in SOURCES:
            (folder / entry).symlink_to(source / entry)
        if Path(project).is_dir():
            # A file system in common: what a killed run left unfinished is found again.
            Path(project, ".scratch").mkdir(exist_ok=True)
            (folder / ".scratch").symlink_to(Path(project, ".scratch"))
        for path, content in zip(inputs, ray.get(list(inputs.values())), strict=True):
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            content.tofile(target)
        # As DVC does, which tells the stage to end with the process that started it.
        environment = os.environ | {"OMP_NUM_THREADS": str(threads), "DVC_STAGE": " ".join(arguments)}
        command = [sys.executable, "-m", "stages", *arguments]
        done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        files = {path: np.fromfile(folder / path, np.uint8) for path in outs} if done.returncode == 0 else {}
        return Result(done.returncode, done.stdout, files)

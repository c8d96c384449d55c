"""A Ray cluster that runs stages: its machines need no common file system, only this Python environment.

Stages that run once per cell or model go to the cluster, one task each; the others run on this machine. The files that
a stage reads are sent through Ray's object store, which copies each content to a machine once, and the files that it
writes come back the same way. A task whose process or machine dies is restarted on another.
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

# What every stage reads besides the dependencies in dvc.yaml, by its path in the folder of a task.
SOURCES = ("stages", "params.yaml", "cells.json", "values.json", "tuned.yaml", "data/published")
# Bytes that a task reserves.
MEMORY = 2 * 2**30
# Restarts of a task whose machine fails.
RESTARTS = 5
# Seconds between two checks for finished tasks.
PAUSE = 0.2
# Seconds that cancelled tasks get to end.
ENDING = 5
# Number of files kept in the object store for later stages, such as models, data and reference.
KEPT = 16


class StageFiles(Protocol):
    """The files that stages read and write."""

    def inputs(self, name: str) -> list[Path]: ...
    def outs(self, name: str) -> list[Path]: ...


class Result(NamedTuple):
    """The result of a task: exit status, output, and the files that it wrote."""

    status: int
    printed: bytes
    files: dict[str, np.ndarray]


class ClusterWorkers:
    """Runs as many stages at a time as the cluster has processors for, and queues as many again there."""

    def __init__(self, address: str, files: StageFiles, local: LocalWorkers, runtime: Runtime) -> None:
        """Connect to a cluster and send it the sources.

        Raises:
            InputError: there is no cluster at the address, or none of its machines can run a task.
        """
        self.files = files
        self.local = local
        self.threads = runtime.threads
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
        self.needs = _needs(runtime, 1)
        self.needs_to_train = _needs(runtime, runtime.train_processes)
        self.task = ray.remote(memory=MEMORY, max_retries=RESTARTS)(_run)
        self.stored = lru_cache(maxsize=KEPT)(_stored)
        self.running: dict[Any, str] = {}

    def free(self, name: str) -> bool:
        """Return whether a stage can start, here or on the cluster, or be queued there."""
        if "@" not in name:
            return self.local.free(name)
        return len(self.running) < 2 * ray.cluster_resources().get("CPU", 1) / self.threads

    def start(self, name: str, arguments: list[str]) -> None:
        """Start a stage on the cluster, or here if it does not run once per cell or model.

        Raises:
            InputError: the sources have changed since they were sent to the cluster.
        """
        if "@" not in name:
            self.local.start(name, arguments)
            return
        if _digest_of_sources() != self.sent:
            raise InputError("code, params or plan changed while the grid ran; start it again")
        inputs = {path.as_posix(): self.stored(path, sha256(path)) for path in self.files.inputs(name)}
        outs = [path.as_posix() for path in self.files.outs(name)]
        task = self.task.options(**(self.needs_to_train if arguments[0] == "train" else self.needs))
        self.running[task.remote(arguments, inputs, outs, os.getcwd(), self.threads)] = name

    def finished(self) -> dict[str, int]:
        """Wait until a stage has ended; return the exit status of each that has. Their files have arrived by then."""
        while True:
            ended = self.local.finished(timeout=0 if self.running else None) if self.local.running else {}
            ready = ray.wait(list(self.running), timeout=0 if ended else PAUSE)[0] if self.running else []
            ended |= {self.running[task]: _received(self.running[task], task) for task in ready}
            for task in ready:
                del self.running[task]
            if ended:
                return ended

    def stop(self) -> None:
        """End all stages that still run, here and on the cluster."""
        tasks = list(self.running)
        for task in tasks:
            ray.cancel(task, force=True)
        if tasks:
            # The cancellation must reach the cluster before the connection ends.
            ray.wait(tasks, num_returns=len(tasks), timeout=ENDING)
        self.local.stop()
        ray.shutdown()
        self.source.cleanup()


def _received(name: str, task: Any) -> int:
    """Write the output and the files of a task; return its exit status."""
    try:
        result: Result = ray.get(task)
    except RayError as error:
        # The last restart failed too.
        result = Result(1, str(error).encode(), {})
    write_bytes(log_path(name), result.printed)
    for path, content in result.files.items():
        write_bytes(Path(path), content.tobytes())
    return result.status


def source_path(name: str) -> Path:
    """Return the path of a source here; in a study, code and published tables may be those of the project."""
    if name == "stages":
        return CODE
    if name == "data/published":
        return published_folder()
    return Path(name)


def copy_sources(folder: Path) -> None:
    """Copy the sources into a folder."""
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
        for path in sorted(path for path in files if path.parent.name != "__pycache__"):
            if path.is_file():
                content.append(f"{name} {path.name} {sha256(path)}")
    return hashlib.sha256("\n".join(content).encode()).hexdigest()


def _needs(runtime: Runtime, processes: int) -> dict[str, int]:
    """Return the resources that a task with this number of processes reserves, refusing more than any machine has."""
    if ":" in runtime.device:
        raise InputError(f"runtime.device: {runtime.device} is one GPU of one machine; a cluster takes cuda or auto")
    graphics = runtime.device == "cuda" or (runtime.device == "auto" and "GPU" in ray.cluster_resources())
    needs = {"CPU": processes * runtime.threads, "GPU": processes * graphics}
    machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    asked = needs | {"memory": MEMORY}
    if not any(all(machine.get(kind, 0) >= wanted for kind, wanted in asked.items()) for machine in machines):
        wanted = ", ".join(f"{kind} {value}" for kind, value in asked.items() if value)
        raise InputError(f"--address: no machine of the cluster has the resources of a stage: {wanted}")
    return {"num_cpus": needs["CPU"], "num_gpus": needs["GPU"]}


def _stored(path: Path, digest: str) -> Any:
    """Return the reference of a file's content in the object store."""
    return ray.put(np.fromfile(path, np.uint8))


def _run(arguments: list[str], inputs: Mapping[str, Any], outs: list[str], project: str, threads: int) -> Result:
    """Run a stage on a machine of the cluster, in a temporary folder with the sources and its inputs."""
    source = Path.cwd()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "data").mkdir()
        for entry in SOURCES:
            (folder / entry).symlink_to(source / entry)
        if Path(project).is_dir():
            # With a shared file system, a stage resumes from the checkpoints of a killed run.
            Path(project, ".scratch").mkdir(exist_ok=True)
            (folder / ".scratch").symlink_to(Path(project, ".scratch"))
        for path, content in zip(inputs, ray.get(list(inputs.values())), strict=True):
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            content.tofile(target)
        # With DVC_STAGE set, a stage ends when its parent does; empty, it leaves the comparison of inputs to the grid.
        environment = os.environ | {"OMP_NUM_THREADS": str(threads), "DVC_STAGE": ""}
        command = [sys.executable, "-m", "stages", *arguments]
        done = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        files = {path: np.fromfile(folder / path, np.uint8) for path in outs} if done.returncode == 0 else {}
        return Result(done.returncode, done.stdout, files)

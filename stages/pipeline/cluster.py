"""A Ray cluster that runs stages: its machines need no common file system, only this Python environment.

Cells and models go to the cluster, each as one task; the other stages, of which there is one each, run here. What a
stage reads travels with it through Ray's object store, which fetches each content once to a machine, and what it writes
comes back the same way. A task whose process or machine dies starts again on another.
"""

from __future__ import annotations

import logging
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import ray
from ray.exceptions import RayError

from stages.pipeline.files import sha256, write_bytes
from stages.pipeline.workers import LocalWorkers, log_path

# What every stage reads beside what dvc.yaml lists: the code, the params, the plan and what it rests on.
SOURCES = ("stages", "params.yaml", "cells.yaml", "data/published")
# Bytes that a task reserves; restarts of one whose machine fails; seconds between two looks at what has ended.
MEMORY, RESTARTS, PAUSE = 2 * 2**30, 5, 0.2


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

    def __init__(self, address: str, files: StageFiles, local: LocalWorkers, threads: int, device: str) -> None:
        self.files, self.local = files, local
        self.source = tempfile.TemporaryDirectory()
        for name in SOURCES:
            copy = shutil.copytree if Path(name).is_dir() else shutil.copy
            target = Path(self.source.name) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            copy(name, target)
        ray.init(
            address=address,
            runtime_env={"working_dir": self.source.name},
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
        graphics = device.startswith("cuda") or (device == "auto" and "GPU" in ray.cluster_resources())
        self.task = ray.remote(_run).options(
            num_cpus=threads, num_gpus=int(graphics), memory=MEMORY, max_retries=RESTARTS
        )
        self.threads = threads
        self.contents: dict[str, Any] = {}
        self.running: dict[Any, str] = {}

    def free(self) -> bool:
        """Return whether one more stage can start or wait there."""
        return self.local.free() and len(self.running) < 2 * ray.cluster_resources().get("CPU", 1) / self.threads

    def start(self, name: str, command: str) -> None:
        """Start a stage on the cluster, or here where it is the only one of its kind."""
        if "@" not in name:
            self.local.start(name, command)
            return
        inputs = {path.as_posix(): self._stored(path) for path in self.files.inputs(name)}
        outs = [path.as_posix() for path in self.files.outs(name)]
        words = shlex.split(command)[1:]
        self.running[self.task.remote(words, inputs, outs, os.getcwd(), self.threads)] = name

    def finished(self) -> dict[str, int]:
        """Return the exit status of each stage that has ended, once there is one; its files are here by then."""
        while True:
            ended = self.local.finished(timeout=0) if self.local.running else {}
            ready, _ = ray.wait(list(self.running), timeout=0 if ended else PAUSE) if self.running else ([], [])
            for task in ready:
                name = self.running.pop(task)
                ended[name] = self._received(name, task)
            if ended:
                return ended

    def stop(self) -> None:
        """End what still runs, here and there."""
        for task in self.running:
            ray.cancel(task, force=True)
        self.local.stop()
        ray.shutdown()
        self.source.cleanup()

    def _stored(self, path: Path) -> Any:
        digest = sha256(path)
        if digest not in self.contents:
            self.contents[digest] = ray.put(np.fromfile(path, np.uint8))
        return self.contents[digest]

    def _received(self, name: str, task: Any) -> int:
        try:
            result: Result = ray.get(task)
        except RayError as error:
            # The last of its restarts failed too.
            result = Result(1, str(error).encode(), {})
        write_bytes(log_path(name), result.printed)
        for path, content in result.files.items():
            write_bytes(Path(path), content.tobytes())
        return result.status


def _run(words: list[str], inputs: Mapping[str, Any], outs: list[str], project: str, threads: int) -> Result:
    """Run a command in a folder of its own, made of the sources and the inputs; on a machine of the cluster."""
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
        environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
        done = subprocess.run(
            [sys.executable, *words], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        files = {path: np.fromfile(folder / path, np.uint8) for path in outs} if done.returncode == 0 else {}
        return Result(done.returncode, done.stdout, files)

"""Processes on this machine that run stages, each forked from a server that has imported the slow packages."""

from __future__ import annotations

import multiprocessing
import os
import runpy
import shutil
import signal
import sys
import threading
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from stages.config.errors import InputError
from stages.config.params import Runtime

# Packages of other projects only: a stage imports this project's modules itself, as they are when it starts.
PRELOADED = ["numpy", "pydantic", "safetensors.torch", "scipy.special", "torch", "tqdm", "yaml", "PIL.Image"]
LOGS = Path(".scratch") / "grid"


def log_path(name: str) -> Path:
    """Return the path of a stage's output."""
    return LOGS / f"{name}.log"


def job_count(jobs: str | None, runtime: Runtime) -> int:
    """Return the number of processes to use: that of the command line, else one per ``runtime.threads`` processors.

    It is 1 where the processes would share a GPU.

    Raises:
        InputError: ``jobs`` is no whole number of 1 or more.
    """
    if jobs is not None:
        if not jobs.isdecimal() or int(jobs) < 1:
            raise InputError(f"--jobs: {jobs!r} is not allowed; a whole number of 1 or more is")
        return int(jobs)
    if runtime.device.startswith("cuda") or (runtime.device == "auto" and Path("/dev/nvidia0").exists()):
        return 1
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, allowed // runtime.threads)


class LocalWorkers:
    """Runs up to ``jobs`` stages at a time, each in a process."""

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(PRELOADED)
        self.running: dict[str, BaseProcess] = {}
        # The output of an earlier run would be shown for a stage that fails before it prints anything.
        shutil.rmtree(LOGS, ignore_errors=True)

    def free(self, name: str) -> bool:
        """Return whether another stage can start now."""
        return len(self.running) < self.jobs

    def start(self, name: str, arguments: list[str]) -> None:
        """Start ``python -m stages`` with these arguments."""
        LOGS.mkdir(parents=True, exist_ok=True)
        process = self.context.Process(target=_run, args=(arguments, log_path(name)), name=name)
        process.start()
        self.running[name] = process

    def finished(self, timeout: float | None = None) -> dict[str, int]:
        """Wait until a stage has ended; return the exit status of each that has, negative after a signal.

        With a ``timeout`` in seconds, the result may be empty.
        """
        wait([process.sentinel for process in self.running.values()], timeout)
        ended = {name: p for name, p in self.running.items() if p.exitcode is not None}
        for name in ended:
            del self.running[name]
        return {name: process.exitcode or 0 for name, process in ended.items()}

    def stop(self) -> None:
        """End all running stages; their files are not written."""
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            process.join()
        self.running = {}


def _run(arguments: list[str], log: Path) -> None:
    threading.Thread(target=_die_with_parent, daemon=True).start()
    # An exception, so that unfinished temporary files are removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    sys.argv = ["stages", *arguments]
    runpy.run_module("stages", run_name="__main__")


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)

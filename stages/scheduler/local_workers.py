"""Processes of this machine that run stages: each a fresh one, forked from a server that has imported what is slow."""

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

# Of other projects only: a stage imports this project's modules itself, as it is when it starts.
PRELOADED = ["numpy", "pydantic", "safetensors.torch", "scipy.special", "torch", "tqdm", "yaml", "PIL.Image"]
LOGS = Path(".scratch") / "grid"


def log_path(name: str) -> Path:
    """Return where a stage's output goes while others run beside it."""
    return LOGS / f"{name}.log"


def job_count(jobs: str | None, runtime: Runtime) -> int:
    """Return how many processes to use: those of the command line, else as many as have processors of their own.

    One where they would share a GPU.
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
    """Up to ``jobs`` stages at a time, a process each."""

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(PRELOADED)
        self.running: dict[str, BaseProcess] = {}
        # What an earlier run printed would pass for the last word of a stage that fails before it starts.
        shutil.rmtree(LOGS, ignore_errors=True)

    def free(self, name: str) -> bool:
        """Return whether one more stage can start now."""
        return len(self.running) < self.jobs

    def start(self, name: str, arguments: list[str]) -> None:
        """Start a stage: ``python -m stages`` with these arguments."""
        LOGS.mkdir(parents=True, exist_ok=True)
        process = self.context.Process(target=_run, args=(arguments, log_path(name)), name=name)
        process.start()
        self.running[name] = process

    def finished(self, timeout: float | None = None) -> dict[str, int]:
        """Return the exit status of each stage that has ended, once there is one; negative after a signal.

        With a ``timeout`` in seconds, what has ended by then, which may be none.
        """
        wait([process.sentinel for process in self.running.values()], timeout)
        ended = {name: p for name, p in self.running.items() if p.exitcode is not None}
        for name in ended:
            del self.running[name]
        return {name: process.exitcode or 0 for name, process in ended.items()}

    def stop(self) -> None:
        """End what still runs; what a stage has not finished is not there."""
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            process.join()
        self.running = {}


def _run(arguments: list[str], log: Path) -> None:
    threading.Thread(target=_die_with_parent, daemon=True).start()
    # An exception, so that a file half written is taken away.
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

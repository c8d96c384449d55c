"""Training in several processes, a device each, launched by the stage itself or, on many machines, by torchrun."""

from __future__ import annotations

import logging
import os
import runpy
import socket
import sys
from contextlib import suppress

import torch
from accelerate import Accelerator
from torch.multiprocessing.spawn import ProcessExitedException, spawn


def launched() -> bool:
    """Return whether this is one of several processes that were launched together."""
    return "RANK" in os.environ


def launch(arguments: list[str], processes: int) -> int:
    """Return the exit status of ``python -m stages`` with these arguments, run by ``processes`` on this machine."""
    # It logs every process that it stops because another one failed, which reports its own error.
    logging.getLogger("torch.multiprocessing.spawn").setLevel(logging.ERROR)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    try:
        spawn(_run, (arguments, processes, port), nprocs=processes)
    except ProcessExitedException as error:
        if error.exit_code <= 0:
            raise
        return error.exit_code
    return 0


def accelerator(device: torch.device) -> Accelerator:
    """Return the Accelerator of the processes that were launched together, or of this process on ``device``."""
    if device.index is not None and not launched():
        torch.cuda.set_device(device)
    return Accelerator(cpu=device.type == "cpu")


def finish(accelerator: Accelerator) -> None:
    """Wait for all processes: one that exits early brings down those that still communicate with it."""
    accelerator.wait_for_everyone()
    accelerator.end_training()


def _run(rank: int, arguments: list[str], processes: int, port: int) -> None:
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(processes),
        "LOCAL_WORLD_SIZE": str(processes),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    sys.argv = ["stages", *arguments]
    if rank == 0:
        runpy.run_module("stages", run_name="__main__")
    # All processes refuse the same inputs: the first one says so, in one line, and its exit stops the others.
    with open(os.devnull, "w") as sys.stderr, suppress(SystemExit):
        runpy.run_module("stages", run_name="__main__")

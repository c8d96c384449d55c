"""Going on with a finished training: its last state is kept for a recipe that differs in its iterations alone."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Collection
from pathlib import Path

from stages.config.errors import InputError
from stages.store.files import read_tensors
from stages.training.loop import LOG_EVERY
from stages.training.state import TrainingState, load_state, write_state

FINISHED = "finished.safetensors"
# Hexadecimal digits at the end of the name of a scratch folder.
DIGITS = 16


def continue_finished(folder: Path, state: TrainingState, iterations: int, snapshots: Collection[int]) -> None:
    """Overwrite ``state`` with that of the finished training in ``folder``, if it leads to the same bits.

    It does where the training was shorter than ``iterations`` and kept each of the ``snapshots`` before its end: no
    iteration depends on how many there are in all. A damaged file is named on stderr.
    """
    path = folder / FINISHED
    if not path.exists():
        return
    main = state.accelerator.is_main_process
    try:
        tensors, progress = read_tensors(path)
    except InputError as error:
        if main:
            print(f"{str(error).partition(';')[0]}; trained from the start", file=sys.stderr)
        return
    done = progress["iteration"]
    kept = {int(name.split(".")[1]) for name in tensors if name.startswith("snapshots.")}
    if done >= iterations or any(iteration < done and iteration not in kept for iteration in snapshots):
        return
    load_state(tensors, progress, state)
    if done in snapshots:
        state.snapshots[done] = {name: weight.cpu().clone() for name, weight in state.ema.items()}
    state.snapshots = {iteration: each for iteration, each in state.snapshots.items() if iteration in snapshots}
    # The last iteration of a training is logged whatever its number.
    state.losses = [entry for entry in state.losses if entry["iteration"] % LOG_EVERY == 0]
    if main:
        print(f"{path}: goes on from the finished training of {done:,} iterations", file=sys.stderr)


def keep_finished(folder: Path, state: TrainingState) -> None:
    """Write the last state of a finished training; those of other trainings of the model are deleted.

    The training is complete without it: a disk that is full is told on stderr.
    """
    for other in folder.parent.glob(folder.name[:-DIGITS] + "?" * DIGITS):
        if other != folder:
            shutil.rmtree(other, ignore_errors=True)
    try:
        write_state(folder / FINISHED, state)
    except InputError as error:
        print(f"{error}; a longer training will start anew", file=sys.stderr)

"""Training checkpoints: everything that a resumed run needs to end in the same bits as an uninterrupted one."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import torch
from torch import Tensor

from stages.config.errors import InputError
from stages.store.files import read_tensors, write_tensors
from stages.training.batches import gathered
from stages.training.state import TrainingState

LAST, BEFORE = "checkpoint.safetensors", "checkpoint-before.safetensors"


def save_checkpoint(folder: Path, state: TrainingState) -> None:
    """Write the state to a safetensors file, atomically; the checkpoint before it is kept."""
    names = [name for name, _ in state.network.named_parameters()]
    tensors = {f"network.{name}": tensor for name, tensor in state.network.state_dict().items()}
    tensors |= {f"ema.{name}": tensor for name, tensor in state.ema.items()}
    for index, moments in state.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{names[index]}.{key}": value for key, value in moments.items()}
    tensors |= {f"history.{key}": value for key, value in state.history._asdict().items()}
    for iteration, weights in state.kept.items():
        tensors |= {f"kept.{iteration}.{name}": tensor for name, tensor in weights.items()}
    progress = {"iteration": state.iteration, "losses": state.losses, "scaler": state.scaler.state_dict()}
    if (folder / LAST).exists():
        os.replace(folder / LAST, folder / BEFORE)
    write_tensors(folder / LAST, tensors, progress)


def resume(folder: Path, state: TrainingState) -> None:
    """Overwrite ``state`` with the last checkpoint of the same run that is whole, if there is one.

    One that is damaged is named on stderr and set aside.

    Raises:
        InputError: the processes of the run do not find the same checkpoint.
    """
    for path in (folder / LAST, folder / BEFORE):
        if not path.exists():
            continue
        try:
            tensors, progress = read_tensors(path)
        except InputError as error:
            if state.accelerator.is_main_process:
                aside = path.with_suffix(".damaged")
                print(f"{str(error).partition(';')[0]}; set aside as {aside.name}", file=sys.stderr)
                os.replace(path, aside)
            continue
        _load(tensors, progress, state)
        break
    found = gathered(torch.tensor([state.iteration], device=state.accelerator.device), state.accelerator).tolist()
    if len(set(found)) > 1:
        raise InputError(f"{folder}: the processes find checkpoints of iterations {found}; they must share the folder")


def _load(tensors: dict[str, Tensor], progress: dict, state: TrainingState) -> None:
    state.network.load_state_dict(_under(tensors, "network."))
    for name, tensor in _under(tensors, "ema.").items():
        state.ema[name].copy_(tensor)
    names = [name for name, _ in state.network.named_parameters()]
    moments = {index: _under(tensors, f"optimizer.{name}.") for index, name in enumerate(names)}
    groups = state.optimizer.state_dict()["param_groups"]
    state.optimizer.load_state_dict({"state": {i: m for i, m in moments.items() if m}, "param_groups": groups})
    for key, tensor in _under(tensors, "history.").items():
        getattr(state.history, key).copy_(tensor)
    for name, tensor in _under(tensors, "kept.").items():
        iteration, _, weight = name.partition(".")
        state.kept.setdefault(int(iteration), {})[weight] = tensor
    state.scaler.load_state_dict(progress["scaler"])
    state.iteration, state.losses = progress["iteration"], progress["losses"]


def _under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}

"""A training run between two iterations, and its checkpoints, from which a run resumes to the same bits."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from stages.config.errors import InputError
from stages.config.params import Recipe
from stages.diffusion.random_streams import stream_seed
from stages.store.files import read_tensors, write_tensors
from stages.training.batches import gathered
from stages.training.timesteps import LossHistory, empty_history

INITIALISE = 3
OPTIMIZERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
LAST = "checkpoint.safetensors"
BEFORE = "checkpoint-before.safetensors"


@dataclass
class TrainingState:
    """Everything that changes while training. Random numbers need no state: they are streams of (seed, iteration).

    Attributes:
        accelerator: the processes that train together.
        network: the network; its state holds the weights.
        parallel: the network to call: in several processes, each adds its gradients to those of the others.
        ema: moving average of the weights; empty where none is taken.
        optimizer: of the network's parameters.
        scaler: of the loss, for fp16.
        history: past losses by timestep.
        iteration: number of iterations taken.
        ema_updates: number of updates of the EMA, without those that fp16 skipped.
        losses: logged terms of the loss.
        snapshots: EMA weights in main memory, by the iteration after which they were copied.
    """

    accelerator: Accelerator
    network: nn.Module
    parallel: nn.Module
    ema: dict[str, Tensor]
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    history: LossHistory
    iteration: int = 0
    ema_updates: int = 0
    losses: list[dict[str, float]] = field(default_factory=list)
    snapshots: dict[int, dict[str, Tensor]] = field(default_factory=dict)


def new_state(build: Callable[[], nn.Module], recipe: Recipe, seed: int, accelerator: Accelerator) -> TrainingState:
    """Return the state before the first iteration; equal seeds give equal networks."""
    torch.manual_seed(stream_seed(seed, INITIALISE))
    network = build().to(accelerator.device).train()
    optimizer = OPTIMIZERS[recipe.optimizer]
    return TrainingState(
        accelerator=accelerator,
        network=network,
        parallel=accelerator.prepare_model(network),
        ema={name: tensor.detach().clone() for name, tensor in network.state_dict().items()},
        optimizer=optimizer(network.parameters(), lr=recipe.lr, weight_decay=recipe.weight_decay, fused=True),
        scaler=torch.amp.GradScaler(accelerator.device.type, enabled=recipe.precision == "fp16"),
        history=empty_history(recipe.timesteps),
    )


def has_checkpoint(folder: Path) -> bool:
    """Return whether a run that was interrupted left a checkpoint."""
    return any((folder / name).exists() for name in (LAST, BEFORE))


def save_checkpoint(folder: Path, state: TrainingState) -> None:
    """Write the state to a safetensors file, atomically; the checkpoint before it is kept."""
    if (folder / LAST).exists():
        os.replace(folder / LAST, folder / BEFORE)
    write_state(folder / LAST, state)


def write_state(path: Path, state: TrainingState) -> None:
    """Write the state to a safetensors file, atomically."""
    names = [name for name, _ in state.network.named_parameters()]
    tensors = {f"network.{name}": tensor for name, tensor in state.network.state_dict().items()}
    tensors |= {f"ema.{name}": tensor for name, tensor in state.ema.items()}
    for index, moments in state.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{names[index]}.{key}": value for key, value in moments.items()}
    tensors |= {f"history.{key}": value for key, value in state.history._asdict().items()}
    for iteration, weights in state.snapshots.items():
        tensors |= {f"snapshots.{iteration}.{name}": tensor for name, tensor in weights.items()}
    progress = {
        "iteration": state.iteration,
        "ema_updates": state.ema_updates,
        "losses": state.losses,
        "scaler": state.scaler.state_dict(),
    }
    write_tensors(path, tensors, progress)


def resume(folder: Path, state: TrainingState) -> None:
    """Overwrite ``state`` with the last checkpoint of the same run that is whole, if there is one.

    A damaged checkpoint is named on stderr and set aside.

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
        load_state(tensors, progress, state)
        break
    found = gathered(torch.tensor([state.iteration], device=state.accelerator.device), state.accelerator).tolist()
    if len(set(found)) > 1:
        raise InputError(f"{folder}: the processes find checkpoints of iterations {found}; they must share the folder")


def load_state(tensors: Mapping[str, Tensor], progress: Mapping[str, Any], state: TrainingState) -> None:
    """Overwrite ``state`` with what ``write_state`` wrote."""
    state.network.load_state_dict(_under(tensors, "network."))
    for name, tensor in _under(tensors, "ema.").items():
        state.ema[name].copy_(tensor)
    names = [name for name, _ in state.network.named_parameters()]
    moments = {index: _under(tensors, f"optimizer.{name}.") for index, name in enumerate(names)}
    groups = state.optimizer.state_dict()["param_groups"]
    state.optimizer.load_state_dict({"state": {i: m for i, m in moments.items() if m}, "param_groups": groups})
    for key, tensor in _under(tensors, "history.").items():
        getattr(state.history, key).copy_(tensor)
    for name, tensor in _under(tensors, "snapshots.").items():
        iteration, _, weight = name.partition(".")
        state.snapshots.setdefault(int(iteration), {})[weight] = tensor
    state.scaler.load_state_dict(progress["scaler"])
    state.iteration = progress["iteration"]
    state.ema_updates = progress["ema_updates"]
    state.losses = progress["losses"]


def _under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}

"""Training checkpoints: everything that a resumed run needs to end in the same bits as an uninterrupted one."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from stages.pipeline.files import read_tensors, write_tensors
from stages.training.state import TrainingState


def save_checkpoint(path: Path, state: TrainingState) -> None:
    """Write the state to a safetensors file, atomically."""
    names = [name for name, _ in state.network.named_parameters()]
    tensors = {f"network.{name}": tensor for name, tensor in state.network.state_dict().items()}
    tensors |= {f"ema.{name}": tensor for name, tensor in state.ema.items()}
    for index, moments in state.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{names[index]}.{key}": value for key, value in moments.items()}
    tensors |= {f"history.{key}": value for key, value in state.history._asdict().items()}
    progress = {"iteration": state.iteration, "losses": state.losses, "scaler": state.scaler.state_dict()}
    write_tensors(path, tensors, progress)


def load_checkpoint(path: Path, state: TrainingState) -> None:
    """Overwrite ``state`` with a checkpoint of the same run."""
    tensors, progress = read_tensors(path)
    state.network.load_state_dict(_under(tensors, "network."))
    for name, tensor in _under(tensors, "ema.").items():
        state.ema[name].copy_(tensor)
    names = [name for name, _ in state.network.named_parameters()]
    moments = {index: _under(tensors, f"optimizer.{name}.") for index, name in enumerate(names)}
    groups = state.optimizer.state_dict()["param_groups"]
    state.optimizer.load_state_dict({"state": {i: m for i, m in moments.items() if m}, "param_groups": groups})
    for key, tensor in _under(tensors, "history.").items():
        getattr(state.history, key).copy_(tensor)
    state.scaler.load_state_dict(progress["scaler"])
    state.iteration, state.losses = progress["iteration"], progress["losses"]


def _under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}

"""EMA snapshots: the EMA weights that a model had after some iterations of its training, in one file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from torch import Tensor, nn

from stages.config.errors import InputError
from stages.store.files import read_tensors, write_tensors
from stages.store.paths import snapshots_path


class Snapshots(NamedTuple):
    """EMA weights by iteration, in rising order, on the CPU, and all settings of their training."""

    weights: dict[int, dict[str, Tensor]]
    training: dict[str, Any]


def save_snapshots(model: str, snapshots: Mapping[int, Mapping[str, Tensor]], training: Mapping[str, Any]) -> None:
    """Write weights by iteration, and how they were trained; a model without snapshots has a file without tensors."""
    tensors = {f"{iteration}.{name}": tensor for iteration, each in snapshots.items() for name, tensor in each.items()}
    write_tensors(snapshots_path(model), tensors, {"model": model, "training": dict(training)})


def load_snapshots(model: str) -> Snapshots:
    """Return the snapshots of a model.

    Raises:
        InputError: the file is missing, damaged, or of another model.
    """
    path = snapshots_path(model)
    tensors, config = read_tensors(path)
    if config.get("model") != model:
        raise InputError(f"{path}: holds weights of {config.get('model')!r}, not {model!r}; run dvc repro to train it")
    snapshots: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        iteration, _, weight = name.partition(".")
        snapshots.setdefault(int(iteration), {})[weight] = tensor
    return Snapshots(dict(sorted(snapshots.items())), config["training"])


def load_snapshot(network: nn.Module, weights: Mapping[str, Tensor], model: str) -> None:
    """Overwrite the weights of a network by those of a snapshot.

    Raises:
        InputError: they do not fit the network.
    """
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{snapshots_path(model)}: the tensors do not fit the model: {reason}") from None

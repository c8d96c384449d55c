"""The EMA weights that a model had on the way of its training, in one file by iteration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from stages.config.errors import InputError
from stages.store.files import read_tensors, write_tensors
from stages.store.paths import kept_path


def save_kept(model: str, kept: Mapping[int, Mapping[str, Tensor]], training: Mapping[str, Any]) -> None:
    """Write the weights by iteration, and how they were trained; a model that keeps none has an empty file."""
    tensors = {f"{iteration}.{name}": tensor for iteration, weights in kept.items() for name, tensor in weights.items()}
    write_tensors(kept_path(model), tensors, {"model": model, "training": dict(training)})


def load_kept(model: str) -> tuple[dict[int, dict[str, Tensor]], dict[str, Any]]:
    """Return a model's weights by iteration, in rising order, on the CPU, and how they were trained.

    Raises:
        InputError: the file is missing, damaged, or of another model.
    """
    path, kept = kept_path(model), {}
    tensors, config = read_tensors(path)
    if config.get("model") != model:
        raise InputError(f"{path}: holds weights of {config.get('model')!r}, not {model!r}; run dvc repro to train it")
    for name, tensor in tensors.items():
        iteration, _, weight = name.partition(".")
        kept.setdefault(int(iteration), {})[weight] = tensor
    return dict(sorted(kept.items())), config["training"]


def put_weights(network: nn.Module, weights: Mapping[str, Tensor], model: str) -> None:
    """Overwrite a network's weights by kept ones.

    Raises:
        InputError: they are not of this network.
    """
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{kept_path(model)}: the tensors do not fit the model: {reason}") from None

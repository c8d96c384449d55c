"""Guide files: the weights of a classifier of noised images, for the model that it guides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from torch import Tensor, nn

from stages.config.errors import InputError
from stages.store.files import read_tensors, write_tensors
from stages.store.models import build_network
from stages.store.paths import guide_path

# Found by name: a cell depends on the guide's file, which its stage makes anew after an edit of the module; one that is
# not guided depends on neither.
MODULE = "guide"


class Guide(NamedTuple):
    """A trained classifier in eval mode, and how many classes it tells apart."""

    network: nn.Module
    classes: int


def save_guide(model: str, weights: Mapping[str, Tensor], sizes: Mapping[str, Any]) -> None:
    """Write the guide of a model: weights, and the sizes of its network."""
    write_tensors(guide_path(model), weights, {"model": model, "sizes": dict(sizes)})


def load_guide(model: str) -> Guide:
    """Return the guide of a model on the CPU, in eval mode; gradients are of its input alone.

    Raises:
        InputError: the file is missing, damaged, of another model, or its tensors do not fit its configuration.
    """
    path = guide_path(model)
    tensors, config = read_tensors(path)
    if config.get("model") != model:
        raise InputError(f"{path}: guides the model {config.get('model')!r}, not {model!r}; run dvc repro to train it")
    try:
        built = build_network(MODULE, config["sizes"])
        built.load_state_dict(tensors)
        classes = int(config["sizes"]["classes"])
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: the tensors do not fit the configuration in the file: {reason}") from None
    return Guide(built.eval().requires_grad_(False), classes)

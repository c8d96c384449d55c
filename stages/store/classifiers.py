"""Files of the classifiers of noised images that guide models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from torch import Tensor, nn

from stages.config.errors import InputError
from stages.config.networks import NoiseClassifierSettings
from stages.config.registry import method_module
from stages.store.files import read_tensors, write_tensors
from stages.store.paths import guide_path

# Found by name: an unguided cell does not depend on it, and a guided one depends on the classifier's file, which its
# stage writes again after an edit of the module.
MODULE = "noise_classifier"


class NoiseClassifier(NamedTuple):
    """A trained classifier in eval mode, and its number of classes."""

    network: nn.Module
    classes: int


def save_classifier(
    model: str, weights: Mapping[str, Tensor], settings: NoiseClassifierSettings, arguments: Mapping[str, Any]
) -> None:
    """Write the classifier that guides a model: weights, settings and arguments of its network."""
    sizes = {name: getattr(settings, name) for name in NoiseClassifierSettings.model_fields}
    write_tensors(guide_path(model), weights, {"model": model, "settings": sizes, "arguments": dict(arguments)})


def load_classifier(model: str) -> NoiseClassifier:
    """Return the classifier that guides a model, on the CPU and in eval mode; its weights take no gradient.

    Raises:
        InputError: the file is missing, damaged, of another model, or its tensors do not fit its configuration.
    """
    path = guide_path(model)
    tensors, config = read_tensors(path)
    if config.get("model") != model:
        raise InputError(f"{path}: guides the model {config.get('model')!r}, not {model!r}; run dvc repro to train it")
    try:
        settings = NoiseClassifierSettings.model_validate(config["settings"])
        built = method_module("networks", MODULE).Network(settings, **config["arguments"])
        built.load_state_dict(tensors)
        classes = int(config["arguments"]["classes"])
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: the tensors do not fit the configuration in the file: {reason}") from None
    return NoiseClassifier(built.eval().requires_grad_(False), classes)

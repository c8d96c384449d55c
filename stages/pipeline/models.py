"""Model files: the EMA weights of a denoiser with all that is needed to sample from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from torch import Tensor, nn

from stages.diffusion.schedule import Schedule, make_schedule
from stages.pipeline.errors import InputError
from stages.pipeline.files import read_tensors, write_tensors
from stages.pipeline.layout import model_path
from stages.pipeline.registry import method_module


class Denoiser(NamedTuple):
    """A trained network in eval mode, its noise schedule, the shape (C, H, W) of its images, and its classes or 0."""

    network: nn.Module
    schedule: Schedule
    shape: tuple[int, int, int]
    predicts_variance: bool
    classes: int


def save_model(
    model: str, weights: Mapping[str, Tensor], network: str, sizes: Mapping[str, Any], training: Mapping[str, Any]
) -> None:
    """Write a model file: weights, module and sizes of its network, and how it was trained."""
    config = {"model": model, "network": {"module": network, "sizes": dict(sizes)}, "training": dict(training)}
    write_tensors(model_path(model), weights, config)


def load_model(model: str, network: str) -> Denoiser:
    """Return a trained model on the CPU; ``network`` is the module that it must be built by.

    Raises:
        InputError: the file is missing, damaged, of another model, or its tensors do not fit its configuration.
    """
    path = model_path(model)
    tensors, config = read_tensors(path)
    if config.get("model") != model:
        raise InputError(f"{path}: holds the model {config.get('model')!r}, not {model!r}; run dvc repro to train it")
    try:
        if (found := config["network"]["module"]) != network:
            raise InputError(f"{path}: holds a network {found!r}, not {network!r}; run dvc repro to train it")
        built = build_network(network, config["network"]["sizes"])
        built.load_state_dict(tensors)
        schedule = make_schedule(config["training"]["schedule"], config["training"]["timesteps"])
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: the tensors do not fit the configuration in the file: {reason}") from None
    sizes = config["network"]["sizes"]
    shape = (sizes["image_channels"], sizes["image_size"], sizes["image_size"])
    return Denoiser(built.eval(), schedule, shape, bool(built.predicts_variance), sizes.get("num_classes") or 0)


def build_network(network: str, sizes: Mapping[str, Any]) -> nn.Module:
    """Return a fresh network of a module of stages/networks; lists of sizes may come from JSON."""
    module = method_module("networks", network)
    return module.Network(module.Config(**{key: tuple(v) if isinstance(v, list) else v for key, v in sizes.items()}))

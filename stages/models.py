"""Model files: the EMA weights of a denoiser with all that is needed to sample from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from torch import Tensor

from stages.diffusion.schedule import Schedule, make_schedule
from stages.files import InputError, read_tensors, write_tensors
from stages.layout import model_path
from stages.networks.unet import UNet, UNetConfig


def save_model(model: str, weights: Mapping[str, Tensor], network: UNetConfig, training: Mapping[str, Any]) -> None:
    """Write a model file: weights, network configuration, and how it was trained (with ``schedule``, ``timesteps``)."""
    write_tensors(model_path(model), weights, {"model": model, "network": asdict(network), "training": dict(training)})


def load_model(model: str) -> tuple[UNet, Schedule]:
    """Return a trained network in eval mode, on the CPU, and its noise schedule.

    Raises:
        InputError: the file is missing, damaged, of another model, or its tensors do not fit its configuration.
    """
    path = model_path(model)
    tensors, config = read_tensors(path)
    if config.get("model") != model:
        raise InputError(f"{path}: holds the model {config.get('model')!r}, not {model!r}; run dvc repro to train it")
    try:
        sizes: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in config["network"].items()}
        network = UNet(UNetConfig(**sizes))
        network.load_state_dict(tensors)
        schedule = make_schedule(config["training"]["schedule"], config["training"]["timesteps"])
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: the tensors do not fit the configuration in the file: {reason}") from None
    return network.eval(), schedule

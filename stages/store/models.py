"""Model files: the EMA weights of a denoiser with all that is needed to sample from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from stages.config.autoencoders import PIXELS
from stages.config.errors import InputError
from stages.config.registry import method_module
from stages.diffusion.schedule import Schedule, make_schedule
from stages.store.autoencoders import build_first_stage
from stages.store.files import read_tensors, write_tensors
from stages.store.paths import model_path

FIRST_STAGE = "first_stage."


class Denoiser(NamedTuple):
    """A trained network in eval mode, its noise schedule, and the shape (C, H, W) of what it denoises.

    ``classes`` is how many classes or captions it is told one of, 0 for none. Its first stage encodes images of
    ``image_shape`` into that and decodes it; of pixel models it is the identity.
    """

    network: nn.Module
    schedule: Schedule
    shape: tuple[int, int, int]
    predicts_variance: bool
    classes: int
    first_stage: Any
    image_shape: tuple[int, int, int]

    def to(self, device: torch.device) -> Denoiser:
        """Return the model with its networks on a device."""
        return self._replace(network=self.network.to(device), first_stage=self.first_stage.to(device))


def save_model(
    model: str, weights: Mapping[str, Tensor], network: str, sizes: Mapping[str, Any], training: Mapping[str, Any],
    first_stage: tuple[Mapping[str, Tensor], Mapping[str, Any]] = ({}, {}),
) -> None:  # fmt: skip
    """Write a model file: weights, module and sizes of its network, and how it was trained.

    ``first_stage`` has the tensors of its autoencoder, with module, sizes and the shape of images, where it has one: to
    sample needs no further file.
    """
    config = {"model": model, "network": {"module": network, "sizes": dict(sizes)}, "training": dict(training)}
    tensors, described = first_stage
    if described:
        config["first_stage"] = dict(described)
    write_tensors(model_path(model), {**weights, **{FIRST_STAGE + name: t for name, t in tensors.items()}}, config)


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
        built.load_state_dict({name: t for name, t in tensors.items() if not name.startswith(FIRST_STAGE)})
        shape = (*(config["network"]["sizes"][f"image_{key}"] for key in ("channels", "size", "size")),)
        first, image_shape = _first_stage(tensors, config.get("first_stage"), shape)
        schedule = make_schedule(config["training"]["schedule"], config["training"]["timesteps"])
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: the tensors do not fit the configuration in the file: {reason}") from None
    told = bool(built.predicts_variance), int(built.classes)  # pyright: ignore[reportArgumentType]
    return Denoiser(built.eval(), schedule, shape, *told, first, image_shape)


def _first_stage(
    tensors: Mapping[str, Tensor], described: Mapping[str, Any] | None, shape: tuple[int, int, int]
) -> tuple[Any, tuple[int, int, int]]:
    """Return the first stage that a model file carries, and the shape of its images."""
    if described is None:
        return build_first_stage(PIXELS, {}).eval(), shape
    built = build_first_stage(described["module"], described["sizes"])
    built.load_state_dict(
        {name.removeprefix(FIRST_STAGE): t for name, t in tensors.items() if name.startswith(FIRST_STAGE)}
    )
    channels, height, width = described["image_shape"]
    return built.eval(), (channels, height, width)


def build_network(network: str, sizes: Mapping[str, Any]) -> nn.Module:
    """Return a fresh network of a module of stages/networks; lists of sizes may come from JSON."""
    module = method_module("networks", network)
    return module.Network(module.Config(**{key: tuple(v) if isinstance(v, list) else v for key, v in sizes.items()}))

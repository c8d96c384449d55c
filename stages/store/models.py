"""Model files: the EMA weights of a denoiser with all that is needed to sample from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from stages.config.errors import InputError
from stages.config.networks import NetworkSettings, network_settings
from stages.config.registry import method_module
from stages.diffusion.schedule import Schedule, make_schedule
from stages.store.autoencoders import Autoencoder, described_autoencoder, pixels
from stages.store.files import read_tensors, write_tensors
from stages.store.paths import model_path

AUTOENCODER = "autoencoder."


class TrainedModel(NamedTuple):
    """A trained network in eval mode, and what is needed to sample from it.

    Attributes:
        network: the denoiser.
        schedule: the noise schedule that it was trained along.
        shape: (C, H, W) of what it denoises: images, or latents of its autoencoder.
        predicts_variance: whether its output has a second half for the variance.
        classes: the number of classes or captions that it is conditioned on; 0 for none.
        autoencoder: encodes images into what the network denoises, and decodes it; the identity for pixel models.
        image_shape: (C, H, W) of the images.
    """

    network: nn.Module
    schedule: Schedule
    shape: tuple[int, int, int]
    predicts_variance: bool
    classes: int
    autoencoder: Autoencoder
    image_shape: tuple[int, int, int]

    def to(self, device: torch.device) -> TrainedModel:
        """Return the model with its networks on a device."""
        return self._replace(network=self.network.to(device), autoencoder=self.autoencoder.to(device))


def build_network(settings: NetworkSettings, arguments: Mapping[str, Any]) -> nn.Module:
    """Return a fresh network; ``arguments`` are what its class takes beside the settings."""
    return method_module("networks", settings.module).Network(settings, **arguments)


def save_model(
    model: str,
    weights: Mapping[str, Tensor],
    network: NetworkSettings,
    arguments: Mapping[str, Any],
    training: Mapping[str, Any],
    autoencoder: Autoencoder,
    image_shape: tuple[int, ...],
) -> None:
    """Write a model file: weights, settings and arguments of its network, how it was trained, and its autoencoder.

    Args:
        model: name of the model.
        weights: of the network.
        network: settings of the network.
        arguments: what the network takes beside the settings.
        training: all settings of the training.
        autoencoder: its weights are written too, so that sampling needs no further file.
        image_shape: (C, H, W) of the images that the autoencoder encodes.
    """
    config: dict[str, Any] = {
        "model": model,
        "network": {"module": network.module, "settings": network.model_dump(), "arguments": dict(arguments)},
        "training": dict(training),
    }
    tensors = dict(weights)
    if autoencoder.settings is not None:
        config["autoencoder"] = {**autoencoder.description(), "image_shape": list(image_shape)}
        tensors |= {AUTOENCODER + name: tensor for name, tensor in autoencoder.network.state_dict().items()}
    write_tensors(model_path(model), tensors, config)


def load_model(model: str, network: str) -> TrainedModel:
    """Return a trained model on the CPU; ``network`` is the module that its network must be of.

    Raises:
        InputError: the file is missing, damaged, of another model, or its tensors do not fit its configuration.
    """
    path = model_path(model)
    tensors, config = read_tensors(path)
    if config.get("model") != model:
        raise InputError(f"{path}: holds the model {config.get('model')!r}, not {model!r}; run dvc repro to train it")
    try:
        described = config["network"]
        if described["module"] != network:
            raise InputError(
                f"{path}: holds a network {described['module']!r}, not {network!r}; run dvc repro to train it"
            )
        settings = network_settings()[described["settings"]["method"]].model_validate(described["settings"])
        arguments = described["arguments"]
        built: Any = build_network(settings, arguments)
        built.load_state_dict({name: t for name, t in tensors.items() if not name.startswith(AUTOENCODER)})
        shape = (arguments["image_channels"], arguments["image_size"], arguments["image_size"])
        autoencoder, image_shape = pixels(), shape
        if "autoencoder" in config:
            encoder = {n.removeprefix(AUTOENCODER): t for n, t in tensors.items() if n.startswith(AUTOENCODER)}
            autoencoder = described_autoencoder(config["autoencoder"], encoder)
            channels, height, width = config["autoencoder"]["image_shape"]
            image_shape = (channels, height, width)
        schedule = make_schedule(config["training"]["schedule"], config["training"]["timesteps"])
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: the tensors do not fit the configuration in the file: {reason}") from None
    return TrainedModel(
        network=built.eval(),
        schedule=schedule,
        shape=shape,
        predicts_variance=built.predicts_variance,
        classes=built.classes,
        autoencoder=autoencoder,
        image_shape=image_shape,
    )

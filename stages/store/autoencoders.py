"""Autoencoders between images and what a denoiser works on, and their files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from stages.config.errors import InputError
from stages.config.networks import PIXELS, AutoencoderSettings, autoencoder_settings
from stages.config.registry import method_module
from stages.store.files import read_tensors, write_tensors
from stages.store.paths import autoencoder_path


class Autoencoder(NamedTuple):
    """An autoencoder: its network, and all that is needed to build it again.

    Attributes:
        module: name of its module in stages/networks/autoencoders.
        settings: its section of params.yaml; None of pixels.
        arguments: what its ``build`` takes beside the settings.
        network: its network.
    """

    module: str
    settings: AutoencoderSettings | None
    arguments: Mapping[str, Any]
    network: nn.Module

    def encode(self, images: Tensor) -> Tensor:
        """Return the latents of images [B, C, H, W] in [-1, 1]."""
        return method_module("autoencoders", self.module).encode(self.network, images)

    def decode(self, latents: Tensor) -> Tensor:
        """Return the images of latents, not clipped."""
        return method_module("autoencoders", self.module).decode(self.network, latents)

    def to(self, device: torch.device) -> Autoencoder:
        """Return the autoencoder with its network on a device."""
        return self._replace(network=self.network.to(device))

    def description(self) -> dict[str, Any]:
        """Return its module, settings and arguments, as JSON can hold them."""
        settings = None if self.settings is None else self.settings.model_dump()
        return {"module": self.module, "settings": settings, "arguments": dict(self.arguments)}


def build_autoencoder(settings: AutoencoderSettings, arguments: Mapping[str, Any]) -> Autoencoder:
    """Return a fresh autoencoder."""
    network = method_module("autoencoders", settings.module).build(settings, **arguments)
    return Autoencoder(settings.module, settings, arguments, network)


def pixels() -> Autoencoder:
    """Return the autoencoder of models that work on the images themselves: the identity."""
    return Autoencoder(PIXELS, None, {}, method_module("autoencoders", PIXELS).build().eval())


def described_autoencoder(description: Mapping[str, Any], weights: Mapping[str, Tensor]) -> Autoencoder:
    """Return an autoencoder of a file, in eval mode.

    Raises:
        KeyError, TypeError, ValueError, RuntimeError: the description or the weights do not fit.
    """
    settings = autoencoder_settings()[description["settings"]["method"]].model_validate(description["settings"])
    found = build_autoencoder(settings, description["arguments"])
    found.network.load_state_dict(weights)
    found.network.eval()
    return found


def save_autoencoder(name: str, autoencoder: Autoencoder) -> None:
    """Write an autoencoder's file: weights and description."""
    config = {"name": name, **autoencoder.description()}
    write_tensors(autoencoder_path(name), autoencoder.network.state_dict(), config)


def load_autoencoder(name: str | None, module: str) -> Autoencoder:
    """Return an autoencoder in eval mode on the CPU; that of pixels where no name is given.

    Raises:
        InputError: the file is missing, damaged, of another autoencoder, or its tensors do not fit its configuration.
    """
    if name is None:
        return pixels()
    path = autoencoder_path(name)
    tensors, config = read_tensors(path)
    if config.get("name") != name or config.get("module") != module:
        raise InputError(f"{path}: holds no autoencoder {name!r} of {module!r}; run dvc repro to train it")
    try:
        return described_autoencoder(config, tensors)
    except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: the tensors do not fit the configuration in the file: {reason}") from None

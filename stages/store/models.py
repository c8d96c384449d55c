"""Model files: the tensors of networks, each file with the configuration that the networks are built from.

They hold denoisers with their autoencoders, EMA snapshots of a training, autoencoders, the classifiers that guide
models, and the feature network of the scores.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, get_args

import torch
from torch import Tensor, nn

from stages.config.errors import InputError
from stages.config.method_settings import Prediction
from stages.config.networks import (
    PIXELS,
    AutoencoderSettings,
    NetworkSettings,
    NoiseClassifierSettings,
    autoencoder_settings,
    network_settings,
)
from stages.config.registry import method_module
from stages.diffusion.schedule import Schedule, make_schedule
from stages.store.files import read_tensors, write_tensors
from stages.store.paths import FEATURE_NETWORK, autoencoder_path, guide_path, model_path, snapshots_path

T = TypeVar("T")
# Prefix of the autoencoder's tensors in the file of a latent model.
AUTOENCODER = "autoencoder."


def load_model_file(
    path: Path, expected: Mapping[str, str], build: Callable[[dict[str, Tensor], dict[str, Any]], T]
) -> T:
    """Return what ``build`` makes of the tensors and the configuration of a model file.

    Args:
        path: the file.
        expected: entries that its configuration must have, such as the name of its model.
        build: function of the tensors and the configuration.

    Raises:
        InputError: the file is missing, damaged, holds something else, or its tensors do not fit its configuration.
    """
    tensors, config = read_tensors(path)
    for entry, value in expected.items():
        _check_entry(path, entry, config.get(entry), value)
    try:
        return build(tensors, config)
    except (AttributeError, ImportError, KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: the tensors do not fit the configuration in the file: {reason}") from None


def _check_entry(path: Path, entry: str, found: Any, expected: str) -> None:
    if found != expected:
        raise InputError(f"{path}: holds the {entry} {found!r}, not {expected!r}; run dvc repro to train it")


class Autoencoder(NamedTuple):
    """An autoencoder: its network, and all that is needed to build it again.

    Attributes:
        module: name of its module in stages/networks/autoencoders.
        settings: its section of params.yaml; None for pixels.
        arguments: what its ``build`` takes besides the settings.
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
        """Return its module, settings and arguments in a form that JSON can hold."""
        settings = None if self.settings is None else self.settings.model_dump()
        return {"module": self.module, "settings": settings, "arguments": dict(self.arguments)}


def build_autoencoder(settings: AutoencoderSettings, arguments: Mapping[str, Any]) -> Autoencoder:
    """Return a fresh autoencoder."""
    network = method_module("autoencoders", settings.module).build(settings, **arguments)
    return Autoencoder(settings.module, settings, arguments, network)


def pixels() -> Autoencoder:
    """Return the autoencoder of pixel models, which is the identity."""
    return Autoencoder(PIXELS, None, {}, method_module("autoencoders", PIXELS).build())


def described_autoencoder(weights: Mapping[str, Tensor], description: Mapping[str, Any]) -> Autoencoder:
    """Return the autoencoder of a description, with these weights.

    Raises:
        KeyError, TypeError, ValueError, RuntimeError: the description or the weights do not fit.
    """
    settings = autoencoder_settings()[description["settings"]["method"]].model_validate(description["settings"])
    built = build_autoencoder(settings, description["arguments"])
    built.network.load_state_dict(weights)
    return built


def save_autoencoder(name: str, autoencoder: Autoencoder) -> None:
    """Write an autoencoder's file: weights and description."""
    config = {"name": name, **autoencoder.description()}
    write_tensors(autoencoder_path(name), autoencoder.network.state_dict(), config)


def load_autoencoder(name: str | None, module: str) -> Autoencoder:
    """Return an autoencoder on the CPU; the identity where no name is given.

    Raises:
        InputError: the file is missing, damaged, of another autoencoder, or its tensors do not fit its configuration.
    """
    if name is None:
        return pixels()
    return load_model_file(autoencoder_path(name), {"name": name, "module": module}, described_autoencoder)


class TrainedModel(NamedTuple):
    """A trained network, and what is needed to sample from it.

    Attributes:
        network: the denoiser.
        schedule: the noise schedule that it was trained along.
        shape: (C, H, W) of what it denoises: images, or latents of its autoencoder.
        predicts_variance: whether its output has a second half for the variance.
        classes: the number of classes or captions that it is conditioned on; 0 for none.
        autoencoder: encodes images into what the network denoises, and decodes it; the identity for pixel models.
        image_shape: (C, H, W) of the images.
        predicts: what the network predicts.
    """

    network: nn.Module
    schedule: Schedule
    shape: tuple[int, int, int]
    predicts_variance: bool
    classes: int
    autoencoder: Autoencoder
    image_shape: tuple[int, int, int]
    predicts: Prediction = "noise"

    @property
    def velocity_schedule(self) -> Schedule | None:
        """The schedule along which the network predicts the velocity; None if it predicts noise."""
        return self.schedule if self.predicts == "velocity" else None

    def to(self, device: torch.device) -> TrainedModel:
        """Return the model with its networks on a device."""
        return self._replace(network=self.network.to(device), autoencoder=self.autoencoder.to(device))


def build_network(settings: NetworkSettings, arguments: Mapping[str, Any]) -> nn.Module:
    """Return a fresh network; ``arguments`` are what its class takes besides the settings."""
    return method_module("networks", settings.module).Network(settings, **arguments)


def save_model(
    model: str,
    weights: Mapping[str, Tensor],
    network: NetworkSettings,
    arguments: Mapping[str, Any],
    training: Mapping[str, Any],
    autoencoder: Autoencoder,
    image_shape: tuple[int, ...],
    predicts: Prediction = "noise",
) -> None:
    """Write a model file: weights, settings and arguments of its network, how it was trained, and its autoencoder.

    Args:
        model: name of the model.
        weights: weights of the network.
        network: settings of the network.
        arguments: what the network takes besides the settings.
        training: all settings of the training.
        autoencoder: its weights are written too, so that sampling needs no further file.
        image_shape: (C, H, W) of the images that the autoencoder encodes.
        predicts: what the network predicts; the file tells only what is not noise.
    """
    config: dict[str, Any] = {
        "model": model,
        "network": {"module": network.module, "settings": network.model_dump(), "arguments": dict(arguments)},
        "training": dict(training),
    }
    if predicts != "noise":
        config["predicts"] = predicts
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

    def build(tensors: dict[str, Tensor], config: dict[str, Any]) -> TrainedModel:
        described = config["network"]
        _check_entry(path, "network", described["module"], network)
        settings = network_settings()[described["settings"]["method"]].model_validate(described["settings"])
        arguments = described["arguments"]
        built: Any = build_network(settings, arguments)
        built.load_state_dict({name: t for name, t in tensors.items() if not name.startswith(AUTOENCODER)})
        shape = (arguments["image_channels"], arguments["image_size"], arguments["image_size"])
        autoencoder = pixels()
        image_shape = shape
        if "autoencoder" in config:
            weights = {n.removeprefix(AUTOENCODER): t for n, t in tensors.items() if n.startswith(AUTOENCODER)}
            autoencoder = described_autoencoder(weights, config["autoencoder"])
            channels, height, width = config["autoencoder"]["image_shape"]
            image_shape = (channels, height, width)
        return TrainedModel(
            network=built,
            schedule=make_schedule(config["training"]["schedule"], config["training"]["timesteps"]),
            shape=shape,
            predicts_variance=built.predicts_variance,
            classes=built.classes,
            autoencoder=autoencoder,
            image_shape=image_shape,
            predicts=_prediction(config.get("predicts", "noise")),
        )

    return load_model_file(path, {"model": model}, build)


def _prediction(found: Any) -> Prediction:
    if found not in get_args(Prediction):
        raise ValueError(f"predicts {found!r}; allowed are {', '.join(get_args(Prediction))}")
    return found


class Snapshots(NamedTuple):
    """EMA weights of a model by iteration of its training, in rising order, on the CPU.

    ``training`` are all settings of the training.
    """

    weights: dict[int, dict[str, Tensor]]
    training: dict[str, Any]


def save_snapshots(model: str, snapshots: Mapping[int, Mapping[str, Tensor]], training: Mapping[str, Any]) -> None:
    """Write the EMA snapshots of a model; without snapshots the file has no tensors."""
    tensors = {f"{iteration}.{name}": tensor for iteration, each in snapshots.items() for name, tensor in each.items()}
    write_tensors(snapshots_path(model), tensors, {"model": model, "training": dict(training)})


def load_snapshots(model: str) -> Snapshots:
    """Return the EMA snapshots of a model.

    Raises:
        InputError: the file is missing, damaged, or of another model.
    """

    def build(tensors: dict[str, Tensor], config: dict[str, Any]) -> Snapshots:
        snapshots: dict[int, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            iteration, _, weight = name.partition(".")
            snapshots.setdefault(int(iteration), {})[weight] = tensor
        return Snapshots(dict(sorted(snapshots.items())), config["training"])

    return load_model_file(snapshots_path(model), {"model": model}, build)


def load_snapshot(network: nn.Module, weights: Mapping[str, Tensor], model: str) -> None:
    """Replace the weights of a model's network by those of a snapshot.

    Raises:
        InputError: they do not fit the network.
    """
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{snapshots_path(model)}: the tensors do not fit the model: {reason}") from None


class NoiseClassifier(NamedTuple):
    """A trained classifier of noised images, and its number of classes."""

    network: nn.Module
    classes: int


def save_classifier(
    model: str, weights: Mapping[str, Tensor], settings: NoiseClassifierSettings, arguments: Mapping[str, Any]
) -> None:
    """Write the classifier that guides a model: weights, settings and arguments of its network."""
    sizes = {name: getattr(settings, name) for name in NoiseClassifierSettings.model_fields}
    write_tensors(guide_path(model), weights, {"model": model, "settings": sizes, "arguments": dict(arguments)})


def load_classifier(model: str) -> NoiseClassifier:
    """Return the classifier that guides a model, on the CPU; its weights take no gradient.

    Raises:
        InputError: the file is missing, damaged, of another model, or its tensors do not fit its configuration.
    """

    def build(tensors: dict[str, Tensor], config: dict[str, Any]) -> NoiseClassifier:
        settings = NoiseClassifierSettings.model_validate(config["settings"])
        # Found by name: an unguided cell does not depend on the module, and a guided one depends on the classifier's
        # file, which its stage writes again after an edit of the module.
        network = method_module("networks", "noise_classifier").Network(settings, **config["arguments"])
        network.load_state_dict(tensors)
        return NoiseClassifier(network.requires_grad_(False), int(config["arguments"]["classes"]))

    return load_model_file(guide_path(model), {"model": model}, build)


class FeatureNetwork(NamedTuple):
    """A feature network: its name and its function.

    ``features`` maps uint8 images [B, C, H, W] to pooled features, spatial features and logits.
    """

    name: str
    features: Callable[[Tensor], tuple[Tensor, Tensor, Tensor]]


def save_feature_network(tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> None:
    """Write the feature network; ``network`` in its configuration is the name of its module."""
    write_tensors(FEATURE_NETWORK, tensors, config)


def load_feature_network() -> FeatureNetwork:
    """Return the feature network on the chosen device.

    Raises:
        InputError: the file is missing, damaged, or its tensors do not fit its configuration.
    """

    def build(tensors: dict[str, Tensor], config: dict[str, Any]) -> FeatureNetwork:
        features = method_module("feature_networks", config["network"]).load(tensors, config)
        return FeatureNetwork(config["network"], features)

    return load_model_file(FEATURE_NETWORK, {}, build)

"""What samplers take besides noise: from which file, how it is read, which models it fits.

A settings class whose ``takes`` is a key of ``INPUTS`` gets that input as keywords of its ``sample`` function.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from stages.config.errors import InputError
from stages.config.fixed import Sample
from stages.config.networks import Condition
from stages.config.runtime import pick_device
from stages.store.files import read_npz
from stages.store.paths import DATASET, guide_path, model_path, moments_path

if TYPE_CHECKING:
    from stages.store.models import TrainedModel

# (start, stop) -> the keywords of the sampler's function for the images start..stop-1.
Keywords = Callable[[int, int], Mapping[str, Any]]


class SamplerInput(NamedTuple):
    """One thing that samplers take.

    Attributes:
        description: what it is, for messages.
        path: the file of a model, by the model's name.
        read: (name of the model, the model on its device, seed, section ``sample``) -> the keywords of each batch.
        conditions: what the model may be conditioned on.
        latents: whether the model may work on latents.
    """

    description: str
    path: Callable[[str], Path]
    read: Callable[[str, TrainedModel, int, Sample], Keywords]
    conditions: tuple[Condition | None, ...]
    latents: bool


def read_moments(name: str, model: TrainedModel, seed: int, sample: Sample) -> Keywords:
    """Return ``eps_power`` [T], the mean square of the model's noise predictions at each training time."""
    import torch

    (power,) = read_npz(moments_path(name), "eps_power")
    return lambda start, stop: {"eps_power": torch.from_numpy(power)}


def read_images(name: str, model: TrainedModel, seed: int, sample: Sample) -> Keywords:
    """Return ``images`` [B, ...] of the data set, encoded as the model needs them; they repeat once all are taken."""
    import torch

    from stages.sampling.denoiser import from_uint8

    device = pick_device()
    images = from_uint8(*read_npz(DATASET, "images"))

    def keywords(start: int, stop: int) -> Mapping[str, Any]:
        chosen = images[torch.arange(start, stop) % len(images)]
        return {"images": model.autoencoder.encode(chosen.to(device))}

    return keywords


def read_guide(name: str, model: TrainedModel, seed: int, sample: Sample) -> Keywords:
    """Return ``guide``, the gradient of the classifier's log-probability of each image's label.

    Raises:
        InputError: the classifier has other classes than the model.
    """
    from stages.diffusion.block_noise import image_labels
    from stages.sampling.guidance import log_gradient
    from stages.store.models import load_classifier

    device = pick_device()
    network, classes = load_classifier(name)
    if model.classes not in (0, classes):
        raise InputError(
            f"{guide_path(name)}: a classifier of {classes} classes, {name} has {model.classes}; "
            "run dvc repro to train it"
        )
    network = network.to(device)

    def keywords(start: int, stop: int) -> Mapping[str, Any]:
        labels = image_labels(sample.labels, seed, start, stop, classes, device)
        return {"guide": log_gradient(network, labels, sample.precision)}

    return keywords


INPUTS = {
    "moments": SamplerInput(
        "moments of the model's predictions", moments_path, read_moments, conditions=(None,), latents=True
    ),
    "images": SamplerInput(
        "images of the data set", lambda model: DATASET, read_images, conditions=(None,), latents=True
    ),
    "guide": SamplerInput(
        "a classifier of noised images", guide_path, read_guide, conditions=(None, "class"), latents=False
    ),
}


def input_path(takes: str | None, model: str) -> Path:
    """Return the file of what a sampler takes besides noise; the model's own where it takes nothing."""
    return model_path(model) if takes is None else INPUTS[takes].path(model)

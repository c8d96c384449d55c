"""What a sampler evaluates, told what its images are of, and what it takes beside noise, from the file of the plan."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from stages.config.entries import Cell
from stages.config.errors import InputError
from stages.config.runtime import pick_device
from stages.config.samplers import Sampler
from stages.diffusion.block_noise import block_labels
from stages.sampling.denoiser import denoiser
from stages.sampling.guidance import classifier_free, log_gradient
from stages.sampling.walk import Denoiser, Guide
from stages.store.classifiers import load_classifier
from stages.store.files import read_npz
from stages.store.models import TrainedModel
from stages.store.paths import DATA, guide_path

Further = dict[str, Tensor | Guide]
# (start, stop, told of each evaluation) -> what the sampler evaluates for that run of images, and its further keywords.
Inputs = Callable[[int, int, Callable[[int], object]], tuple[Denoiser, Further]]


def sampler_inputs(sampler: Sampler, cell: Cell, model: TrainedModel, seed: int, precision: str) -> Inputs:
    """Return the function that gives what a cell's sampler evaluates and takes for the images start..stop-1 of a seed.

    ``model`` is moved to the device in place.
    """
    model, further = model.to(pick_device()), _further(sampler, cell, model, seed, precision)

    def inputs(start: int, stop: int, evaluated: Callable[[int], object]) -> tuple[Denoiser, Further]:
        labels = block_labels(seed, start, stop, model.classes, pick_device()) if model.classes else None
        told = denoiser(model.network, model.predicts_variance, precision, evaluated, labels)
        if sampler.guidance is not None:
            told = classifier_free(told, _unconditional(model, stop - start, precision, evaluated), sampler.guidance)
        return told, further(start, stop)

    return inputs


def _unconditional(model: TrainedModel, n: int, precision: str, evaluated: Callable[[int], object]) -> Denoiser:
    """Return what is told the empty caption, which has the index after the last."""
    empty = torch.full((n,), model.classes, device=pick_device())
    return denoiser(model.network, model.predicts_variance, precision, evaluated, empty)


def _further(
    sampler: Sampler, cell: Cell, model: TrainedModel, seed: int, precision: str
) -> Callable[[int, int], Further]:
    if sampler.takes == "guide":
        return _guides(cell, model, seed, precision)
    if sampler.takes == "moments":
        (power,) = read_npz(DATA / cell.input, "eps_power")
        return lambda start, stop: {"eps_power": torch.from_numpy(power)}
    if sampler.takes == "images":
        (images,) = read_npz(DATA / cell.input, "images")
        scaled, device = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1, pick_device()
        encode = model.autoencoder.encode
        return lambda start, stop: {"images": encode(scaled[torch.arange(start, stop) % len(scaled)].to(device))}
    return lambda start, stop: {}


def _guides(cell: Cell, model: TrainedModel, seed: int, precision: str) -> Callable[[int, int], Further]:
    device, (network, classes) = pick_device(), load_classifier(cell.model)
    if model.classes not in (0, classes):
        raise InputError(
            f"{guide_path(cell.model)}: tells {classes} classes apart, {cell.model} has {model.classes}; "
            "run dvc repro to train it"
        )
    network = network.to(device)

    def inputs(start: int, stop: int) -> Further:
        labels = block_labels(seed, start, stop, classes, device)
        return {"guide": log_gradient(network, labels, precision)}

    return inputs

"""What samplers take beside noise, read from the file that the plan names."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from stages.diffusion.block_noise import block_labels
from stages.pipeline.errors import InputError
from stages.pipeline.files import read_npz
from stages.pipeline.guides import load_guide
from stages.pipeline.layout import DATA, guide_path
from stages.pipeline.models import Denoiser
from stages.pipeline.runtime import pick_device
from stages.samplers.walk import Guide
from stages.sampling.guidance import log_gradient
from stages.sections.cells import Cell
from stages.sections.samplers import Sampler

# (start, stop) of a run of images -> further keywords of the sampler for them.
Inputs = Callable[[int, int], dict[str, Tensor | Guide]]


def sampler_inputs(sampler: Sampler, cell: Cell, model: Denoiser, seed: int, precision: str) -> Inputs:
    """Return the function that gives what a cell's sampler takes for the images start..stop-1 of a seed."""
    if sampler.takes == "guide":
        return _guides(cell, model, seed, precision)
    if sampler.takes == "moments":
        (power,) = read_npz(DATA / cell.input, "eps_power")
        return lambda start, stop: {"eps_power": torch.from_numpy(power)}
    if sampler.takes == "images":
        (images,) = read_npz(DATA / cell.input, "images")
        scaled, device = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1, pick_device()
        encode = model.first_stage.to(device).encode
        return lambda start, stop: {"images": encode(scaled[torch.arange(start, stop) % len(scaled)].to(device))}
    return lambda start, stop: {}


def _guides(cell: Cell, model: Denoiser, seed: int, precision: str) -> Inputs:
    device, (network, classes) = pick_device(), load_guide(cell.model)
    if model.classes not in (0, classes):
        raise InputError(
            f"{guide_path(cell.model)}: tells {classes} classes apart, {cell.model} has {model.classes}; "
            "run dvc repro to train it"
        )
    network = network.to(device)

    def inputs(start: int, stop: int) -> dict[str, Tensor | Guide]:
        labels = block_labels(seed, start, stop, classes, device)
        return {"guide": log_gradient(network, labels, precision)}

    return inputs

"""What samplers take beside noise, read from the file that the plan names."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from stages.pipeline.files import read_npz
from stages.pipeline.layout import DATA
from stages.sections.cells import Cell
from stages.sections.samplers import Sampler

# (start, stop) of a run of images -> further keywords of the sampler for them.
Inputs = Callable[[int, int], dict[str, Tensor]]


def sampler_inputs(sampler: Sampler, cell: Cell) -> Inputs:
    """Return the function that gives what a cell's sampler takes for the images start..stop-1."""
    if sampler.takes == "moments":
        (power,) = read_npz(DATA / cell.input, "eps_power")
        return lambda start, stop: {"eps_power": torch.from_numpy(power)}
    if sampler.takes == "images":
        (images,) = read_npz(DATA / cell.input, "images")
        scaled = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1
        return lambda start, stop: {"images": scaled[torch.arange(start, stop) % len(scaled)]}
    return lambda start, stop: {}

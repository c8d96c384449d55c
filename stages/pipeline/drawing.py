"""Images of a planned cell on the noise of searches, with the values of its fix left to the caller."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from stages.diffusion.block_noise import block_labels, block_noise
from stages.diffusion.chain import Chain
from stages.pipeline.inputs import sampler_inputs
from stages.pipeline.models import load_model
from stages.pipeline.registry import method_module
from stages.pipeline.runtime import pick_device
from stages.sampling.images import denoiser
from stages.sections.cells import Cell
from stages.sections.study import Params

Draw = Callable[[Mapping[str, int | float], int, int], Tensor]


def drawing(params: Params, cell: Cell) -> Draw:
    """Return the function from (values, start, stop) to those images [B, C, H, W] of a cell, drawn as ``sample`` does.

    The noise is of search.seed, which no reported score uses.
    """
    model, sampler, device = load_model(cell.model, cell.network), params.samplers[cell.sampler], pick_device()
    chain = Chain(model.schedule, sampler.grid(cell.steps, model.schedule.timesteps))
    network, precision, seed = model.network.to(device), params.sample.precision, params.search.seed
    sample = method_module("samplers", cell.sampler_module).sample
    inputs = sampler_inputs(sampler, cell, model, seed, precision)

    def draw(values: Mapping[str, int | float], start: int, stop: int) -> Tensor:
        settings = params.fixes[cell.fix].resolved(values).settings()
        fix = method_module("fixes", cell.fix_module).make(chain, **settings)
        noise = block_noise(seed, start, stop, model.shape, device)
        labels = block_labels(seed, start, stop, model.classes, device) if model.classes else None
        denoise = denoiser(network, model.predicts_variance, precision, lambda _: None, labels)
        with torch.no_grad():
            settings = sampler.settings() | inputs(start, stop)
            return sample(denoise, noise(), chain=chain, fix=fix, noise=noise, **settings)

    return draw

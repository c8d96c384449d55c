"""Images of a planned cell, with the model, the seed and the values of its fix left to the caller."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from stages.config.entries import Cell
from stages.config.params import Params
from stages.config.registry import method_module
from stages.config.runtime import pick_device
from stages.diffusion.block_noise import block_noise
from stages.diffusion.chain import Chain
from stages.sampling.inputs import sampler_inputs
from stages.store.models import TrainedModel

Draw = Callable[[Mapping[str, int | float], int, int], Tensor]


def drawing(params: Params, cell: Cell, model: TrainedModel, seed: int) -> Draw:
    """Return the function from (values, start, stop) to those images [B, C, H, W] of a cell, drawn as ``sample`` does.

    ``model`` is moved to the device in place: weights put into it later are drawn with.
    """
    sampler, device = params.samplers[cell.sampler], pick_device()
    model = model.to(device)
    chain = Chain(model.schedule, sampler.grid(cell.steps, model.schedule.timesteps))
    sample = method_module("samplers", cell.sampler_module).sample
    inputs = sampler_inputs(sampler, cell, model, seed, params.sample.precision)

    def draw(values: Mapping[str, int | float], start: int, stop: int) -> Tensor:
        settings = params.fixes[cell.fix].resolved(values).settings()
        fix = method_module("fixes", cell.fix_module).make(chain, **settings)
        noise = block_noise(seed, start, stop, model.shape, device)
        with torch.no_grad():
            denoise, further = inputs(start, stop, lambda _: None)
            settings = sampler.settings() | further
            return model.autoencoder.decode(sample(denoise, noise(), chain=chain, fix=fix, noise=noise, **settings))

    return draw

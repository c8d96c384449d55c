"""Images of a cell, drawn: the one place where sampler, fix, noise, labels and guidance meet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import torch
from torch import Tensor

from stages.config.entries import Cell
from stages.config.errors import InputError
from stages.config.method_settings import SamplerSettings
from stages.config.params import Params
from stages.config.registry import method_module
from stages.config.runtime import pick_device
from stages.diffusion.block_noise import block_noise, image_labels
from stages.diffusion.chain import Chain
from stages.diffusion.schedule import Schedule
from stages.diffusion.time_grid import TimeGrid
from stages.sampling.denoiser import denoiser, uncounted
from stages.sampling.guidance import classifier_free
from stages.sampling.inputs import INPUTS
from stages.sampling.sampler_grid import sampler_grid
from stages.sampling.walk import Denoiser
from stages.store.models import TrainedModel


class Draw(Protocol):
    """Draws the images start..stop-1 of a cell as [B, C, H, W], with the given values of its fix.

    ``evaluated`` is called with the number of images of each evaluation of the network.
    """

    def __call__(
        self,
        values: Mapping[str, int | float],
        start: int,
        stop: int,
        evaluated: Callable[[int], object] = uncounted,
    ) -> Tensor: ...


def drawing(params: Params, cell: Cell, model: TrainedModel, seed: int) -> Draw:
    """Return the function that draws images of a cell by a model, on the noise and labels of a seed.

    ``model`` is moved to the device in place: weights put into it later are drawn with.

    Raises:
        InputError: the sampler's grid cannot hold the steps, or what the sampler takes is missing or does not fit.
    """
    device = pick_device()
    model = model.to(device)
    model.autoencoder.network.eval()
    sampler = params.samplers[cell.sampler]
    precision = params.sample.precision
    chosen = params.labels(cell) or "random"
    chain = Chain(model.schedule, cell_grid(cell, sampler, model.schedule))
    sample = method_module("samplers", cell.sampler_module).sample
    make_fix = method_module("fixes", cell.fix_module).make
    taken = INPUTS[sampler.takes].read(cell.model, model, seed, params.sample) if sampler.takes else None

    def draw(
        values: Mapping[str, int | float], start: int, stop: int, evaluated: Callable[[int], object] = uncounted
    ) -> Tensor:
        fix = make_fix(chain, **params.fixes[cell.fix].resolved(values).settings())
        noise = block_noise(seed, start, stop, model.shape, device)
        labels = None
        if model.classes:
            labels = image_labels(chosen, seed, start, stop, model.classes, device)
        denoise = _denoiser(model, labels, stop - start, sampler.guidance, precision, evaluated)
        # Not inference mode, which a sampler that needs a gradient could not leave.
        with torch.no_grad():
            keywords = taken(start, stop) if taken else {}
            x = sample(denoise, noise(), chain=chain, fix=fix, noise=noise, **sampler.settings(), **keywords)
            return model.autoencoder.decode(x)

    return draw


def _denoiser(
    model: TrainedModel,
    labels: Tensor | None,
    n: int,
    guidance: float | None,
    precision: str,
    evaluated: Callable[[int], object],
) -> Denoiser:
    """Return what the sampler evaluates for n images: the network, under classifier-free guidance if asked for."""
    along = model.velocity_schedule
    conditional = denoiser(model.network, model.predicts_variance, precision, evaluated, labels, along)
    if guidance is None:
        return conditional
    # The empty caption has the index after the last one.
    empty = torch.full((n,), model.classes, device=pick_device())
    unconditional = denoiser(model.network, model.predicts_variance, precision, evaluated, empty, along)
    return classifier_free(conditional, unconditional, guidance)


def cell_grid(cell: Cell, sampler: SamplerSettings, schedule: Schedule) -> TimeGrid:
    """Return the time grid of a cell.

    Raises:
        InputError: the grid cannot hold the steps of the cell, or starts where the sampler explodes.
    """
    try:
        return sampler_grid(sampler, cell.steps, schedule.alpha_bar.tolist())
    except ValueError as error:
        raise InputError(f"{cell.key}: {error}") from None

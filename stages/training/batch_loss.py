"""The loss of one batch along the diffusion: times, noise, objective."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor

from stages.config.params import Recipe
from stages.diffusion.mixed_precision import autocast
from stages.diffusion.random_streams import stream, stream_seed
from stages.diffusion.schedule import Schedule
from stages.training.batches import gathered, share
from stages.training.loop import BatchLoss
from stages.training.losses import Loss
from stages.training.state import TrainingState
from stages.training.timesteps import antithetic_timesteps, draw_timesteps, importance, record_losses

TRAIN = 1


def batch_loss(
    state: TrainingState,
    x0: Tensor,
    seed: int,
    recipe: Recipe,
    objective: Callable[..., Loss],
    schedule: Schedule,
    labels: Tensor | None = None,
) -> BatchLoss:
    """Return the loss of the state's iteration on x0 [B, C, H, W], after recording it in the loss history.

    All randomness is the stream of (seed, iteration): objectives that draw alike see the same t and the same noise.
    Each process draws all of it and takes its share of the batch; the loss is of that share.

    Args:
        state: the run.
        x0: the whole batch of clean images or latents.
        seed: of the training.
        recipe: how times are drawn and the network computes.
        objective: a function (predict, x0, times, noise, schedule) -> Loss.
        schedule: the noise schedule.
        labels: classes or captions [B] that the network is conditioned on.
    """
    accelerator = state.accelerator
    device = accelerator.device
    mine = share(len(x0), accelerator)
    generator = stream(seed, TRAIN, state.iteration)
    if recipe.t_sampling == "antithetic":
        times, weights = antithetic_timesteps(recipe.timesteps, len(x0), generator)
    elif recipe.t_sampling == "loss-second-moment":
        times, weights = draw_timesteps(importance(state.history), len(x0), generator)
    else:
        times, weights = draw_timesteps(_uniform(recipe.timesteps), len(x0), generator)
    times = times[mine].to(device)
    weights = weights[mine].to(device)
    conditions = () if labels is None else (labels[mine].to(device),)

    def noise() -> Tensor:
        return torch.randn(x0.shape, generator=generator)[mine].to(device)

    def predict(y: Tensor, times: Tensor) -> Tensor:
        with autocast(y.device, recipe.precision):
            return state.parallel(y, times, *conditions).float()

    # Dropout draws from the device's global generator: alike in every process, each on images of its own.
    torch.manual_seed(stream_seed(seed, TRAIN, state.iteration))
    found = objective(predict, x0[mine].to(device), times, noise, schedule)
    if recipe.t_sampling == "loss-second-moment":
        record_losses(state.history, gathered(times, accelerator), gathered(found.total.detach(), accelerator))
    return BatchLoss((weights * found.total).mean(), {name: term.detach() for name, term in found.terms.items()})


@lru_cache(maxsize=1)
def _uniform(timesteps: int) -> Tensor:
    return torch.full((timesteps,), 1 / timesteps, dtype=torch.float64)

"""One iteration of training: times, noise, loss, update, moving average."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial

import torch
from torch import Tensor

from stages.config.recipe import Recipe
from stages.diffusion.precision import autocast
from stages.diffusion.random_streams import stream, stream_seed
from stages.diffusion.schedule import Schedule
from stages.training.batches import gathered, share
from stages.training.losses import Loss
from stages.training.state import TrainingState
from stages.training.timesteps import antithetic_timesteps, draw_timesteps, importance, record_losses

TRAIN = 1


def step(
    state: TrainingState, x0: Tensor, seed: int, recipe: Recipe, loss: Callable[..., Loss], schedule: Schedule,
    labels: Tensor | None = None,
) -> Loss:  # fmt: skip
    """Return the loss of one iteration on x0 [B, C, H, W], after updating the network, its EMA and the loss history.

    ``labels`` [B] are told to a network that has classes or captions.

    All randomness is the stream of (seed, iteration): variants that draw alike see the same t and the same noise. Each
    process draws all of it and takes its share of the batch; the loss is of that share.
    """
    accelerator, shape = state.accelerator, x0.shape
    device, mine = accelerator.device, share(len(x0), accelerator)
    generator = stream(seed, TRAIN, state.iteration)
    times, weights = _times(state, recipe, len(x0), generator)
    x0, times, weights = x0[mine].to(device), times[mine].to(device), weights[mine].to(device)

    def noise() -> Tensor:
        return torch.randn(shape, generator=generator)[mine].to(device)

    # Dropout draws from the device's global generator: alike in every process, each on images of its own.
    torch.manual_seed(stream_seed(seed, TRAIN, state.iteration))
    told = () if labels is None else (labels[mine].to(device),)
    found = loss(partial(_predict, state, recipe, told), x0, times, noise, schedule)
    if recipe.t_sampling == "loss-second-moment":
        record_losses(state.history, gathered(times, accelerator), gathered(found.total.detach(), accelerator))
    update(state, (weights * found.total).mean(), recipe)
    return found


def update(state: TrainingState, objective: Tensor, recipe: Recipe) -> None:
    """Take one optimizer step along the objective's gradient and let the EMA follow, unless fp16 overflowed."""
    for group in state.optimizer.param_groups:
        group["lr"] = recipe.lr * min(1.0, (state.iteration + 1) / max(1, recipe.warmup))
    state.optimizer.zero_grad(set_to_none=True)
    scale = state.scaler.get_scale()
    state.scaler.scale(objective).backward()
    if recipe.clip is not None:
        state.scaler.unscale_(state.optimizer)
        torch.nn.utils.clip_grad_norm_(state.network.parameters(), recipe.clip)
    state.scaler.step(state.optimizer)
    state.scaler.update()
    # A lower scale means that fp16 overflowed and the step was skipped: the EMA then stays, too.
    if state.scaler.get_scale() < scale:
        return
    with torch.no_grad():
        weights = state.network.state_dict()
        torch._foreach_lerp_(  # pyright: ignore[reportPrivateImportUsage]
            [state.ema[name] for name in weights], list(weights.values()), 1 - recipe.ema
        )


def _predict(state: TrainingState, recipe: Recipe, told: tuple[Tensor, ...], y: Tensor, times: Tensor) -> Tensor:
    with autocast(y.device, recipe.precision):
        return state.parallel(y, times, *told).float()


def _times(state: TrainingState, recipe: Recipe, n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    if recipe.t_sampling == "antithetic":
        return antithetic_timesteps(recipe.timesteps, n, generator)
    probability = importance(state.history) if recipe.t_sampling == "loss-second-moment" else _uniform(recipe.timesteps)
    return draw_timesteps(probability, n, generator)


@lru_cache(maxsize=1)
def _uniform(timesteps: int) -> Tensor:
    return torch.full((timesteps,), 1 / timesteps, dtype=torch.float64)

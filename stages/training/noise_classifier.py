"""Training of the classifier that guides a model: on images noised along the model's schedule, at all of its times."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from stages.config.params import Guide
from stages.config.recipe import Recipe
from stages.diffusion.random_streams import stream
from stages.diffusion.schedule import Schedule, add_noise, alpha_bar_at
from stages.training.losses import Loss

TEST = 19


def guide_recipe(recipe: Recipe, guide: Guide) -> Recipe:
    """Return the recipe that trains the guide of a model: as the model's, but by AdamW and without a moving average."""
    own = {name: getattr(guide, name) for name in ("iterations", "batch_size", "lr", "weight_decay")}
    return recipe.model_copy(update=own | {"optimizer": "adamw", "clip": None, "ema": 0.0})


def cross_entropy(
    predict: Callable[[Tensor, Tensor], Tensor], x0: Tensor, times: Tensor, noise: Callable[[], Tensor],
    schedule: Schedule, *, labels: Tensor,
) -> Loss:  # fmt: skip
    """Return -log p(y | x_t, t) of clean images x0 [B, C, H, W] with labels [B] (Dhariwal & Nichol 2021, Sec. 4).

    ``predict`` maps (x, times) to class logits; ``noise()`` draws standard Gaussian noise of x0's shape.
    """
    logits = predict(add_noise(x0, noise(), alpha_bar_at(schedule, times)), times)
    return Loss({"cross_entropy": functional.cross_entropy(logits, labels.to(logits.device), reduction="none")})


def kept_apart(n: int, seed: int, fraction: float) -> tuple[Tensor, Tensor]:
    """Return the indices of the images to test on, a part of n that is drawn at random, and of those to train on."""
    test, train = torch.randperm(n, generator=stream(seed, TEST)).tensor_split([round(fraction * n)])
    return test, train


def accuracy_times(timesteps: int) -> list[int]:
    """Return a few training times, from the least noise on."""
    return [part * timesteps // 20 for part in (0, 2, 5, 10, 15)]


def accuracy(network: nn.Module, x0: Tensor, labels: Tensor, schedule: Schedule, seed: int, time: int) -> float:
    """Return the share of images x0 [B, C, H, W] in [-1, 1], noised to ``time``, whose likeliest label is theirs."""
    noise = torch.randn(x0.shape, generator=stream(seed, TEST, 1 + time)).to(x0.device)
    times = torch.full((len(x0),), time, device=x0.device)
    with torch.no_grad():
        logits = network(add_noise(x0, noise, alpha_bar_at(schedule, times)), times)
    return (logits.argmax(1).cpu() == labels).double().mean().item()

"""The loss and the accuracy of a classifier of images noised along a model's schedule, at all of its times."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from stages.config.params import Guide, Recipe
from stages.diffusion.random_streams import stream
from stages.diffusion.schedule import Schedule, add_noise, alpha_bar_at
from stages.training.losses import Loss

TEST = 19


def classifier_recipe(recipe: Recipe, guide: Guide) -> Recipe:
    """Return the recipe of a model's classifier: the model's, but by AdamW, without clipping and moving average."""
    changes = {
        "iterations": guide.iterations,
        "batch_size": guide.batch_size,
        "lr": guide.lr,
        "weight_decay": guide.weight_decay,
        "optimizer": "adamw",
        "clip": None,
        "ema": 0.0,
    }
    return recipe.model_copy(update=changes)


def cross_entropy(
    predict: Callable[[Tensor, Tensor], Tensor],
    x0: Tensor,
    times: Tensor,
    noise: Callable[[], Tensor],
    schedule: Schedule,
    *,
    labels: Tensor,
) -> Loss:
    """Return -log p(y | x_t, t) of clean images x0 [B, C, H, W] with labels [B] (Dhariwal & Nichol 2021, Sec. 4).

    ``predict`` maps (x, times) to class logits; ``noise()`` draws standard Gaussian noise of x0's shape.
    """
    logits = predict(add_noise(x0, noise(), alpha_bar_at(schedule, times)), times)
    return Loss({"cross_entropy": functional.cross_entropy(logits, labels.to(logits.device), reduction="none")})


def held_out(n: int, seed: int, fraction: float) -> tuple[Tensor, Tensor]:
    """Return the indices of the images to test on, a share of n drawn at random, and of those to train on."""
    test, train = torch.randperm(n, generator=stream(seed, TEST)).tensor_split([round(fraction * n)])
    return test, train


def accuracy_times(timesteps: int) -> list[int]:
    """Return a few training times, from the least noise on."""
    return [part * timesteps // 20 for part in (0, 2, 5, 10, 15)]


def accuracy(network: nn.Module, x0: Tensor, labels: Tensor, schedule: Schedule, seed: int, time: int) -> float:
    """Return the accuracy of the likeliest label of images x0 [B, C, H, W] in [-1, 1], noised to ``time``."""
    noise = torch.randn(x0.shape, generator=stream(seed, TEST, 1 + time)).to(x0.device)
    times = torch.full((len(x0),), time, device=x0.device)
    with torch.no_grad():
        logits = network(add_noise(x0, noise, alpha_bar_at(schedule, times)), times)
    return (logits.argmax(1).cpu() == labels).double().mean().item()

"""LDM's training: the simple loss."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from stages.diffusion.schedule import Schedule, add_noise, alpha_bar_at
from stages.training.losses import Loss


def loss(
    predict: Callable[[Tensor, Tensor], Tensor], x0: Tensor, times: Tensor, noise: Callable[[], Tensor],
    schedule: Schedule,
) -> Loss:  # fmt: skip
    """Return the mean squared noise error on latents or images x0 [B, C, H, W] at times [B] (LDM, Eq. 2 and 3)."""
    eps = noise()
    predicted = predict(add_noise(x0, eps, alpha_bar_at(schedule, times)), times)
    return Loss({"mse": (eps - predicted).square().flatten(1).mean(1)})

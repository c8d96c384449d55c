"""What all samplers share: the walk down a time grid, one step of it, and the noise prediction under a fix.

A sampler is a function ``sample(denoiser, x, chain, fix, noise, **settings)`` from Gaussian noise x [B, C, H, W] to
images in [-1, 1]. ``denoiser`` maps (x, times [B]) to (eps, v), v being the variance logits or None; ``chain`` is the
schedule along the grid; ``noise()`` draws standard Gaussian noise of x's shape.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from stages.diffusion.chain import Chain
from stages.fixes.fix import Fix

Denoiser = Callable[[Tensor, Tensor], tuple[Tensor, Tensor | None]]
Noise = Callable[[], Tensor]
# (x, times, grid index) -> (eps divided by the fix's lambda, v).
Predict = Callable[[Tensor, Tensor, float], tuple[Tensor, Tensor | None]]


@dataclass(frozen=True)
class Step:
    """One step of a grid: from time ``grid.times[index]`` to ``target``; alpha_bar values are float64 [B, 1, 1, 1].

    ``condition`` is the time [B] that the network is told, which a fix may have shifted.
    """

    index: int
    time: int
    target: int
    condition: Tensor
    alpha_bar: Tensor
    alpha_bar_next: Tensor


def walk(update: Callable[[Tensor, Step], Tensor], x: Tensor, chain: Chain, fix: Fix) -> Tensor:
    """Return the state after every step of the grid, from the noisiest time to the last target."""
    grid = chain.grid
    condition = torch.full((len(x),), grid.times[-1], device=x.device)
    for index in reversed(range(len(grid.times))):
        time, target = grid.times[index], grid.target(index)
        start = condition if fix.update_time == "shifted" else torch.full_like(condition, time)
        levels = chain.alpha_bar(start), chain.alpha_bar(torch.full_like(condition, target))
        x = update(x, Step(index, time, target, condition, *levels))
        if index:
            condition = fix.condition(x, index - 1, torch.full_like(condition, target))
    return x


def scaled(denoiser: Denoiser, fix: Fix) -> Predict:
    """Return the prediction at (x, times, grid index) with the noise divided by the fix's lambda."""

    def predict(x: Tensor, times: Tensor, index: float) -> tuple[Tensor, Tensor | None]:
        eps, v = denoiser(x, times)
        return eps / fix.scale(index), v

    return predict

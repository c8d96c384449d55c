"""What all samplers share: the walk down a time grid, one step of it, and the noise prediction under a fix.

A sampler is a function ``sample(denoiser, x, chain, fix, noise, **settings)`` from Gaussian noise x [B, C, H, W] to
images in [-1, 1]. ``denoiser`` maps (x, times [B]) to (eps, v), v being the variance logits or None; ``chain`` is the
schedule along the grid; ``noise()`` draws standard Gaussian noise of x's shape.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from stages.diffusion.chain import Chain
from stages.sampling.fix import Fix

if TYPE_CHECKING:
    from torch import Tensor

Denoiser: TypeAlias = "Callable[[Tensor, Tensor], tuple[Tensor, Tensor | None]]"
Noise: TypeAlias = "Callable[[], Tensor]"
# (x, times) -> the gradient of log p(y | x_t, t) in x, for samplers that are guided to a label y.
GuideGradient: TypeAlias = "Callable[[Tensor, Tensor], Tensor]"
# (x, times, grid index) -> (eps divided by the fix's lambda, v).
Predict: TypeAlias = "Callable[[Tensor, Tensor, float], tuple[Tensor, Tensor | None]]"


@dataclass(frozen=True)
class Step:
    """One step of a grid, from ``time`` to ``target``, both [B], and the prediction at its start.

    ``start`` is the time whose noise level the update starts from; it differs from ``time`` only where a fix says so.
    """

    index: int
    chain: Chain
    time: Tensor
    start: Tensor
    target: Tensor
    eps: Tensor
    v: Tensor | None

    @cached_property
    def alpha_bar(self) -> Tensor:
        """The noise level that the update starts from, float64 [B, 1, 1, 1]."""
        return self.chain.alpha_bar(self.start)

    @cached_property
    def alpha_bar_next(self) -> Tensor:
        """The noise level that the update leads to, float64 [B, 1, 1, 1]."""
        return self.chain.alpha_bar(self.target)


def walk(update: Callable[[Tensor, Step], Tensor], predict: Predict, x: Tensor, chain: Chain, fix: Fix) -> Tensor:
    """Return the state after every step of the grid, from the noisiest time to the last target."""
    grid = chain.grid
    time = grid_time(grid.times[-1], x)
    for index in reversed(range(len(grid.times))):
        conditioned = fix.condition(x, index, time)
        eps, v = predict(x, conditioned, index)
        scheduled = grid_time(grid.target(index), x)
        target = fix.target(x, eps, index, scheduled)
        start = conditioned if fix.update_time == "shifted" else time
        x = update(x, Step(index, chain, time, start, target, eps, v))
        time = target if fix.goes_on_from == "target" else scheduled
    return x


def grid_time(time: float, x: Tensor) -> Tensor:
    """Return a time for each sample of x, int64 where it is whole, else float64."""
    import torch

    if time == int(time):
        return torch.full((len(x),), int(time), dtype=torch.int64, device=x.device)
    return torch.full((len(x),), time, dtype=torch.float64, device=x.device)


def scaled(denoiser: Denoiser, fix: Fix) -> Predict:
    """Return the prediction at (x, times, grid index) with the noise divided by the fix's lambda."""

    def predict(x: Tensor, times: Tensor, index: float) -> tuple[Tensor, Tensor | None]:
        eps, v = denoiser(x, times)
        return eps / fix.scale(index), v

    return predict

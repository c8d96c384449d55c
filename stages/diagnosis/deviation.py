"""By how much the variance of states exceeds the 1 - alpha_bar that the network was trained with."""

from __future__ import annotations

import math
from typing import NamedTuple

from torch import Tensor

from stages.diffusion.schedule import Posterior


def _residuals(states: Tensor, images: Tensor, alpha_bars: Tensor) -> Tensor:
    return states.double() - alpha_bars.to(states.device).sqrt().reshape(-1, 1, 1, 1, 1) * images.double()


def multi_step(states: Tensor, images: Tensor, alpha_bars: Tensor) -> Tensor:
    """Return delta [S] = Var(x_t - sqrt(alpha_bar_t) x0) - (1 - alpha_bar_t) (ES, Alg. 1, Eq. 19).

    The variance is each pixel's over images, then averaged.

    Args:
        states: what a whole chain goes through, [S, n, C, H, W].
        images: x0, [n, C, H, W]; those that ES starts its chain from, of which its first state keeps nothing.
        alpha_bars: of the states, [S].
    """
    variance = _residuals(states, images, alpha_bars).var(dim=1, correction=0).flatten(1).mean(dim=1)
    return variance.cpu() - (1 - alpha_bars)


def multi_step_released(states: Tensor, images: Tensor, alpha_bars: Tensor) -> Tensor:
    """Return [S]: (mean standard deviation - sqrt(1 - alpha_bar_t))^2, which the released code of ES computes."""
    deviation = _residuals(states, images, alpha_bars).std(dim=1, correction=0).flatten(1).mean(dim=1)
    return (deviation.cpu() - (1 - alpha_bars).sqrt()).square()


def perfect(images: Tensor, alpha_bars: Tensor) -> Tensor:
    """Return 2 alpha_bar_t Var(x0) [S], the delta of a perfect sampler: its images are others than x0."""
    return 2 * alpha_bars * float(images.double().var(dim=0, correction=0).mean())


class SingleStep(NamedTuple):
    """Delta after one step from a true state: measured, as ES's Table 1 has it, and in closed form."""

    measured: float
    table: float
    exact: float


def single_step(x0hat: Tensor, images: Tensor, noise: Tensor, alpha_bar: float, step: Posterior) -> SingleStep:
    """Return Delta after one posterior step from x_t = sqrt(alpha_bar) x0 + sqrt(1 - alpha_bar) noise (ES, Alg. 2).

    Measured is the variance of the new state less sqrt(alpha_bar_next) x0, less 1 - alpha_bar_next; the noise that the
    step adds is taken by its variance. ES's form x0_coef^2 e^2, with e^2 = Var(x0hat - x0), takes the error to be
    independent of the noise in x_t; the exact one adds 2 x0_coef x_coef sqrt(1 - alpha_bar) Cov(x0hat - x0, noise).
    Variances are each pixel's over images, then averaged.

    Args:
        x0hat: what the network predicts from x_t, [n, C, H, W]; images and noise likewise.
        images: x0.
        noise: that of x_t.
        alpha_bar: of x_t.
        step: the posterior of the step.
    """
    moved, residual = _step_parts(x0hat, images, noise, alpha_bar, step)
    error = moved.var(dim=0, correction=0).mean()
    centred = (moved - moved.mean(dim=0)) * (residual - moved)
    kept = step.x_coef**2 * (1 - alpha_bar)
    measured = residual.var(dim=0, correction=0).mean() - kept
    return SingleStep(float(measured), float(error), float(error + 2 * centred.mean()))


def single_step_residual(x0hat: Tensor, images: Tensor, noise: Tensor, alpha_bar: float, step: Posterior) -> Tensor:
    """Return the mean of the new state less sqrt(alpha_bar_next) x0, [n, C, H, W], with arguments as above."""
    return _step_parts(x0hat, images, noise, alpha_bar, step)[1]


def _step_parts(
    x0hat: Tensor, images: Tensor, noise: Tensor, alpha_bar: float, step: Posterior
) -> tuple[Tensor, Tensor]:
    """Return the part of the residual that the error makes, and all of it: x0_coef error + x_coef scatter."""
    moved = float(step.x0_coef) * (x0hat.double() - images.double())
    return moved, moved + float(step.x_coef) * math.sqrt(1 - alpha_bar) * noise.double()

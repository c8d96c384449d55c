"""By how much the variance of a state exceeds 1 - alpha_bar after one step of ADM's sampler from a true state."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from stages.diagnosis.chains import Trajectory, Walked, levels
from stages.diagnosis.estimates import Curve, jackknifed_curves
from stages.diffusion.chain import Chain
from stages.diffusion.schedule import Posterior, posterior, predict_x0
from stages.methods.samplers.ddpm import deviation
from stages.sampling.fix import Fix
from stages.sampling.walk import Step, grid_time


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
    """Return the mean of the new state less sqrt(alpha_bar_next) x0, [n, C, H, W]; arguments as of ``single_step``."""
    return _step_parts(x0hat, images, noise, alpha_bar, step)[1]


def _step_parts(
    x0hat: Tensor, images: Tensor, noise: Tensor, alpha_bar: float, step: Posterior
) -> tuple[Tensor, Tensor]:
    """Return the part of the residual that is due to the error, and all of it: x0_coef error + x_coef scatter."""
    moved = float(step.x0_coef) * (x0hat.double() - images.double())
    return moved, moved + float(step.x_coef) * math.sqrt(1 - alpha_bar) * noise.double()


def predicted_step(chain: Chain, forward: Trajectory, fix: Fix, index: int) -> tuple[Tensor, Posterior]:
    """Return x0hat at the true states of a grid index, clipped, and the posterior of the step from there."""
    level = levels(chain)
    eps = forward.eps[index] / fix.scale(index)
    x0hat = predict_x0(forward.states[index], eps, level[index]).clamp(-1, 1)
    return x0hat, posterior(level[index], level[index - 1])


def learned_excess(chain: Chain, forward: Trajectory, index: int) -> Tensor:
    """Return [n]: by how much the learned variance of the step from a grid index exceeds the posterior's, mean."""
    if forward.v is None:
        raise ValueError("the network predicts no variance")
    x = forward.states[index]
    here = grid_time(chain.grid.times[index], x)
    there = grid_time(chain.grid.target(index), x)
    sigma = deviation(x, Step(index, chain, here, here, there, forward.eps[index], forward.v[index]), "learned")
    level = levels(chain)
    return sigma.double().square().flatten(1).mean(dim=1).cpu() - posterior(level[index], level[index - 1]).variance


def curves(walked: Walked) -> Iterator[Curve]:
    """Yield Delta after single steps, by the time that they lead to; of ADM's sampler, under fixes of its prediction.

    Measured and in closed form it has the variance that the sampler adds, which may be learned; ES's form has the
    posterior's. At true states, a fix of the times that the network is conditioned on has nothing to correct.
    """
    forward = walked.forward
    if forward.sampler not in ("ddpm", "ddpm-small") or walked.shifts_times:
        return
    chain = forward.chain
    level = levels(chain).tolist()
    indices = range(1, len(level))
    steps = [predicted_step(chain, forward.trajectory, walked.fix, index) for index in indices]
    learned = forward.sampler == "ddpm" and forward.subject.predicts_variance
    excess = torch.zeros(len(indices), len(forward.subject.images), dtype=torch.float64)
    if learned:
        excess = torch.stack([learned_excess(chain, forward.trajectory, index) for index in indices])

    def measure(kept: Tensor) -> dict[str, Tensor]:
        images = forward.subject.images[kept]
        noise = forward.noise[kept]
        found = [
            single_step(x0hat[kept], images, noise, level[index], step)
            for index, (x0hat, step) in zip(indices, steps, strict=True)
        ]
        measured, table, exact = torch.tensor(found, dtype=torch.float64).T
        added = excess[:, kept].mean(dim=1)
        return {"Delta": measured + added, "Delta_table": table, "Delta_exact": exact + added}

    times = chain.grid.times[:-1]
    yield from jackknifed_curves(
        forward.sampler, forward.steps, walked.name, times, measure, len(forward.subject.images)
    )

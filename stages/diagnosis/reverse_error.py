"""How far the deterministic chain ends from the image that it started from."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from stages.diagnosis.estimates import Estimate, mean_over_images
from stages.diagnosis.subject import FORWARD, Subject
from stages.diffusion.chain import Chain
from stages.diffusion.schedule import Schedule, add_noise
from stages.methods.grids.first import time_grid
from stages.methods.samplers import ddpm
from stages.sampling.fix import Fix
from stages.sampling.walk import Denoiser, grid_time

# Images of which pairs are shown.
SHOWN = 8


def reversed_images(denoiser: Denoiser, images: Tensor, noise: Tensor, schedule: Schedule, steps: int) -> Tensor:
    """Return x0hat [n, C, H, W]: images noised to code time ``steps - 1`` and walked back without noise (IP, Alg. 4).

    Every training time is walked by the posterior mean, with x0 clipped as in ADM. The fixed number of steps is that of
    the released code.
    """
    chain = Chain(schedule, time_grid(steps, schedule.timesteps))
    x = add_noise(images, noise, chain.alpha_bar(grid_time(steps - 1, images)))
    return ddpm.sample(denoiser, x, chain, Fix(), lambda: torch.zeros_like(x))


def reverse_error(denoiser: Denoiser, images: Tensor, noise: Tensor, schedule: Schedule, steps: int) -> Estimate:
    """Return delta_bar_n, the mean |x0hat - x0| over pixels and images, pixels in [-1, 1] (IP, Alg. 4, Table 6)."""
    final = reversed_images(denoiser, images, noise, schedule, steps)
    return mean_over_images((final - images).abs().flatten(1).mean(dim=1))


def reverse_errors(subject: Subject, steps: Iterable[int]) -> dict[int, Estimate]:
    """Return delta_bar by the number of deterministic steps."""
    noise = subject.noise(FORWARD)()
    return {n: reverse_error(subject.denoiser, subject.images, noise, subject.schedule, n) for n in steps}


def reverse_pairs(subject: Subject, steps: Iterable[int]) -> Tensor:
    """Return [m, 1 + k, C, H, W]: the first images, and their x0hat after each number of steps (IP, Fig. 5)."""
    few = subject.first(SHOWN)
    noise = subject.noise(FORWARD)()[:SHOWN]
    found = [reversed_images(few.denoiser, few.images, noise, few.schedule, n) for n in steps]
    return torch.stack([few.images, *found], dim=1)

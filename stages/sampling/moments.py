"""The mean square of a network's noise predictions at every training time."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from stages.diffusion.random_streams import stream
from stages.diffusion.schedule import Schedule, add_noise, alpha_bar_at
from stages.sampling.walk import Denoiser

MOMENTS = 7


def eps_power(denoiser: Denoiser, images: Tensor, schedule: Schedule, seed: int, n: int) -> Iterator[float]:
    """Yield Gamma_t = E ||eps(x_t, t)||^2 / d for t = 0, 1, ..., each over ``n`` noised images (Analytic-DPM, Eq. 8).

    Images [N, C, H, W] in [-1, 1] are drawn with replacement; they and their noise depend on (seed, t) alone.
    """
    for time in range(schedule.timesteps):
        generator = stream(seed, MOMENTS, time)
        drawn = images.cpu()[torch.randint(len(images), (n,), generator=generator)]
        noise = torch.randn(drawn.shape, generator=generator)
        times = torch.full((n,), time)
        x = add_noise(drawn, noise, alpha_bar_at(schedule, times))
        eps, _ = denoiser(x.to(images.device), times.to(images.device))
        yield float(eps.double().square().mean())

"""States along a time grid: those that a sampler goes through, and those of images with noise added."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from stages.diffusion.chain import Chain
from stages.diffusion.schedule import add_noise
from stages.sampling.fix import Fix
from stages.sampling.walk import Denoiser, Noise, grid_time


class Trajectory(NamedTuple):
    """What the network was given at each of the S grid times, the cleanest first, and what it predicted.

    ``states`` and ``eps`` are [S, n, C, H, W], the noise divided by the fix's lambda; ``told`` [S, n] are the times
    that the network was told; ``final`` [n, C, H, W] are the images.
    """

    states: Tensor
    eps: Tensor
    told: Tensor
    final: Tensor

    def only(self, kept: Tensor) -> Trajectory:
        """Return the trajectory of the images of these indices alone."""
        return Trajectory(self.states[:, kept], self.eps[:, kept], self.told[:, kept], self.final[kept])


def sampled(
    sample: Callable[..., Tensor], denoiser: Denoiser, x: Tensor, chain: Chain, fix: Fix, noise: Noise
) -> Trajectory:
    """Return the trajectory of a sampler of one evaluation a grid time, from x [n, C, H, W]."""
    calls: list[tuple[Tensor, Tensor, Tensor]] = []

    def recording(x: Tensor, times: Tensor) -> tuple[Tensor, Tensor | None]:
        eps, v = denoiser(x, times)
        calls.append((x, eps / fix.scale(len(chain.grid.times) - 1 - len(calls)), times))
        return eps, v

    final = sample(recording, x, chain, fix, noise)
    states, eps, told = (torch.stack(part[::-1]) for part in zip(*calls, strict=True))
    return Trajectory(states, eps, told, final)


def noised(denoiser: Denoiser, images: Tensor, noise: Tensor, chain: Chain) -> Trajectory:
    """Return the trajectory of the forward process: images [n, C, H, W] with the same noise at every grid time."""
    told = torch.stack([grid_time(time, images) for time in chain.grid.times])
    states = torch.stack([add_noise(images, noise, chain.alpha_bar(times)) for times in told])
    eps = torch.stack([denoiser(x, times)[0] for x, times in zip(states, told, strict=True)])
    return Trajectory(states, eps, told, images)


def levels(chain: Chain) -> Tensor:
    """Return alpha_bar [S], float64 on the CPU, of the grid times."""
    return chain.alpha_bar(torch.tensor(chain.grid.times)).flatten()

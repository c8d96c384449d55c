"""States along a time grid: those that a sampler goes through, and those of images with noise added."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from stages.diagnosis.subject import FORWARD, SAMPLED, Sample, Subject
from stages.diffusion.chain import Chain
from stages.diffusion.schedule import Schedule, add_noise
from stages.methods.grids import respaced, uniform
from stages.methods.samplers import ddim, ddpm
from stages.sampling.fix import Fix, scheduled_time
from stages.sampling.sampler_grid import little_signal, starts_with_signal
from stages.sampling.walk import Denoiser, Noise, grid_time


class Trajectory(NamedTuple):
    """What the network was given at each of the S grid times, the cleanest first, and what it predicted.

    ``states`` and ``eps`` are [S, n, C, H, W], the noise divided by the fix's lambda; ``conditioned`` [S, n] are the
    times that the network was conditioned on; ``final`` [n, C, H, W] are the images. ``v`` are the variance logits of
    true states, of a network that predicts them.
    """

    states: Tensor
    eps: Tensor
    conditioned: Tensor
    final: Tensor
    v: Tensor | None = None


def sampled(sample: Sample, denoiser: Denoiser, x: Tensor, chain: Chain, fix: Fix, noise: Noise) -> Trajectory:
    """Return the trajectory of a sampler with one evaluation per grid time, from x [n, C, H, W]."""
    calls: list[tuple[Tensor, Tensor, Tensor]] = []

    def recording(x: Tensor, times: Tensor) -> tuple[Tensor, Tensor | None]:
        eps, v = denoiser(x, times)
        calls.append((x, eps / fix.scale(len(chain.grid.times) - 1 - len(calls)), times))
        return eps, v

    final = sample(recording, x, chain, fix, noise)
    states, eps, conditioned = (torch.stack(part[::-1]) for part in zip(*calls, strict=True))
    return Trajectory(states, eps, conditioned, final)


def noised(denoiser: Denoiser, images: Tensor, noise: Tensor, chain: Chain) -> Trajectory:
    """Return the trajectory of the forward process: images [n, C, H, W] with the same noise at every grid time."""
    conditioned = torch.stack([grid_time(time, images) for time in chain.grid.times])
    states = torch.stack([add_noise(images, noise, chain.alpha_bar(times)) for times in conditioned])
    eps, v = zip(*(denoiser(x, times) for x, times in zip(states, conditioned, strict=True)), strict=True)
    return Trajectory(states, torch.stack(eps), conditioned, images, None if v[0] is None else torch.stack(v))


def levels(chain: Chain) -> Tensor:
    """Return alpha_bar [S], float64 on the CPU, of the grid times."""
    return chain.alpha_bar(torch.tensor(chain.grid.times)).flatten()


def adm_chain(schedule: Schedule, steps: int) -> Chain:
    """Return the chain of ADM's stochastic sampler.

    Raises:
        ValueError: the grid cannot hold the steps.
    """
    return Chain(schedule, respaced.time_grid(steps, schedule.timesteps))


def diagnosed_samplers(subject: Subject, steps: int) -> dict[str, tuple[Sample, Chain]]:
    """Return the samplers that are diagnosed, with their chains.

    ``ddpm`` is ADM's stochastic sampler (as in ES), with the variance that the network has learned if it predicts one;
    ``ddpm-small`` the same with the small variance, as the algorithms of IP and ES print it; ``ddpm-guided`` the same
    under the subject's guidance; ``ddim`` is DDIM (TS).

    Raises:
        ValueError: a grid cannot hold the steps, or that of DDIM, which does not clip x0, starts at too little signal.
    """
    adm = adm_chain(subject.schedule, steps)
    grid = uniform.time_grid(steps, subject.schedule.timesteps)
    alpha_bar = subject.schedule.alpha_bar.tolist()
    if not starts_with_signal(grid, alpha_bar):
        raise ValueError(little_signal(grid, alpha_bar))
    found: dict[str, tuple[Sample, Chain]] = {"ddpm": (ddpm.sample, adm)}
    if subject.predicts_variance:
        found = {"ddpm": (partial(ddpm.sample, variance="learned"), adm), "ddpm-small": (ddpm.sample, adm)}
    if subject.guided is not None:
        found["ddpm-guided"] = (subject.guided, adm)
    found["ddim"] = (ddim.sample, Chain(subject.schedule, grid))
    return found


class Forward(NamedTuple):
    """The forward process of a subject along the chain of one sampler; ``noise`` is [n, C, H, W]."""

    subject: Subject
    sampler: str
    chain: Chain
    noise: Tensor
    trajectory: Trajectory

    @property
    def steps(self) -> int:
        """The number of grid times."""
        return len(self.chain.grid.times)


class Walked(NamedTuple):
    """The chains of one sampler under one fix, beside the forward process."""

    forward: Forward
    name: str
    fix: Fix
    trajectory: Trajectory

    @property
    def shifts_times(self) -> bool:
        """Whether the fix changes the times that the network is conditioned on."""
        return self.fix.condition is not scheduled_time


def run_forward(subject: Subject, sampler: str, chain: Chain) -> Forward:
    """Return the forward process of a subject along a chain."""
    noise = subject.noise(FORWARD)()
    return Forward(subject, sampler, chain, noise, noised(subject.denoiser, subject.images, noise, chain))


def run_chain(forward: Forward, sample: Sample, name: str, fix: Fix) -> Walked:
    """Return the chains of a sampler under a fix; the same noise serves every fix."""
    subject = forward.subject
    noise = subject.noise(SAMPLED)
    return Walked(forward, name, fix, sampled(sample, subject.denoiser, noise(), forward.chain, fix, noise))

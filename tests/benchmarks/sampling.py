"""Whole sampling chains: against diffusers, and what the fixes cost: ``python -m tests.benchmarks.sampling``.

One thread a process. diffusers' UNet2DModel has the width, depth and attention of the study's DDPM network as near as
it allows, and its DDIMScheduler walks the same steps.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from diffusers import DDIMScheduler, UNet2DModel

from stages.config.runtime import keep_freed_memory
from stages.diffusion.block_noise import block_noise
from stages.diffusion.chain import Chain
from stages.methods.fixes import epsilon_scaling, none, time_shift
from stages.methods.samplers import ddim
from stages.networks.ddpm_config import DdpmSettings
from stages.sampling.denoiser import denoiser
from stages.sampling.sampler_grid import time_grid
from tests.benchmarks.models import SHAPE, network_of, recipe_of, schedule_of
from tests.benchmarks.timing import print_ratios, take_turns

MODEL, N, STEPS, ROUNDS = "ddpm-net", 300, 20, 9


def peer_network() -> UNet2DModel:
    """Return diffusers' network nearest to the study's."""
    sizes = recipe_of(MODEL).network
    assert isinstance(sizes, DdpmSettings)
    widths = tuple(sizes.channels * multiplier for multiplier in sizes.multipliers)
    return UNet2DModel(
        sample_size=SHAPE[1],
        in_channels=SHAPE[0],
        out_channels=SHAPE[0],
        block_out_channels=widths,
        layers_per_block=sizes.res_blocks,
        norm_num_groups=sizes.groups,
        attention_head_dim=None,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"),
    )


def peer_chain(network: UNet2DModel) -> None:
    """Sample as the scheduler's documentation does."""
    scheduler = DDIMScheduler(num_train_timesteps=recipe_of(MODEL).timesteps, clip_sample=False)
    scheduler.set_timesteps(STEPS)
    x = torch.randn(N, *SHAPE, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        for time in scheduler.timesteps:
            x = scheduler.step(network(x, time).sample, time, x).prev_sample


def our_chain(network: torch.nn.Module, make: Callable[..., object], **settings: object) -> None:
    """Sample as the sample stage does."""
    schedule = schedule_of(MODEL)
    chain = Chain(schedule, time_grid("uniform", STEPS, schedule.timesteps))
    noise = block_noise(0, 0, N, SHAPE, torch.device("cpu"))
    with torch.no_grad():
        ddim.sample(denoiser(network, False, "fp32", lambda n: None), noise(), chain, make(chain, **settings), noise)


def main() -> None:
    """Print the ratios."""
    torch.set_num_threads(1)
    keep_freed_memory()
    ours, peer = network_of(MODEL).eval(), peer_network().eval()
    parameters = [sum(p.numel() for p in network.parameters()) for network in (ours, peer)]
    print(f"parameters: ours {parameters[0]:,}, diffusers {parameters[1]:,}; {N} images, {STEPS} steps")
    chains = {"diffusers": partial(peer_chain, peer), "none": partial(our_chain, ours, none.make)}
    print_ratios(take_turns(chains, ROUNDS), "diffusers", N * STEPS, "image-evaluations")
    fixed = {
        "none": partial(our_chain, ours, none.make),
        "epsilon scaling": partial(our_chain, ours, epsilon_scaling.make, b=1.017, k=0.0),
        "time shift": partial(our_chain, ours, time_shift.make, window=50, cutoff=300),
    }
    print_ratios(take_turns(fixed, 3 * ROUNDS), "none", N * STEPS, "image-evaluations")


if __name__ == "__main__":
    main()

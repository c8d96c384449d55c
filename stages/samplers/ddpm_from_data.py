"""ADM's stochastic sampler from noised images, for what a part of the chain adds to the distance."""

from __future__ import annotations

import torch
from torch import Tensor

from stages.diffusion.chain import Chain
from stages.diffusion.schedule import add_noise
from stages.fixes.fix import Fix
from stages.samplers import ddpm
from stages.samplers.ddpm import Variance
from stages.samplers.walk import Denoiser, Noise


def sample(
    denoiser: Denoiser, x: Tensor, chain: Chain, fix: Fix, noise: Noise, *, images: Tensor, variance: Variance
) -> Tensor:
    """Return images sampled from x_t = sqrt(alpha_bar_t) x0 + sqrt(1 - alpha_bar_t) x at the grid's first time t.

    The measure of exposure bias of IP, Sec. 4: ``images`` are real ones [B, C, H, W] in [-1, 1].
    """
    start = torch.full((len(x),), int(chain.grid.times[-1]), device=x.device)
    noised = add_noise(images.to(x), x, chain.alpha_bar(start))
    return ddpm.sample(denoiser, noised, chain, fix, noise, variance=variance)

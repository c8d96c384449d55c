"""The power spectrum of images by radial band."""

from __future__ import annotations

import torch
from torch import Tensor

from stages.diffusion.schedule import posterior


def band_power(images: Tensor) -> Tensor:
    """Return [K]: the mean power of the Fourier coefficients of images [n, C, H, W] in bands 1 to K = H // 2.

    Band k has the frequencies nearest to k cycles an image, the last one also those beyond, in the corners. The mean of
    each image, which is frequency 0, is in none. White noise of variance v has v in every band.
    """
    height, width = images.shape[-2:]
    down, across = (torch.fft.fftfreq(size, 1 / size, dtype=torch.float64) for size in (height, width))
    radius = (down[:, None] ** 2 + across**2).sqrt()
    band = radius.round().long().clamp(max=height // 2)
    power = torch.fft.fft2(images.double(), norm="ortho").abs().square().mean(dim=(0, 1)).cpu()
    return torch.stack([power[(band == k) & (radius > 0)].mean() for k in range(1, height // 2 + 1)])


def gaussian_chain(power: Tensor, alpha_bars: Tensor, stochastic: bool) -> tuple[Tensor, Tensor]:
    """Return the band powers over the true ones that a sampler's steps alone give: along its chain [S, K], final [K].

    Of Gaussian data with band powers P the exact prediction is linear in each band, x0hat = sqrt(alpha_bar) P /
    (alpha_bar P + 1 - alpha_bar) x, so what differs from 1 is the error of finite steps, without any of a network.

    Args:
        power: P, that of the data in each band.
        alpha_bars: of the grid times, [S], float64.
        stochastic: ADM's sampler (without clipping), else DDIM with eta 0.
    """
    following = torch.cat([alpha_bars.new_ones(1), alpha_bars[:-1]])
    found, variance = [], torch.ones_like(power)
    for level, after in reversed(list(zip(alpha_bars, following, strict=True))):
        spread = level * power + 1 - level
        found.append(variance / spread)
        if stochastic:
            step = posterior(level, after)
            gain, added = step.x0_coef * level.sqrt() * power / spread + step.x_coef, step.variance
        else:
            added = torch.zeros(())
            gain = (after * level).sqrt() * power / spread + ((1 - after) * (1 - level)).sqrt() / spread
        variance = gain**2 * variance + added
    return torch.stack(found[::-1]), variance / power

"""The power spectrum of images by radial band."""

from __future__ import annotations

import torch
from torch import Tensor


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

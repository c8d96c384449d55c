"""Images from a trained network: its evaluations, and pixels from what a sampler returns."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from stages.diffusion.mixed_precision import autocast
from stages.sampling.walk import Denoiser


def denoiser(
    network: nn.Module, predicts_variance: bool, precision: str, evaluated: Callable[[int], object],
    labels: Tensor | None = None,
) -> Denoiser:  # fmt: skip
    """Return the function that samplers evaluate; it tells ``evaluated`` the number of images each time.

    The network computes in ``precision``, the sampler in fp32 whatever that is. ``labels`` [B] are of the images that
    are sampled, for a network that has classes or captions.
    """
    told = () if labels is None else (labels,)

    def denoise(x: Tensor, times: Tensor) -> tuple[Tensor, Tensor | None]:
        with autocast(x.device, precision):
            output = network(x, times, *told).to(x)
        evaluated(len(x))
        if not predicts_variance:
            return output, None
        eps, v = output.chunk(2, dim=1)
        return eps, v

    return denoise


def to_uint8(x: Tensor) -> np.ndarray:
    """Return images [B, C, H, W] in [-1, 1] as uint8 NHWC, truncated as in ADM's sample files."""
    return ((x + 1) * 127.5).clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()

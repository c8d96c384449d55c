"""A trained network as the function that samplers evaluate; and images as tensors, tensors as images."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from stages.diffusion.mixed_precision import autocast
from stages.diffusion.schedule import Schedule, alpha_bar_between, noise_of_velocity
from stages.sampling.walk import Denoiser


def uncounted(images: int) -> None:
    """Count no evaluations."""


def denoiser(
    network: nn.Module,
    predicts_variance: bool,
    precision: str,
    evaluated: Callable[[int], object] = uncounted,
    labels: Tensor | None = None,
    velocity_schedule: Schedule | None = None,
) -> Denoiser:
    """Return the function that samplers evaluate; it calls ``evaluated`` with the number of images each time.

    The network computes in ``precision``, the sampler in fp32 whatever that is. ``labels`` [B] are of the images that
    are sampled, for a network that is conditioned on classes or captions. ``velocity_schedule`` is the schedule of a
    network that predicts the velocity v: samplers get the noise that it stands for at the time that the network was
    conditioned on.
    """
    network.eval()
    conditions = () if labels is None else (labels,)

    def denoise(x: Tensor, times: Tensor) -> tuple[Tensor, Tensor | None]:
        with autocast(x.device, precision):
            output = network(x, times, *conditions).to(x)
        evaluated(len(x))
        if velocity_schedule is not None:
            output = noise_of_velocity(x, output, alpha_bar_between(velocity_schedule, times))
        if not predicts_variance:
            return output, None
        eps, v = output.chunk(2, dim=1)
        return eps, v

    return denoise


def from_uint8(images: np.ndarray) -> Tensor:
    """Return images, uint8 NHWC, as float32 [N, C, H, W] in [-1, 1]."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).float() / 127.5 - 1


def to_uint8(x: Tensor) -> np.ndarray:
    """Return images [N, C, H, W] in [-1, 1] as uint8 NHWC, truncated as in ADM's sample files."""
    return ((x + 1) * 127.5).clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()

"""What is diagnosed: a network on images, with random numbers of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from stages.diffusion.random_streams import stream
from stages.diffusion.schedule import Schedule
from stages.sampling.walk import Denoiser

DIAGNOSE = 8
# Indices of its streams: the choice of images, forward noise, sampling noise, and Gaussian errors as a control.
CHOICE, FORWARD, SAMPLED, CONTROL = range(4)


class Subject(NamedTuple):
    """A network and the images [n, C, H, W] that it is diagnosed on; ``others`` are as many further ones.

    Random numbers depend on (seed, purpose 8, index) alone.
    """

    denoiser: Denoiser
    images: Tensor
    others: Tensor
    schedule: Schedule
    seed: int

    def noise(self, index: int) -> Callable[[], Tensor]:
        """Return a function whose every call draws Gaussian noise of the images' shape from the stream of an index."""
        generator = stream(self.seed, DIAGNOSE, index)
        return lambda: torch.randn(self.images.shape, generator=generator).to(self.images)


def chosen(images: Tensor, n: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return n images and n others of [N, C, H, W] in random order; they repeat once all are taken."""
    order = torch.randperm(len(images), generator=stream(seed, DIAGNOSE, CHOICE))
    places = torch.arange(2 * n) % len(images)
    return images[order[places[:n]]], images[order[places[n:]]]

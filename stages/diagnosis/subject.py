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
# Indices of its streams: the choice of images, forward noise, sampling noise, Gaussian errors as a control, probes of
# gradients, and the pixels whose errors are counted.
CHOICE, FORWARD, SAMPLED, CONTROL, PROBES, PIXELS = range(6)

Sample = Callable[..., Tensor]


class Subject(NamedTuple):
    """A network and the images [n, C, H, W] that it is diagnosed on; ``others`` are as many further ones.

    Random numbers depend on (seed, purpose 8, index) alone. ``denoiser`` takes the first images, as many as there are
    states; a class-conditional network is conditioned on their ``labels`` [n]. ``guided`` is the sampler that the
    classifier of the model guides to these labels.
    """

    denoiser: Denoiser
    images: Tensor
    others: Tensor
    schedule: Schedule
    seed: int
    labels: Tensor | None = None
    predicts_variance: bool = False
    guided: Sample | None = None

    def first(self, n: int) -> Subject:
        """Return the subject of the first n images."""
        labels = None if self.labels is None else self.labels[:n]
        return self._replace(images=self.images[:n], others=self.others[:n], labels=labels)

    def noise(self, index: int) -> Callable[[], Tensor]:
        """Return a function whose every call draws Gaussian noise of the images' shape from the stream of an index."""
        generator = stream(self.seed, DIAGNOSE, index)
        return lambda: torch.randn(self.images.shape, generator=generator).to(self.images)


def chosen(images: int, n: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return the indices of n images and of n others in random order; they repeat once all are taken."""
    order = torch.randperm(images, generator=stream(seed, DIAGNOSE, CHOICE))
    places = torch.arange(2 * n) % images
    return order[places[:n]], order[places[n:]]

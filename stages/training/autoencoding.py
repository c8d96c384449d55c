"""Training of an autoencoder: batches, one update, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor, nn

from stages.pipeline.streams import stream, stream_seed

AUTOENCODER = 20

M = TypeVar("M", bound=nn.Module)


class FirstStage(Protocol):
    """What an autoencoder offers to its training, beside being a module."""

    scale: Tensor

    def encode(self, images: Tensor) -> Tensor: ...
    def decode(self, latents: Tensor) -> Tensor: ...
    def losses(self, images: Tensor) -> dict[str, Tensor]: ...


class Quality(NamedTuple):
    """Mean squared errors over all values of images in [-1, 1]: of reconstructions, and of the mean image."""

    mse: float
    mean_image_mse: float


def fresh(build: Callable[[], M], seed: int) -> M:
    """Return an untrained autoencoder; equal seeds give equal ones."""
    torch.manual_seed(stream_seed(seed, AUTOENCODER))
    return build()


def batches_of(n: int, size: int, iterations: int, seed: int) -> Iterator[Tensor]:
    """Yield the indices [size] of each iteration's images: epochs are permutations, incomplete batches are dropped."""
    per_epoch, order = n // size, torch.empty(0)
    for iteration in range(iterations):
        epoch, position = divmod(iteration, per_epoch)
        if not position:
            order = torch.randperm(n, generator=stream(seed, AUTOENCODER, epoch + 1))
        yield order[position * size : (position + 1) * size]


def update(network: FirstStage, optimizer: torch.optim.Optimizer, images: Tensor) -> dict[str, Tensor]:
    """Return the losses on images [B, C, H, W] in [-1, 1], after one step along the gradient of their sum."""
    optimizer.zero_grad(set_to_none=True)
    losses = network.losses(images)
    torch.stack(list(losses.values())).sum().backward()
    optimizer.step()
    return losses


@torch.no_grad()
def set_scale(network: FirstStage, latents: Callable[[], Iterator[Tensor]]) -> float:
    """Return the scale, 1 / std over all values of all latents, after giving it to the network (LDM, App. G).

    ``latents`` goes through all images' latents, a batch at a time.
    """
    network.scale.fill_(1.0)
    count, total, square = 0, 0.0, 0.0
    for found in latents():
        count += found.numel()
        total += float(found.double().sum())
        square += float(found.double().square().sum())
    variance = square / count - (total / count) ** 2
    network.scale.fill_(variance**-0.5)
    return float(network.scale)


@torch.no_grad()
def quality(network: FirstStage, parts: Callable[[], Iterator[Tensor]]) -> Quality:
    """Return the errors over all images [B, C, H, W], which ``parts`` goes through a batch at a time."""
    n, total = 0, torch.zeros(())
    for images in parts():
        n, total = n + len(images), total + images.sum(0)
    mean, values, error, spread = total / n, 0, 0.0, 0.0
    for images in parts():
        values += images.numel()
        error += float((network.decode(network.encode(images)) - images).double().square().sum())
        spread += float((images - mean).double().square().sum())
    return Quality(error / values, spread / values)

"""Training of an autoencoder: batches, one update, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple, Protocol, cast

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from stages.diffusion.random_streams import stream, stream_seed
from stages.training.state import TrainingState
from stages.training.timesteps import empty_history

AUTOENCODER = 20


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


def fresh(build: Callable[[], nn.Module], seed: int, lr: float, accelerator: Accelerator) -> TrainingState:
    """Return the training run of an autoencoder before its first iteration; equal seeds give equal ones."""
    torch.manual_seed(stream_seed(seed, AUTOENCODER))
    network = build().to(accelerator.device).train()
    optimizer, scaler = torch.optim.Adam(network.parameters(), lr=lr), torch.amp.GradScaler(enabled=False)
    return TrainingState(accelerator, network, network, {}, optimizer, scaler, empty_history(1))


def batch_of(n: int, size: int, seed: int, iteration: int) -> Tensor:
    """Return which of ``n`` images [size] an iteration is on: epochs are permutations, incomplete batches dropped."""
    epoch, position = divmod(iteration, n // size)
    return _permutation(n, seed, epoch)[position * size : (position + 1) * size]


def iterate(state: TrainingState, images: Tensor, size: int, seed: int) -> dict[str, Tensor]:
    """Return the losses on a batch of images [N, C, H, W] in [-1, 1], after one step along their sum's gradient."""
    chosen = batch_of(len(images), size, seed, state.iteration).to(images.device)
    state.optimizer.zero_grad(set_to_none=True)
    losses = cast(FirstStage, state.network).losses(images[chosen])
    torch.stack(list(losses.values())).sum().backward()
    state.optimizer.step()
    return {name: loss.detach() for name, loss in losses.items()}


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


@lru_cache(maxsize=1)
def _permutation(n: int, seed: int, epoch: int) -> Tensor:
    return torch.randperm(n, generator=stream(seed, AUTOENCODER, epoch + 1))

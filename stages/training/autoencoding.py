"""What is particular to the training of an autoencoder: its state, its batches, the scale of latents, its quality."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from accelerate import Accelerator
from torch import Tensor

from stages.diffusion.random_streams import stream, stream_seed
from stages.store.models import Autoencoder
from stages.training.state import TrainingState
from stages.training.timesteps import empty_history

AUTOENCODER = 20


class Quality(NamedTuple):
    """Mean squared errors over all values of images in [-1, 1]: of reconstructions, and of the mean image."""

    mse: float
    mean_image_mse: float


def autoencoder_state(
    build: Callable[[], Autoencoder], seed: int, lr: float, accelerator: Accelerator
) -> tuple[Autoencoder, TrainingState]:
    """Return an autoencoder and its training before the first iteration; equal seeds give equal ones."""
    torch.manual_seed(stream_seed(seed, AUTOENCODER))
    autoencoder = build().to(accelerator.device)
    network = autoencoder.network.train()
    state = TrainingState(
        accelerator=accelerator,
        network=network,
        parallel=network,
        ema={},
        optimizer=torch.optim.Adam(network.parameters(), lr=lr),
        scaler=torch.amp.GradScaler(enabled=False),
        history=empty_history(1),
    )
    return autoencoder, state


def batch_of(n: int, size: int, seed: int, iteration: int) -> Tensor:
    """Return the indices [size] of an iteration's images: epochs are permutations, incomplete batches are dropped."""
    epoch, position = divmod(iteration, n // size)
    return _permutation(n, seed, epoch)[position * size : (position + 1) * size]


@torch.no_grad()
def set_scale(autoencoder: Autoencoder, parts: Iterable[Tensor]) -> None:
    """Give the network its scale: 1 / std over all values of the latents of all images (LDM, App. G).

    ``parts`` yields all images [B, C, H, W] a batch at a time.
    """
    scale: Any = autoencoder.network.scale
    scale.fill_(1.0)
    count = 0
    total = 0.0
    square = 0.0
    for images in parts:
        latents = autoencoder.encode(images)
        count += latents.numel()
        total += float(latents.double().sum())
        square += float(latents.double().square().sum())
    variance = square / count - (total / count) ** 2
    scale.fill_(variance**-0.5)


@torch.no_grad()
def quality(autoencoder: Autoencoder, parts: Callable[[], Iterable[Tensor]]) -> Quality:
    """Return the errors over all images [B, C, H, W], which ``parts`` yields a batch at a time."""
    n = 0
    total = torch.zeros(())
    for images in parts():
        n += len(images)
        total = total + images.sum(0)
    mean = total / n
    values = 0
    error = 0.0
    spread = 0.0
    for images in parts():
        values += images.numel()
        error += float((autoencoder.decode(autoencoder.encode(images)) - images).double().square().sum())
        spread += float((images - mean).double().square().sum())
    return Quality(error / values, spread / values)


@lru_cache(maxsize=1)
def _permutation(n: int, seed: int, epoch: int) -> Tensor:
    return torch.randperm(n, generator=stream(seed, AUTOENCODER, epoch + 1))

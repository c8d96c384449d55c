"""Training batches: epochs are permutations that depend on (seed, epoch) alone; processes share each batch."""

from __future__ import annotations

from functools import lru_cache
from typing import cast

import torch
from accelerate import Accelerator
from torch import Tensor

from stages.config.params import Recipe
from stages.diffusion.random_streams import stream

SHUFFLE = 2
FLIP = 6


def draw_batch(images: Tensor, seed: int, recipe: Recipe, iteration: int) -> Tensor:
    """Return the iteration's batch [B, C, H, W] in [-1, 1] of uint8 images; incomplete batches are dropped."""
    batch = images[batch_indices(len(images), seed, recipe, iteration)].float() / 127.5 - 1
    if not recipe.flip:
        return batch
    flipped = torch.rand(len(batch), generator=stream(seed, FLIP, iteration)) < 0.5
    return torch.where(flipped.reshape(-1, 1, 1, 1), batch.flip(-1), batch)


def batch_indices(n: int, seed: int, recipe: Recipe, iteration: int) -> Tensor:
    """Return the indices [B], among ``n`` images, of an iteration's batch."""
    epoch, position = divmod(iteration, n // recipe.batch_size)
    return _permutation(n, seed, epoch)[position * recipe.batch_size : (position + 1) * recipe.batch_size]


def share(n: int, accelerator: Accelerator) -> slice:
    """Return this process's share of a batch of ``n``: equal consecutive parts, in the order of the processes."""
    size = n // accelerator.num_processes
    return slice(accelerator.process_index * size, (accelerator.process_index + 1) * size)


def gathered(mine: Tensor, accelerator: Accelerator) -> Tensor:
    """Return the shares [n / processes, ...] of all processes as one [n, ...], in their order."""
    return cast(Tensor, accelerator.gather(mine))


@lru_cache(maxsize=1)
def _permutation(n: int, seed: int, epoch: int) -> Tensor:
    return torch.randperm(n, generator=stream(seed, SHUFFLE, epoch))

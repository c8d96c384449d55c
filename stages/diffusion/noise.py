"""Random streams that depend on (seed, purpose, index) alone, never on batch size, device or resume."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum

import numpy as np
import torch
from torch import Tensor

BLOCK = 100


class Purpose(IntEnum):
    """What a stream is for; its number is part of every seed, so the order here is fixed."""

    SAMPLE = 0
    TRAIN = 1
    SHUFFLE = 2
    INITIALISE = 3
    EXTRACTOR = 4
    SPLIT = 5
    FLIP = 6


def stream_seed(seed: int, purpose: Purpose, index: int = 0) -> int:
    """Return the 64-bit seed of one stream."""
    return int(np.random.SeedSequence([seed, purpose, index]).generate_state(1, np.uint64)[0])


def stream(seed: int, purpose: Purpose, index: int = 0) -> torch.Generator:
    """Return a fresh CPU generator at the start of one stream."""
    return torch.Generator().manual_seed(stream_seed(seed, purpose, index))


def block_noise(seed: int, start: int, stop: int, shape: tuple[int, ...], device: torch.device) -> Callable[[], Tensor]:
    """Return a function whose k-th call draws the k-th Gaussian noise [stop - start, *shape] of images start..stop-1.

    Images come in blocks of 100, each with a stream of its own, so an image's noise is the same in every batch,
    model, sampler and fix. The first draw serves as x_T.
    """
    first = start // BLOCK
    generators = [stream(seed, Purpose.SAMPLE, block) for block in range(first, -(-stop // BLOCK))]

    def draw() -> Tensor:
        blocks = torch.cat([torch.randn(BLOCK, *shape, generator=generator) for generator in generators])
        return blocks[start - first * BLOCK : stop - first * BLOCK].to(device)

    return draw

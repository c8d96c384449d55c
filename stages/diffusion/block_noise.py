"""The Gaussian noise of sampled images, by blocks: an image's noise is the same in every batch and every cell."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from stages.pipeline.streams import stream

SAMPLE = 0
BLOCK = 100


def block_noise(seed: int, start: int, stop: int, shape: tuple[int, ...], device: torch.device) -> Callable[[], Tensor]:
    """Return a function whose k-th call draws the k-th Gaussian noise [stop - start, *shape] of images start..stop-1.

    Images come in blocks of 100, each with a stream of its own, so an image's noise is the same in every batch,
    model, sampler and fix. The first draw serves as x_T.
    """
    first = start // BLOCK
    generators = [stream(seed, SAMPLE, block) for block in range(first, -(-stop // BLOCK))]

    def draw() -> Tensor:
        blocks = torch.cat([torch.randn(BLOCK, *shape, generator=generator) for generator in generators])
        return blocks[start - first * BLOCK : stop - first * BLOCK].to(device)

    return draw

"""The noise and labels of sampled images, by blocks: those of an image are the same in every batch and every cell."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from stages.config.errors import InputError
from stages.config.fixed import Labels
from stages.diffusion.random_streams import stream

SAMPLE, LABELS = 0, 9
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


def block_labels(seed: int, start: int, stop: int, classes: int, device: torch.device) -> Tensor:
    """Return the labels [stop - start] of images start..stop-1, uniform in 0..classes-1, int64.

    Each block has a stream of its own, so an image's label is the same in every batch, sampler and fix.
    """
    first = start // BLOCK
    blocks = [
        torch.randint(classes, (BLOCK,), generator=stream(seed, LABELS, block))
        for block in range(first, -(-stop // BLOCK))
    ]
    return torch.cat(blocks)[start - first * BLOCK : stop - first * BLOCK].to(device)


def image_labels(chosen: Labels, seed: int, start: int, stop: int, classes: int, device: torch.device) -> Tensor:
    """Return the labels [stop - start] of images start..stop-1, int64, as ``sample.labels`` chooses them.

    Those that are not random follow one another in turn, so that any first images of a cell have every class equally
    often, up to one.

    Raises:
        InputError: a chosen label is no class.
    """
    if chosen == "random":
        return block_labels(seed, start, stop, classes, device)
    turn = torch.arange(classes) if chosen == "balanced" else torch.tensor(chosen)
    if int(turn.max()) >= classes:
        raise InputError(f"sample.labels: {int(turn.max())}; the classes here are 0 to {classes - 1}")
    return turn[torch.arange(start, stop) % len(turn)].to(device)

"""Random streams that depend on (seed, purpose, index) alone, never on batch size, device or resume.

Every purpose is a number of its own, part of every seed: 0 sampling, 1 training, 2 shuffling, 3 initialisation,
4 extractor, 5 splits, 6 flips, 7 moments, 8 diagnosis, 9 labels, 19 test images of guides. A new purpose takes one that
is free, beside the code that uses it.
"""

from __future__ import annotations

import numpy as np
import torch


def stream_seed(seed: int, purpose: int, index: int = 0) -> int:
    """Return the 64-bit seed of one stream."""
    return int(np.random.SeedSequence([seed, purpose, index]).generate_state(1, np.uint64)[0])


def stream(seed: int, purpose: int, index: int = 0) -> torch.Generator:
    """Return a fresh CPU generator at the start of one stream."""
    return torch.Generator().manual_seed(stream_seed(seed, purpose, index))

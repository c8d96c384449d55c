"""Epsilon Scaling (ES): the predicted noise is divided by lambda."""

from __future__ import annotations

from stages.diffusion.chain import Chain
from stages.sampling.fix import Fix


def make(chain: Chain, b: float, k: float) -> Fix:
    """Return the fix that divides the noise prediction by lambda_i = k i + b (ES, Sec. 4; uniform for k = 0).

    i is the index in the sampling grid, 0 at the last and cleanest step, as in the released ADM-ES code. ``b = 1,
    k = 0`` gives the unfixed sampler bit for bit. The variance prediction is not scaled.
    """
    return Fix(scale=lambda index: k * index + b)

"""Time-Shift (TS): the network is told the time that fits the variance of the sample."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from stages.diffusion.chain import Chain
from stages.fixes.fix import Fix, UpdateTime

CutoffOn = Literal["current", "next"]


def make(
    chain: Chain, window: int, cutoff: int, update_time: UpdateTime = "scheduled", cutoff_on: CutoffOn = "current"
) -> Fix:
    """Return the fix that tells the network the time whose noise variance fits the state (TS, Alg. 2).

    For the state at grid time tau_j, reached from tau_{j+1} > ``cutoff``, each sample is told the integer s with
    1 - alpha_bar[s] nearest to its own variance over C, H, W (unbiased), among s within ``window // 2`` of tau_j, both
    ends included, ties to the smallest, and always above the next grid time. ``window = 0`` changes no bit.

    Args:
        chain: the model's noise schedule along the sampling grid.
        window: width of the search, in training timesteps.
        cutoff: no shift once the time tested is at or below it.
        update_time: ``scheduled`` shifts the network's input only; ``shifted`` also starts the update from that time.
        cutoff_on: test the time of the state the step started from (``current``) or of the one it reached (``next``).
    """
    times, top = chain.grid.times, chain.schedule.timesteps - 1 - chain.grid.offset

    def condition(x: Tensor, index: int, scheduled: Tensor) -> Tensor:
        time = times[index]
        tested = times[index + 1] if cutoff_on == "current" else time
        if tested <= cutoff:
            return scheduled
        floor = times[index - 1] + 1 if index else 0
        low, high = max(floor, time - window // 2), min(top, time + window // 2)
        candidates = torch.arange(min(low, time), high + 1, device=x.device)
        expected = 1 - chain.alpha_bar(candidates).flatten()
        variance = x.double().flatten(1).var(dim=1, correction=1)
        return candidates[(variance[:, None] - expected).abs().argmin(dim=1)]

    return Fix(condition=condition, update_time=update_time)

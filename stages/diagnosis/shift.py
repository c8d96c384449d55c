"""By how much a fix shifts the time that the network is conditioned on."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from stages.diagnosis.chains import Walked
from stages.diagnosis.estimates import Curve, jackknifed_curves
from stages.diffusion.chain import Chain
from stages.sampling.fix import Fix

# Images whose times are shown one by one, and the quantiles over all of them.
SHOWN = 5
QUANTILES = (0.05, 0.5, 0.95)


def shifts(conditioned: Tensor, chain: Chain) -> Tensor:
    """Return [S]: by how much the times [S, n] that the network got exceed the scheduled ones, mean (TS, Fig. 12)."""
    return conditioned.double().mean(dim=1).cpu() - torch.tensor(chain.grid.times, dtype=torch.float64)


def fitting_times(fix: Fix, states: Tensor, chain: Chain) -> Tensor:
    """Return the times [S, n] that a fix would give the network for states [S, n, C, H, W]."""
    found = []
    for index, time in enumerate(chain.grid.times):
        scheduled = torch.full((states.shape[1],), int(time), device=states.device)
        found.append(fix.condition(states[index], index, scheduled))
    return torch.stack(found)


def curves(walked: Walked) -> Iterator[Curve]:
    """Yield the shifts along the chain, and as a control those that the fix would make at true states.

    Along the chain also their quantiles over images, and the times that were chosen for the first images.
    """
    if not walked.shifts_times:
        return
    forward = walked.forward
    times = forward.chain.grid.times
    true = fitting_times(walked.fix, forward.trajectory.states, forward.chain)
    for name, conditioned in ((walked.name, walked.trajectory.conditioned), ("control", true)):

        def measure(kept: Tensor, conditioned: Tensor = conditioned) -> dict[str, Tensor]:
            return {"shift": shifts(conditioned[:, kept], forward.chain)}

        yield from jackknifed_curves(forward.sampler, forward.steps, name, times, measure, conditioned.shape[1])
    chosen = walked.trajectory.conditioned.double().cpu()
    shifted = chosen - chosen.new_tensor(times)[:, None]
    for share, values in zip(QUANTILES, shifted.quantile(chosen.new_tensor(QUANTILES), dim=1), strict=True):
        yield Curve(f"shift_{share:g}", forward.sampler, forward.steps, walked.name, times, values.tolist())
    for image, values in enumerate(chosen.T[:SHOWN]):
        yield Curve(f"chosen_{image}", forward.sampler, forward.steps, walked.name, times, values.tolist())

"""How the error of DDIM's states grows from a true state on."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from stages.diagnosis.chains import Forward, Trajectory, sampled
from stages.diagnosis.estimates import Curve, jackknifed_curves
from stages.diffusion.chain import Chain
from stages.methods.samplers import ddim
from stages.sampling.fix import Fix
from stages.sampling.walk import Denoiser

# Where the chains start, as shares of the grid.
STARTS = (0.25, 0.5, 0.75, 1.0)
# Images of which they start.
STARTED = 100


def error_evolution(denoiser: Denoiser, forward: Trajectory, chain: Chain, start: int) -> Tensor:
    """Return [start + 1, n]: each image's mean square of DDIM's states less the forward ones of its noise (TS, Fig. 3).

    DDIM (eta 0) starts from the forward state of grid index ``start``; the errors are of its states at the indices 0 to
    start - 1 and, first of all, of the final images.
    """
    part = Chain(chain.schedule, chain.grid._replace(times=chain.grid.times[: start + 1]))
    found = sampled(ddim.sample, denoiser, forward.states[start], part, Fix(), lambda: torch.zeros(()))
    errors = torch.cat([(found.final - forward.final)[None], found.states[:start] - forward.states[:start]])
    return errors.double().square().flatten(2).mean(dim=2).cpu()


def curves(forward: Forward) -> Iterator[Curve]:
    """Yield the mean error along DDIM's grid, from each start."""
    if forward.sampler != "ddim":
        return
    subject = forward.subject.first(STARTED)
    true = Trajectory(*(part[:, :STARTED] for part in forward.trajectory[:3]), final=subject.images)
    times = [int(time) for time in forward.chain.grid.times]
    for start in sorted({max(1, round(share * len(times)) - 1) for share in STARTS}):
        errors = error_evolution(subject.denoiser, true, forward.chain, start)
        name = f"error_from_{times[start]}"

        def measure(kept: Tensor, errors: Tensor = errors, name: str = name) -> dict[str, Tensor]:
            return {name: errors[:, kept].mean(dim=1)}

        yield from jackknifed_curves("ddim", forward.steps, "none", (-1, *times[:start]), measure, errors.shape[1])

"""Which forward state a step of DDIM comes nearest to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from stages.diagnosis.chains import Forward, Trajectory
from stages.diagnosis.estimates import Curve
from stages.diffusion.chain import Chain
from stages.diffusion.schedule import alpha_bar_at
from stages.methods.samplers import ddim
from stages.sampling.fix import Fix


def coupling(forward: Trajectory, noise: Tensor, chain: Chain, index: int, times: Sequence[int]) -> Tensor:
    """Return [m]: mean squares of DDIM's next state, from the forward one of a grid index, less x_s (TS, Fig. 4).

    x_s are the forward states of the same images and noise [n, C, H, W] at integer times s [m].
    """
    single = chain.grid._replace(times=(chain.grid.times[index],), last=int(chain.grid.target(index)))
    step = Chain(chain.schedule, single)
    eps = forward.eps[index]
    reached = ddim.sample(lambda x, t: (eps, None), forward.states[index], step, Fix(), lambda: torch.zeros(()))
    a = reached.double()
    b = forward.final.double()
    c = noise.double()
    level = alpha_bar_at(chain.schedule, torch.tensor(times)).flatten()
    signal = level.sqrt()
    rest = (1 - level).sqrt()
    aa, ab, ac, bb, bc, cc = (float((p * q).mean()) for p, q in ((a, a), (a, b), (a, c), (b, b), (b, c), (c, c)))
    # |a - (signal b + rest c)|^2, multiplied out: no state is made for each s.
    return aa - 2 * (signal * ab + rest * ac) + signal**2 * bb + 2 * signal * rest * bc + rest**2 * cc


def curves(forward: Forward) -> Iterator[Curve]:
    """Yield the squares around the time that each step leads to, and by how much the nearest time differs from it."""
    if forward.sampler != "ddim":
        return
    times = [int(time) for time in forward.chain.grid.times]
    nearest = []
    for index in range(1, len(times)):
        target = times[index - 1]
        around = range(max(0, 2 * target - times[index]), times[index] + 1)
        errors = coupling(forward.trajectory, forward.noise, forward.chain, index, around)
        nearest.append(around[int(errors.argmin())] - target)
        offsets = [time - target for time in around]
        yield Curve(f"coupling_to_{target}", "ddim", "none", offsets, errors.tolist())
    yield Curve("nearest", "ddim", "none", times[:-1], nearest)

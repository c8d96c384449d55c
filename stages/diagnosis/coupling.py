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

# Squares that are kept to either side of the time that a step leads to.
SHOWN = 5


def reached_state(forward: Trajectory, chain: Chain, index: int) -> Tensor:
    """Return the state [n, C, H, W] that a step of DDIM reaches from the forward state of a grid index."""
    single = chain.grid._replace(times=(chain.grid.times[index],), last=int(chain.grid.target(index)))
    eps = forward.eps[index]
    step = Chain(chain.schedule, single)
    return ddim.sample(lambda x, t: (eps, None), forward.states[index], step, Fix(), lambda: torch.zeros(()))


def coupling(forward: Trajectory, noise: Tensor, chain: Chain, index: int, times: Sequence[int]) -> Tensor:
    """Return [m]: mean squares of DDIM's next state, from the forward one of a grid index, less x_s (TS, Fig. 4).

    x_s are the forward states of the same images and noise [n, C, H, W] at integer times s [m].
    """
    a = reached_state(forward, chain, index).double()
    b = forward.final.double()
    c = noise.double()
    level = alpha_bar_at(chain.schedule, torch.tensor(times)).flatten()
    signal = level.sqrt()
    rest = (1 - level).sqrt()
    aa, ab, ac, bb, bc, cc = (float((p * q).mean()) for p, q in ((a, a), (a, b), (a, c), (b, b), (b, c), (c, c)))
    # |a - (signal b + rest c)|^2, multiplied out: no state is made for each s.
    return aa - 2 * (signal * ab + rest * ac) + signal**2 * bb + 2 * signal * rest * bc + rest**2 * cc


def curves(forward: Forward) -> Iterator[Curve]:
    """Yield the squares around the time that each step leads to, and by how much the nearest time differs from it.

    The nearest is of all times around; of the squares those of ``SHOWN`` times to either side are kept.
    """
    if forward.sampler != "ddim":
        return
    times = [int(time) for time in forward.chain.grid.times]
    nearest = []
    for index in range(1, len(times)):
        target = times[index - 1]
        around = range(max(0, 2 * target - times[index]), times[index] + 1)
        errors = coupling(forward.trajectory, forward.noise, forward.chain, index, around)
        nearest.append(around[int(errors.argmin())] - target)
        stride = max(1, (times[index] - target) // SHOWN)
        shown = [place for place, time in enumerate(around) if (time - target) % stride == 0]
        offsets = [around[place] - target for place in shown]
        yield Curve(f"coupling_to_{target}", "ddim", forward.steps, "none", offsets, errors[shown].tolist())
    yield Curve("nearest", "ddim", forward.steps, "none", times[:-1], nearest)

"""How well the time that the network is told fits a state: the measures behind Time-Shift."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from stages.diagnosis.chains import Trajectory, sampled
from stages.diffusion.chain import Chain
from stages.diffusion.schedule import alpha_bar_at
from stages.methods.samplers import ddim
from stages.sampling.fix import Fix
from stages.sampling.walk import Denoiser

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def variance_quantiles(states: Tensor) -> Tensor:
    """Return [S, 5]: quantiles over images of the unbiased variance of each state's C, H, W (TS, Fig. 2)."""
    variance = states.double().flatten(2).var(dim=2, correction=1)
    return variance.quantile(variance.new_tensor(QUANTILES), dim=1).T.cpu()


def error_evolution(denoiser: Denoiser, forward: Trajectory, chain: Chain, start: int) -> Tensor:
    """Return [start + 1, n]: each image's mean square of DDIM's states less the forward ones of its noise (TS, Fig. 3).

    DDIM (eta 0) starts from the forward state of grid index ``start``; the errors are of its states at the indices 0 to
    start - 1 and, first of all, of the final images.
    """
    part = Chain(chain.schedule, chain.grid._replace(times=chain.grid.times[: start + 1]))
    found = sampled(ddim.sample, denoiser, forward.states[start], part, Fix(), lambda: torch.zeros(()))
    errors = torch.cat([(found.final - forward.final)[None], found.states[:start] - forward.states[:start]])
    return errors.double().square().flatten(2).mean(dim=2).cpu()


def coupling(forward: Trajectory, noise: Tensor, chain: Chain, index: int, times: Sequence[int]) -> Tensor:
    """Return [m]: mean squares of DDIM's next state, from the forward one of a grid index, less x_s (TS, Fig. 4).

    x_s are the forward states of the same images and noise [n, C, H, W] at integer times s [m].
    """
    single = chain.grid._replace(times=(chain.grid.times[index],), last=int(chain.grid.target(index)))
    step = Chain(chain.schedule, single)
    images, eps = forward.final, forward.eps[index]
    reached = ddim.sample(lambda x, t: (eps, None), forward.states[index], step, Fix(), lambda: torch.zeros(()))
    a, b, c = reached.double(), images.double(), noise.double()
    level = alpha_bar_at(chain.schedule, torch.tensor(times)).flatten()
    signal, rest = level.sqrt(), (1 - level).sqrt()
    aa, ab, ac, bb, bc, cc = (float((p * q).mean()) for p, q in ((a, a), (a, b), (a, c), (b, b), (b, c), (c, c)))
    # |a - (signal b + rest c)|^2, multiplied out: no state is made for each s.
    return aa - 2 * (signal * ab + rest * ac) + signal**2 * bb + 2 * signal * rest * bc + rest**2 * cc


def shifts(told: Tensor, chain: Chain) -> Tensor:
    """Return [S]: by how much later than scheduled the network was told that it is, mean over images (TS, Fig. 12)."""
    return told.double().mean(dim=1).cpu() - torch.tensor(chain.grid.times, dtype=torch.float64)


def fitting_times(fix: Fix, states: Tensor, chain: Chain) -> Tensor:
    """Return the times [S, n] that a fix would tell of given states [S, n, C, H, W]."""
    times = chain.grid.times
    told = [fix.condition(states[i], i, torch.full((states.shape[1],), int(times[i]), device=states.device))
            for i in range(len(times))]  # fmt: skip
    return torch.stack(told)

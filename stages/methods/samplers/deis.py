"""DEIS by Adams-Bashforth polynomials in time (tAB)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from stages.config.method_settings import SamplerSettings
from stages.diffusion.chain import Chain
from stages.diffusion.schedule import Schedule
from stages.sampling.fix import Fix
from stages.sampling.walk import Denoiser, Noise, Step, scaled, walk

if TYPE_CHECKING:
    from torch import Tensor

# Of the Riemann sum over one step, as in the published code.
INTERVALS = 10_000


class Deis(SamplerSettings):
    method: Literal["deis"]
    spacing: Literal["deis"]
    order: Literal[2]
    published: ClassVar = ("deis-tab2",)
    follows_shifts: ClassVar = False


def sample(denoiser: Denoiser, x: Tensor, chain: Chain, fix: Fix, noise: Noise, *, order: int = 2) -> Tensor:
    """Return images sampled by DEIS tAB of an order, which starts at order 0 and grows by one a step; not clipped.

    The coefficients are those of the grid, so a fix may change the time that the network is conditioned on and the
    prediction, but not where a step starts or leads. One evaluation per grid time; ``noise`` is not drawn from.
    """
    past: list[Tensor] = []

    def update(x: Tensor, step: Step) -> Tensor:
        past.insert(0, step.eps)
        del past[order + 1 :]
        times = chain.grid.times[step.index : step.index + len(past)]
        psi, weights = coefficients(chain.schedule, times, chain.grid.target(step.index))
        moved = psi * x
        for weight, eps in zip(weights, past, strict=True):
            moved = moved + weight * eps
        return moved

    return walk(update, scaled(denoiser, fix), x, chain, fix)


def coefficients(schedule: Schedule, times: Sequence[float], target: float) -> tuple[float, list[float]]:
    """Return psi and C_j of x_target = psi x + sum_j C_j eps_j, eps_j predicted at times[j], the last one first.

    The noise prediction is the polynomial through these in time, integrated exactly along the linear part of the ODE
    (DEIS, Eq. 14-15). Times may be fractional: alpha_bar is linear between whole times, its slope at one that of the
    segment above.
    """
    import torch

    table = schedule.alpha_bar.clamp(1e-7, 1 - 1e-7)
    stride = (target - times[0]) / INTERVALS
    tau = times[0] + stride * torch.arange(INTERVALS, dtype=torch.float64)
    alpha_bar, slope = interpolated(table, tau)
    (here, there), _ = interpolated(table, torch.tensor([times[0], target], dtype=torch.float64))
    weight = (there / alpha_bar).sqrt() * -0.5 * slope / alpha_bar / (1 - alpha_bar).sqrt()
    found = []
    for j, time in enumerate(times):
        basis = torch.ones_like(tau)
        for k, other in enumerate(times):
            if k != j:
                basis = basis * (tau - other) / (time - other)
        found.append(float((weight * basis).sum() * stride))
    return float((there / here).sqrt()), found


def interpolated(table: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
    """Return the values and slopes at ``times`` of the function that is linear between the entries of ``table``."""
    segment = times.floor().long().clamp(max=len(table) - 2)
    slope = table[segment + 1] - table[segment]
    return table[segment] + slope * (times - segment), slope

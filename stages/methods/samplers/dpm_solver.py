"""DPM-Solver-2 as a multistep method on noise predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from stages.config.method_settings import SamplerSettings
from stages.diffusion.chain import Chain
from stages.sampling.fix import Fix
from stages.sampling.walk import Denoiser, Noise, Step, scaled, walk

if TYPE_CHECKING:
    from torch import Tensor

# Below this many steps the published code takes the last one at first order.
FEW = 15


class DpmSolver(SamplerSettings):
    method: Literal["dpm-solver"]
    spacing: Literal["dpm-solver"]
    published: ClassVar = ("dpm-solver-2",)


def sample(denoiser: Denoiser, x: Tensor, chain: Chain, fix: Fix, noise: Noise) -> Tensor:
    """Return images sampled by DPM-Solver-2, multistep, without clipping (DPM-Solver++, App. B: noise prediction).

    With lambda = log(alpha / sigma) and h its growth in a step, sigma (e^h - 1) multiplies the current noise prediction
    plus h / 2 times its slope in lambda since the previous step. The first step has no slope, and neither has the last
    one of fewer than 15. One evaluation per grid time; ``noise`` is not drawn from.
    """
    past: list[tuple[Tensor, Tensor]] = []

    def update(x: Tensor, step: Step) -> Tensor:
        log_here = log_alpha(chain, step.start)
        log_there = log_alpha(chain, step.target)
        here = log_here - 0.5 * (-(2 * log_here).expm1()).log()
        there = log_there - 0.5 * (-(2 * log_there).expm1()).log()
        h = there - here
        sigma = (-(2 * log_there).expm1()).sqrt()
        combined = step.eps
        if past and (step.index or len(chain.grid.times) >= FEW):
            before, eps_before = past[-1]
            combined = step.eps + (0.5 * h / (here - before)).to(x) * (step.eps - eps_before)
        past.append((here, step.eps))
        return (log_there - log_here).exp().to(x) * x - (sigma * h.expm1()).to(x) * combined

    return walk(update, scaled(denoiser, fix), x, chain, fix)


def log_alpha(chain: Chain, times: Tensor) -> Tensor:
    """Return log sqrt(alpha_bar) [B, 1, 1, 1], float64, linear between whole times ("discrete" noise schedule)."""
    table = 0.5 * chain.schedule.alpha_bar.log().to(times.device)
    below = times.floor().long() if times.is_floating_point() else times
    above = (below + 1).clamp(max=len(table) - 1)
    return table[below].lerp(table[above], (times - below).double()).reshape(-1, 1, 1, 1)

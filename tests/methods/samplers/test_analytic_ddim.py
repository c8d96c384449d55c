"""Analytic-DDIM on Gaussian data, for which the best variance is the true one: every state has the right spread."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from stages.diffusion.chain import Chain
from stages.diffusion.schedule import make_schedule
from stages.methods.samplers import analytic_ddim
from stages.sampling.fix import Fix
from stages.sampling.sampler_grid import time_grid
from tests.gaussian import Calls, gaussian_denoiser

COSINE = make_schedule("cosine")
DATA = 0.02


def test_the_spread_of_every_state_is_that_of_the_forward_process() -> None:
    """Ten steps, at which DDIM is 20 % off at the end; the last noise is capped, so the last state is left out."""
    levels, calls = COSINE.alpha_bar, []
    eps_power = (1 - levels) / (levels * DATA + 1 - levels)
    generator = torch.Generator().manual_seed(2)
    draw = lambda: torch.randn(40_000, 1, 1, 1, dtype=torch.float64, generator=generator)  # noqa: E731
    chain = Chain(COSINE, time_grid("respaced", 10))
    exact = gaussian_denoiser(COSINE, DATA, calls)
    analytic_ddim.sample(exact, draw(), chain, Fix(), draw, eps_power=eps_power)
    for x, times in calls[:-1]:
        A = float(levels[times[0]])
        # Standard error of a variance: sqrt(2 / n) = 0.7 %; three of them and a half.
        assert float(x.var()) == pytest.approx(A * DATA + 1 - A, rel=0.025)


def noises(eps_power: float) -> list[Tensor]:
    """The states of 10 steps where neither x nor the prediction has anything but the noise drawn, all ones."""
    zero, calls = torch.zeros(1, 1, 1, 1, dtype=torch.float64), Calls()
    chain, power = Chain(COSINE, time_grid("respaced", 10)), torch.full((1000,), eps_power, dtype=torch.float64)

    def silent(x: Tensor, times: Tensor) -> tuple[Tensor, None]:
        calls.append((x, times))
        return torch.zeros_like(x), None

    last = analytic_ddim.sample(silent, zero, chain, Fix(), lambda: torch.ones_like(zero), eps_power=power)
    return [*(x for x, _ in calls), last]


def test_the_last_noise_but_one_is_capped_and_the_last_step_has_none() -> None:
    states = noises(0.0)
    A, B = (COSINE.alpha_bar[time] for time in (111, 0))
    before, capped, last = states[-3], states[-2], states[-1]
    x0 = (before / A.sqrt()).clamp(-1, 1)
    assert float(capped - B.sqrt() * x0) == pytest.approx(analytic_ddim.LARGEST**0.5, rel=1e-6)
    assert float(last) == pytest.approx(float((capped / B.sqrt()).clamp(-1, 1)), rel=1e-12)


def test_a_network_that_predicts_all_of_the_noise_leaves_ddim() -> None:
    assert all(float(state) == 0 for state in noises(1.0))

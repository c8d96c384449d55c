"""DPM-Solver-2 against the closed form on Gaussian data."""

from __future__ import annotations

from functools import partial

import pytest
import torch

from stages.diffusion.chain import Chain
from stages.diffusion.schedule import make_schedule
from stages.methods.samplers import dpm_solver
from stages.sampling.fix import Fix
from stages.sampling.sampler_grid import time_grid
from tests.gaussian import Calls, exact_state, gaussian_denoiser, no_noise

LINEAR = make_schedule("linear")


def error(steps: int, calls: Calls | None = None) -> float:
    """Relative error of the state at time 0, from x = 1 at time 999, with x0 ~ N(0, 0.25)."""
    chain = Chain(LINEAR, time_grid("dpm-solver", steps))
    level = lambda times: (2 * dpm_solver.log_alpha(chain, times)).exp()  # noqa: E731
    x = torch.ones(1, 1, 1, 1, dtype=torch.float64)
    exact = partial(gaussian_denoiser, LINEAR, 0.25, calls, level)
    return float(dpm_solver.sample(exact(), x, chain, Fix(), no_noise)) / exact_state(LINEAR, 0.25, 999, 0) - 1


@pytest.mark.parametrize(
    ("steps", "expected"),
    [(5, -0.444976), (10, -0.191493), (20, 0.109907), (50, 0.023647), (100, 0.006388), (200, 0.001674)],
)
def test_error_on_gaussian_data_matches_golden_values(steps: int, expected: float) -> None:
    """From 15 steps on the last, very long one in lambda is of second order: the sign changes."""
    assert error(steps) == pytest.approx(expected, abs=6e-7)


def test_the_error_falls_with_the_square_of_the_step() -> None:
    assert error(100) / error(200) == pytest.approx(4, rel=0.06)


def test_the_network_is_told_the_published_times() -> None:
    calls: Calls = []
    error(5, calls)
    assert [float(times) for _, times in calls] == pytest.approx([999, 799.2, 599.4, 399.6, 199.8], abs=1e-9)


def test_log_alpha_is_linear_between_whole_times() -> None:
    chain = Chain(LINEAR, time_grid("dpm-solver", 5))
    ends = dpm_solver.log_alpha(chain, torch.tensor([500, 501])).flatten()
    assert ends.tolist() == pytest.approx((0.5 * LINEAR.alpha_bar[500:502].log()).tolist(), rel=1e-15)
    quarter = dpm_solver.log_alpha(chain, torch.tensor([500.25], dtype=torch.float64))
    assert float(quarter) == pytest.approx(float(0.75 * ends[0] + 0.25 * ends[1]), rel=1e-12)

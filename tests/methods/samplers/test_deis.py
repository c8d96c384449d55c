"""DEIS against published coefficients and the closed form on Gaussian data."""

from __future__ import annotations

import pytest
import torch

from stages.diffusion.chain import Chain
from stages.diffusion.schedule import make_schedule
from stages.diffusion.time_grid import TimeGrid
from stages.methods.samplers import deis
from stages.sampling.fix import Fix
from stages.sampling.sampler_grid import time_grid
from tests.gaussian import exact_state, gaussian_denoiser, no_noise

LINEAR = make_schedule("linear")


def test_coefficients_match_golden_values() -> None:
    """The golden values are of the grid in float64, whose first time is 998."""
    times = [998, 639, 359, 159, 39, 0]
    expected = [
        (19.51595, [-18.52687]),
        (4.113619, [-4.106664, 0.882257]),
        (1.696185, [-1.459998, 0.641377, -0.148978]),
        (1.133224, [-0.601157, 0.239006, -0.049695]),
        (1.009769, [-0.162395, 0.037945, -0.006021]),
    ]
    for i, (psi, weights) in enumerate(expected):
        found = deis.coefficients(LINEAR, times[max(0, i - 2) : i + 1][::-1], times[i + 1])
        assert found[0] == pytest.approx(psi, rel=1e-6)
        assert found[1] == pytest.approx(weights, abs=1e-6)


@pytest.mark.parametrize(
    ("steps", "first", "expected"),
    [(5, 998, -0.135426), (10, 998, -0.030761), (20, 998, -0.005315), (5, 999, -0.135186)],
)
def test_error_on_gaussian_data_matches_golden_values(steps: int, first: int, expected: float) -> None:
    """The golden values are of truncated times, as jax_deis has them."""
    truncated = tuple(int(time) for time in time_grid("deis", steps).times[:-1])
    chain = Chain(LINEAR, TimeGrid((*truncated, first), last=0))
    x = torch.ones(1, 1, 1, 1, dtype=torch.float64)
    reached = float(deis.sample(gaussian_denoiser(LINEAR, 0.25), x, chain, Fix(), no_noise))
    assert reached / exact_state(LINEAR, 0.25, first, 0) - 1 == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [(5, [999, 639.36, 359.64, 159.84, 39.96]), (10, [999, 809.19, 639.36, 489.51, 359.64, 249.75, 159.84, 89.91])],
)
def test_times_are_fractional_where_truncation_repeats_none(steps: int, expected: list[float]) -> None:
    assert time_grid("deis", steps).times[::-1][: len(expected)] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("steps", [31, 32, 50, 100, 400])
def test_times_are_whole_and_distinct_where_truncation_repeats_some(steps: int) -> None:
    times = time_grid("deis", steps).times
    squares = [int(999 * (i / steps) ** 2) for i in range(steps)]
    repeats = len(set(squares)) < steps
    assert repeats == (steps >= 32)
    assert repeats == all(time == int(time) for time in times)
    assert len(set(times)) == steps
    assert times == tuple(sorted(times))
    assert times[-1] == 999
    if repeats:
        assert {*squares} - {0} <= {*times}, "only repeated times are replaced"


def test_coefficients_at_whole_times_do_not_depend_on_their_type() -> None:
    whole = deis.coefficients(LINEAR, [639, 998], 359)
    assert deis.coefficients(LINEAR, [639.0, 998.0], 359.0) == whole
    between = deis.coefficients(LINEAR, [639.36, 999.0], 359.64)
    assert between[0] != whole[0]


def test_of_order_0_it_is_ddim_up_to_the_riemann_sum() -> None:
    """Its weight is then the coefficient of eps in the DDIM update."""
    A, B = float(LINEAR.alpha_bar[639]), float(LINEAR.alpha_bar[359])
    psi, (weight,) = deis.coefficients(LINEAR, [639], 359)
    assert psi == pytest.approx((B / A) ** 0.5, rel=1e-12)
    assert weight == pytest.approx((1 - B) ** 0.5 - (B * (1 - A) / A) ** 0.5, rel=2e-4)

"""Closed forms of the noise schedules. Golden values have 8 significant digits; tolerances are half their last."""

from __future__ import annotations

from typing import get_args

import pytest
import torch

from stages.config.params import LEAST_TIMESTEPS
from stages.diffusion.schedule import (
    ScheduleName,
    add_noise,
    alpha_bar_at,
    make_schedule,
    noise_levels,
    posterior,
    predict_x0,
)

NAMES = get_args(ScheduleName)


@pytest.mark.parametrize(
    ("name", "time", "expected"),
    [
        ("linear", 0, 0.9999),
        ("linear", 1, 0.99978009),
        ("linear", 99, 0.89701815),
        ("linear", 300, 0.39401112),
        ("linear", 500, 0.07779666),
        ("linear", 801, 0.00148332),
        ("linear", 999, 4.0358298e-5),
        ("scaled-linear", 0, 0.9985),
        ("scaled-linear", 500, 0.114922),
        ("scaled-linear", 999, 1.42304e-4),
        ("cosine", 0, 0.99995872),
        ("cosine", 199, 0.89870592),
        ("cosine", 499, 0.49384359),
        ("cosine", 900, 0.02361611),
        ("cosine", 998, 2.42877e-6),
        ("cosine", 999, 2.42877e-9),
    ],
)
def test_alpha_bar_matches_golden_values(name: ScheduleName, time: int, expected: float) -> None:
    assert float(make_schedule(name).alpha_bar[time]) == pytest.approx(expected, abs=6e-9, rel=3e-6)


@pytest.mark.parametrize("name", NAMES)
def test_any_number_of_timesteps_ends_in_noise(name: ScheduleName) -> None:
    """Scaled by 1000 / T, beta sums up to the same: the last alpha_bar is that of T = 1000 but for second order terms.

    Those are sum(beta^2) / 2: 8 % of the logarithm at T = 100, and more of it the larger the last beta is.
    """
    assert make_schedule(name).alpha_bar[-1] < 5e-3
    for timesteps in (LEAST_TIMESTEPS[name] + 1, 50, 100, 500, 2000, 4000):
        schedule = make_schedule(name, timesteps)
        assert 0 < schedule.beta.min() < schedule.beta.max() < 1
        assert schedule.alpha_bar[-1] < 5e-3
        if name != "cosine" and timesteps >= 100:
            logs = [float(make_schedule(name, T).alpha_bar[-1].log()) for T in (1000, timesteps)]
            assert logs[1] == pytest.approx(logs[0], rel=0.08)


@pytest.mark.parametrize(
    ("name", "first", "last"), [("scaled-linear", 0.0015, 0.0195), ("stable-diffusion", 0.00085, 0.012)]
)
def test_the_last_level_of_100_timesteps(name: ScheduleName, first: float, last: float) -> None:
    """The betas of T = 1000 times 10, by hand."""
    expected = 1.0
    for i in range(100):
        expected *= 1 - 10 * (first**0.5 + (last**0.5 - first**0.5) * i / 99) ** 2
    assert float(make_schedule(name, 100).alpha_bar[-1]) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("timesteps", [21, 100, 1000, 4000])
def test_plans_know_the_same_levels(name: ScheduleName, timesteps: int) -> None:
    """In double precision; the cosine's last beta is 1 less a small quotient, known to 4e-13 with 4,000 times."""
    assert noise_levels(name, timesteps) == pytest.approx(make_schedule(name, timesteps).alpha_bar.tolist(), rel=1e-8)


def test_cosine_betas_match_golden_values() -> None:
    beta = make_schedule("cosine").beta
    assert float(beta[0]) == pytest.approx(4.12842e-5, rel=2e-6)
    assert float(beta[500]) == pytest.approx(3.155692e-3, rel=2e-7)
    assert float(beta[998]) == pytest.approx(0.749999, abs=5e-7)
    assert float(beta[999]) == 0.999


def test_cosine_posterior_matches_golden_values() -> None:
    schedule = make_schedule("cosine")
    q = posterior(schedule.alpha_bar[500], schedule.alpha_bar[499])
    assert float(q.x0_coef) == pytest.approx(0.00436787, abs=6e-9)
    assert float(q.x_coef) == pytest.approx(0.99535628, abs=6e-9)
    assert float(q.variance) == pytest.approx(0.00314601, abs=6e-9)


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [("cosine", (4.12842e-5, 9.11083e-3, 2.21290e-2), 0.7435134), ("linear", (1e-4, 0.0332532, 0.0838957), 0.6200200)],
)
def test_respaced_betas_match_golden_values(name: ScheduleName, first: tuple[float, ...], last: float) -> None:
    schedule = make_schedule(name)
    pairs = [(0, -1), (53, 0), (105, 53), (946, 894)]
    beta = [float(posterior(*(alpha_bar_at(schedule, torch.tensor([t])) for t in pair)).beta) for pair in pairs]
    assert beta == pytest.approx([*first, last], rel=3e-6)


def test_alpha_bar_at_is_one_at_the_clean_image_and_refuses_fractions() -> None:
    schedule = make_schedule("linear")
    found = alpha_bar_at(schedule, torch.tensor([37, -1]))
    assert found.shape == (2, 1, 1, 1)
    assert found[0] == schedule.alpha_bar[37]
    assert found[1] == 1
    with pytest.raises(TypeError, match="must be integers"):
        alpha_bar_at(schedule, torch.tensor([37.5]))


def test_predict_x0_inverts_add_noise() -> None:
    schedule, generator = make_schedule("cosine"), torch.Generator().manual_seed(0)
    x0, noise = (torch.randn(4, 1, 3, 3, dtype=torch.float64, generator=generator) for _ in range(2))
    alpha_bar = alpha_bar_at(schedule, torch.tensor([0, 10, 500, 900]))
    torch.testing.assert_close(predict_x0(add_noise(x0, noise, alpha_bar), noise, alpha_bar), x0)

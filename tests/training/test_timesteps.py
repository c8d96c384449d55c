"""Importance sampling of timesteps."""

from __future__ import annotations

import math

import pytest
import torch

from stages.training.timesteps import draw_timesteps, empty_history, importance, record_losses


def test_uniform_until_every_timestep_has_ten_losses() -> None:
    history = empty_history(4)
    for _ in range(10):
        record_losses(history, torch.tensor([0, 1, 2]), torch.tensor([5.0, 1.0, 1.0]))
    assert importance(history).tolist() == [0.25] * 4
    record_losses(history, torch.full((9,), 3), torch.ones(9))
    assert importance(history).tolist() == [0.25] * 4
    record_losses(history, torch.tensor([3]), torch.ones(1))
    expected = [0.999 * w / 8 + 0.001 / 4 for w in (5, 1, 1, 1)]
    assert importance(history).tolist() == pytest.approx(expected)


def test_only_the_last_ten_losses_count() -> None:
    history = empty_history(1)
    record_losses(history, torch.zeros(11, dtype=torch.int64), torch.arange(11.0))
    assert history.losses[0].tolist() == list(range(1, 11))


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
def test_losses_that_are_not_finite_stay_out(bad: float) -> None:
    """Neither their value nor their count: after any mixture the probabilities are those of the finite losses alone."""
    history, finite = empty_history(3), empty_history(3)
    generator = torch.Generator().manual_seed(0)
    for _ in range(60):
        times = torch.randint(0, 3, (4,), generator=generator)
        losses = torch.rand(4, generator=generator)
        kept = torch.rand(4, generator=generator) > 0.3
        record_losses(history, times, torch.where(kept, losses, bad))
        record_losses(finite, times[kept], losses[kept])
        assert torch.equal(importance(history), importance(finite))
        draw_timesteps(importance(history), 4, generator)
    assert importance(history).tolist() != [1 / 3] * 3


def test_weights_keep_the_loss_unbiased() -> None:
    probability = torch.tensor([0.5, 0.3, 0.15, 0.05], dtype=torch.float64)
    losses = torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=torch.float64)
    times, weights = draw_timesteps(probability, 200_000, torch.Generator().manual_seed(0))
    # Standard error 0.5 % of the mean: weights reach 5.
    assert float((weights * losses[times]).mean()) == pytest.approx(2.5, rel=0.02)

"""The rescaled hybrid loss against the published code's numbers, and input perturbation against its closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from stages.diffusion.schedule import add_noise, alpha_bar_at, make_schedule
from stages.networks.adm import Network
from stages.training.losses import Loss, discretised_log_likelihood, hybrid_loss, perturbed_input
from tests.golden import golden_network

SCHEDULE = make_schedule("cosine")


def normal(seed: int) -> Tensor:
    return torch.tensor(np.random.RandomState(seed).standard_normal((4, 3, 16, 16)), dtype=torch.float32)


def golden_loss(network: Network) -> Loss:
    x0 = torch.tensor(np.random.RandomState(5).uniform(-1, 1, (4, 3, 16, 16)), dtype=torch.float32)
    eps, times = normal(6), torch.tensor([0, 3, 500, 999])
    y = add_noise(x0, eps, alpha_bar_at(SCHEDULE, times))
    return hybrid_loss(network(y, times), x0, y, times, eps, SCHEDULE)


def test_terms_match_the_published_code() -> None:
    loss = golden_loss(golden_network())
    assert loss.terms["mse"].tolist() == pytest.approx([1.18798, 1.12475, 1.19924, 1.10851], abs=6e-6)
    assert loss.terms["vb"].tolist() == pytest.approx([1.95895, 0.29463, 0.00540, 798.82440], abs=6e-6, rel=1e-5)


def test_gradients_match_the_published_code() -> None:
    """The bound reaches the noise output by no gradient: rows 0-2 have the gradient of mse alone."""
    network = golden_network()
    weight = network.out[2].weight
    loss = golden_loss(network)
    (total,) = torch.autograd.grad(loss.total[:3].mean(), weight, retain_graph=True)
    (mse,) = torch.autograd.grad(loss.terms["mse"][:3].mean(), weight)
    assert float(total[:3].norm()) == pytest.approx(0.718961, abs=2e-6)
    assert float(total[3:].norm()) == pytest.approx(0.107367, abs=2e-6)
    torch.testing.assert_close(total[:3], mse[:3])
    assert not mse[3:].any()


def test_gamma_zero_is_adm_bit_for_bit() -> None:
    x0, eps, alpha_bar = normal(1), normal(2), alpha_bar_at(SCHEDULE, torch.tensor([0, 10, 500, 999]))
    assert torch.equal(perturbed_input(x0, eps, normal(3), alpha_bar, 0.0), add_noise(x0, eps, alpha_bar))


def test_perturbation_raises_the_noise_variance_by_one_plus_gamma_squared() -> None:
    generator = torch.Generator().manual_seed(0)
    eps, xi = (torch.randn(200_000, 1, 1, 1, dtype=torch.float64, generator=generator) for _ in range(2))
    alpha_bar = alpha_bar_at(SCHEDULE, torch.tensor([400]))
    y = perturbed_input(torch.full_like(eps, 0.3), eps, xi, alpha_bar, 0.5)
    # Standard error of a variance: sqrt(2 / n) = 0.3 %.
    assert float(y.var() / (1 - alpha_bar)) == pytest.approx(1.25, rel=0.013)
    # With x0 = 0 the best predictor of eps is y / (sqrt(1 - alpha_bar) (1 + gamma^2)): IP's shrunken prediction.
    y = perturbed_input(torch.zeros_like(eps), eps, xi, alpha_bar, 0.5)
    slope = (y * eps).mean() / (y * y).mean() * (1 - alpha_bar).sqrt()
    assert float(slope) == pytest.approx(1 / 1.25, rel=0.01)


def test_bin_probabilities_of_all_pixel_values_sum_to_one() -> None:
    bins = (torch.arange(256, dtype=torch.float64) / 127.5 - 1).reshape(-1, 1, 1, 1)
    for mean, log_variance in ((0.1, -3.0), (-0.98, -8.0), (1.2, 0.0)):
        log_p = discretised_log_likelihood(bins, torch.tensor(mean), torch.tensor(log_variance))
        # Bins clamped at 1e-12 add at most 256e-12.
        assert float(log_p.exp().sum()) == pytest.approx(1, abs=1e-9)


def test_bound_at_time_zero_is_the_likelihood_in_bits() -> None:
    x0 = torch.zeros(1, 1, 2, 2, dtype=torch.float64)
    times, eps = torch.tensor([0]), torch.zeros(1, 1, 2, 2, dtype=torch.float64)
    alpha_bar = alpha_bar_at(SCHEDULE, times)
    y = add_noise(x0, eps, alpha_bar)
    output = torch.cat([eps, torch.ones_like(eps)], dim=1)
    expected = -discretised_log_likelihood(x0, x0, SCHEDULE.beta[0].log()) / np.log(2)
    assert float(hybrid_loss(output, x0, y, times, eps, SCHEDULE).terms["vb"]) == pytest.approx(
        float(expected[0, 0, 0, 0])
    )

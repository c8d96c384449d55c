"""Variants of training: neutral values are ADM, and each does to a known network what its formula says."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from stages.diffusion.schedule import make_schedule
from stages.methods.objectives import adm, adm_gp, adm_wd, ddpm_y

SCHEDULE = make_schedule("cosine")
TIMES = torch.tensor([10, 400, 900])
X0 = torch.rand(3, 1, 4, 4, generator=torch.Generator().manual_seed(0)) * 2 - 1


def draws(seed: int = 1, shape: tuple[int, ...] = (3, 1, 4, 4)) -> Callable[[], Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return lambda: torch.randn(shape, generator=generator)


def network() -> nn.Module:
    torch.manual_seed(2)
    return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.SiLU(), nn.Conv2d(4, 2, 3, padding=1))


def gradients(loss: Callable[..., object], **settings: float) -> list[Tensor]:
    model = network()
    found = loss(lambda y, times: model(y), X0, TIMES, draws(), SCHEDULE, **settings)
    found.total.mean().backward()
    return [parameter.grad for parameter in model.parameters()]


@pytest.mark.parametrize(("variant", "settings"), [(ddpm_y, {"gamma": 0.0}), (adm_wd, {}), (adm_gp, {"penalty": 0.0})])
def test_the_neutral_value_has_the_gradient_of_adm(variant, settings: dict[str, float]) -> None:
    """That of the gradient penalty is 0 times finite numbers: 0 in every bit."""
    for found, expected in zip(gradients(variant.loss, **settings), gradients(adm.loss, gamma=0.0), strict=True):
        assert torch.equal(found, expected)


def test_the_penalty_of_a_linear_map_is_its_frobenius_norm() -> None:
    """E ||W^T v||^2 = ||W||_F^2; 4,000 probes of a 16 x 16 map: a standard error of 1 %."""
    weights = torch.randn(16, 16, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    n = 4000
    x0, times = torch.zeros(n, 1, 4, 4, dtype=torch.float64), torch.full((n,), 500)

    def linear(x: Tensor, times: Tensor) -> Tensor:
        eps = (x.flatten(1) @ weights.T).reshape(x.shape)
        return torch.cat([eps, torch.zeros_like(eps)], dim=1)

    noise = draws(shape=(n, 1, 4, 4))
    found = adm_gp.loss(linear, x0, times, lambda: noise().double(), SCHEDULE, penalty=0.5)
    assert float(found.terms["gp"].mean()) == pytest.approx(0.5 * float(weights.square().sum()), rel=0.04)
    assert set(found.terms) == {"mse", "vb", "gp"}


def test_the_penalty_is_felt_by_the_weights() -> None:
    plain, penalised = gradients(adm_gp.loss, penalty=0.0), gradients(adm_gp.loss, penalty=1.0)
    assert not torch.equal(plain[0], penalised[0])


def test_ddpm_y_asks_for_the_noise_of_its_input_and_not_for_less() -> None:
    """With x0 = 0 the best predictor of eps is y / (sqrt(1 - A) sqrt(1 + gamma^2)); it has no error at all."""
    gamma, x0 = 0.5, torch.zeros(3, 1, 4, 4)
    alpha_bar = SCHEDULE.alpha_bar[TIMES].float().reshape(-1, 1, 1, 1)

    def best(y: Tensor, times: Tensor) -> Tensor:
        eps = y / ((1 - alpha_bar) * (1 + gamma**2)).sqrt()
        return torch.cat([eps, torch.zeros_like(eps)], dim=1)

    found = ddpm_y.loss(best, x0, TIMES, draws(), SCHEDULE, gamma=gamma)
    assert float(found.terms["mse"].max()) < 1e-10

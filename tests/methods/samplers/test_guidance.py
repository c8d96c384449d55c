"""Guided samplers on two Gaussians, for which predictor, classifier and conditional distribution are closed forms."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from stages.diffusion.chain import Chain
from stages.diffusion.schedule import alpha_bar_at, make_schedule, posterior
from stages.methods.fixes import epsilon_scaling, time_shift
from stages.methods.samplers import ddim, ddpm
from stages.sampling.fix import Fix
from stages.sampling.guidance import log_gradient
from stages.sampling.sampler_grid import time_grid
from stages.sampling.walk import Denoiser, GuideGradient

COSINE = make_schedule("cosine")
# Classes 0 and 1, equally frequent: one pixel N(-M, V) and N(M, V), which the clip of x0 does not touch.
M, V = 0.4, 0.01


def level(x: Tensor, times: Tensor) -> Tensor:
    return alpha_bar_at(COSINE, times).to(x)


class Exact(nn.Module):
    """The logits of p(y | x_t, t) of the two Gaussians."""

    def forward(self, x: Tensor, times: Tensor) -> Tensor:
        A = level(x, times)
        log_odds = (2 * A.sqrt() * M * x / (A * V + 1 - A)).flatten()
        return torch.stack([torch.zeros_like(log_odds), log_odds], dim=1)


def mixture(x: Tensor, times: Tensor) -> tuple[Tensor, None]:
    """The exact noise prediction: -sqrt(1 - A) times the gradient of log p(x_t)."""
    A = level(x, times)
    spread = A * V + 1 - A
    centre = M * torch.tanh(A.sqrt() * M * x / spread)
    return (1 - A).sqrt() * (x - A.sqrt() * centre) / spread, None


def closed_gradient(x: Tensor, times: Tensor, labels: Tensor) -> Tensor:
    """d / dx of log sigmoid(+- log odds): +- slope times sigmoid(-+ slope x)."""
    A = level(x, times)
    slope = 2 * A.sqrt() * M / (A * V + 1 - A) * torch.where(labels == 1, 1, -1).reshape(-1, 1, 1, 1)
    return slope * torch.sigmoid(-slope * x)


def draws(n: int, seed: int = 3) -> Callable[[], Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return lambda: torch.randn(n, 1, 1, 1, dtype=torch.float64, generator=generator)


def guide_to(labels: Tensor) -> GuideGradient:
    return log_gradient(Exact(), labels, "fp32")


def run(sample: Callable[..., Tensor], n: int, steps: int, fix: Fix | None = None, **settings: object) -> Tensor:
    spacing, draw = "respaced" if sample is ddpm.sample else "uniform", draws(n)
    with torch.no_grad():
        chain = Chain(COSINE, time_grid(spacing, steps))
        return sample(mixture, draw(), chain, fix or Fix(), draw, **settings)


def test_the_gradient_is_the_closed_form_also_where_none_are_recorded() -> None:
    x, labels = draws(64)(), torch.arange(64) % 2
    for time in (0, 100, 500, 900, 999):
        times = torch.full((64,), time)
        with torch.no_grad():
            found = guide_to(labels)(x, times)
        assert not found.requires_grad
        torch.testing.assert_close(found, closed_gradient(x, times, labels), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("label", [0, 1])
def test_guided_ddim_of_scale_1_converges_to_the_conditional_distribution(label: int) -> None:
    """Its error shrinks with the steps: the mean of 20,000 has a standard error of 0.0007."""
    labels, truth = torch.full((20_000,), label), M * (2 * label - 1)
    off = {}
    for steps in (10, 50, 250):
        x = run(ddim.sample, 20_000, steps, clip=True, guide=guide_to(labels), scale=1.0)
        off[steps] = abs(float(x.mean()) - truth), abs(float(x.std()) - V**0.5)
    assert off[250][0] < 0.004
    assert off[250][1] < 0.004
    assert off[250][1] < off[50][1] < off[10][1]
    # Without a guide both classes come out.
    plain = run(ddim.sample, 20_000, 250, clip=True)
    assert abs(float(plain.mean())) < 0.01
    assert float(plain.std()) == pytest.approx((M**2 + V) ** 0.5, abs=0.01)


def test_guided_ddpm_of_scale_1_converges_to_the_conditional_distribution() -> None:
    x = run(ddpm.sample, 20_000, 250, guide=guide_to(torch.ones(20_000).long()), scale=1.0)
    assert float(x.mean()) == pytest.approx(M, abs=0.01)
    assert float(x.std()) == pytest.approx(V**0.5, abs=0.01)


@pytest.mark.parametrize("name", ["none", "es", "ts"])
@pytest.mark.parametrize(
    ("sample", "settings"),
    [
        (ddpm.sample, {}),
        (ddpm.sample, {"variance": "large"}),
        (ddim.sample, {"clip": True}),
        (ddim.sample, {"clip": True, "eta": 1.0}),
    ],
)
def test_a_scale_of_0_is_the_unguided_sampler_bit_for_bit(
    sample: Callable[..., Tensor], settings: dict[str, object], name: str
) -> None:
    chain = Chain(COSINE, time_grid("respaced" if sample is ddpm.sample else "uniform", 10))
    fix = {
        "none": Fix(),
        "es": epsilon_scaling.make(chain, b=1.01, k=0.001),
        "ts": time_shift.make(chain, window=50, cutoff=300, update_time="scheduled", cutoff_on="current"),
    }[name]
    labels = torch.arange(32) % 2
    guided, plain, other = (
        run(sample, 32, 10, fix, **settings, **guidance)
        for guidance in ({"guide": guide_to(labels), "scale": 0.0}, {}, {"guide": guide_to(labels), "scale": 0.5})
    )
    assert torch.equal(guided, plain)
    assert not torch.equal(other, plain)


def test_one_guided_ddim_step_is_the_released_sequence_with_eps_scaled_once() -> None:
    """eps divided, x0 clipped, eps derived again and moved, x0 from it without clipping (guided-diffusion)."""
    x, labels, lam, scale, time = 3 * draws(16)(), torch.arange(16) % 2, 1.02, 2.0, 500
    chain, times = Chain(COSINE, time_grid("uniform", 2)), torch.full((16,), time)
    seen: list[Tensor] = []

    def spied(x: Tensor, times: Tensor) -> tuple[Tensor, None]:
        seen.append(x)
        return mixture(x, times)

    ddim.sample(
        spied,
        x,
        chain,
        epsilon_scaling.make(chain, b=lam, k=0.0),
        draws(16),
        clip=True,
        guide=guide_to(labels),
        scale=scale,
    )
    A, B = COSINE.alpha_bar[time], COSINE.alpha_bar[0]
    x0 = ((x - (1 - A).sqrt() * mixture(x, times)[0] / lam) / A.sqrt()).clamp(-1, 1)
    eps = (x - A.sqrt() * x0) / (1 - A).sqrt() - (1 - A).sqrt() * scale * closed_gradient(x, times, labels)
    x0 = (x - (1 - A).sqrt() * eps) / A.sqrt()
    torch.testing.assert_close(seen[1], B.sqrt() * x0 + (1 - B).sqrt() * eps, rtol=1e-6, atol=1e-6)


def learned(v: float) -> Denoiser:
    return lambda x, times: (mixture(x, times)[0], torch.full_like(x, v))


@pytest.mark.parametrize(("v", "which"), [(-1.0, "variance"), (1.0, "beta")])
def test_one_guided_ddpm_step_moves_the_mean_by_the_variance_times_the_gradient(v: float, which: str) -> None:
    """The ends of the learned variance: log beta-tilde and log beta; at the last step that of the step before."""
    x, labels, scale = draws(16)(), torch.arange(16) % 2, 0.5
    chain = Chain(COSINE, time_grid("respaced", 3))
    for position in (1, 0):
        times = torch.full((16,), int(chain.grid.times[position]))
        grid = chain.grid._replace(times=chain.grid.times[: position + 1])
        states: list[list[Tensor]] = []
        for guidance in ({}, {"guide": guide_to(labels), "scale": scale}):
            seen: list[Tensor] = []

            def spied(x: Tensor, times: Tensor, seen: list[Tensor] = seen) -> tuple[Tensor, Tensor | None]:
                seen.append(x)
                return learned(v)(x, times)

            last = ddpm.sample(spied, x, Chain(COSINE, grid), Fix(), draws(16), variance="learned", **guidance)
            states.append([*seen, last])
            if position == 0:
                break
        if position == 1:
            A, B = (COSINE.alpha_bar[int(chain.grid.times[k])] for k in (1, 0))
            moved = getattr(posterior(A, B), which) * scale * closed_gradient(x, times, labels)
            torch.testing.assert_close(states[1][1] - states[0][1], moved, rtol=1e-6, atol=1e-9)
            # The last step: from the guided state, mean plus the floor's variance times the gradient there.
            start, zero = states[1][1], torch.zeros(16).long()
            q, floor = posterior(B, torch.ones_like(B)), posterior(A, B).variance
            variance = floor if which == "variance" else q.beta
            x0 = ((start - (1 - B).sqrt() * mixture(start, zero)[0]) / B.sqrt()).clamp(-1, 1)
            expected = x0 + variance * scale * closed_gradient(start, zero, labels)
            torch.testing.assert_close(states[1][2], expected, rtol=1e-6, atol=1e-6)

"""Samplers against closed forms: Gaussian data has an exact noise predictor, so every error is the sampler's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import pytest
import torch
from torch import Tensor

from stages.diffusion.chain import Chain
from stages.diffusion.schedule import Schedule, alpha_bar_at, make_schedule, posterior
from stages.diffusion.time_grid import TimeGrid
from stages.methods.samplers import analytic_ddim, ddim, ddpm, deis, dpm_solver, pndm
from stages.methods.samplers.pndm import transfer
from stages.sampling.fix import Fix
from stages.sampling.sampler_grid import time_grid
from tests.gaussian import exact_state, gaussian_denoiser, no_noise

LINEAR, COSINE = make_schedule("linear"), make_schedule("cosine")
DDIM_CLIPPED = partial(ddim.sample, clip=True)
S_PNDM, F_PNDM = partial(pndm.sample, order=2), partial(pndm.sample, order=4)
ANALYTIC = partial(analytic_ddim.sample, eps_power=torch.full((1000,), 0.9, dtype=torch.float64))
SAMPLERS: dict[str, Callable[..., Tensor]] = {
    "ddpm": ddpm.sample,
    "ddim": ddim.sample,
    "ddim-clipped": DDIM_CLIPPED,
    "s-pndm": S_PNDM,
    "f-pndm": F_PNDM,
    "dpm-solver": dpm_solver.sample,
    "deis": deis.sample,
    "analytic-ddim": ANALYTIC,
}
# Those that do not walk the uniform one.
GRIDS = {"ddpm": "respaced", "analytic-ddim": "respaced", "dpm-solver": "dpm-solver", "deis": "deis"}


def grid_of(name: str, steps: int) -> TimeGrid:
    return time_grid(GRIDS.get(name, "uniform"), steps)


def along(schedule: Schedule, times: Sequence[int]) -> Chain:
    return Chain(schedule, TimeGrid(tuple(times)))


def state_at_zero(sampler: Callable[..., Tensor], grid: list[int]) -> float:
    """The state in which the network is evaluated last, at time 0, from x = 1 at the first grid time."""
    calls: list[tuple[Tensor, Tensor]] = []
    x = torch.ones(1, 1, 1, 1, dtype=torch.float64)
    sampler(gaussian_denoiser(LINEAR, 0.25, calls), x, along(LINEAR, grid), Fix(), no_noise)
    assert int(calls[-1][1]) == 0
    return float(calls[-1][0])


@pytest.mark.parametrize(
    ("sampler", "errors"),
    [
        (ddim.sample, {10: -0.25167, 20: -0.13239, 50: -0.05495, 100: -0.02786}),
        (S_PNDM, {10: -0.11360, 20: -0.03408, 50: -0.00625, 100: -0.00174}),
        (F_PNDM, {10: -0.01859, 20: 0.00106, 50: -0.00025, 100: -0.00021, 40: -0.0001128, 8: -0.0438889}),
    ],
)
def test_relative_error_on_gaussian_data_matches_golden_values(
    sampler: Callable[..., Tensor], errors: dict[int, float]
) -> None:
    for steps, expected in errors.items():
        grid = list(range(0, 1000, 1000 // steps))
        error = state_at_zero(sampler, grid) / exact_state(LINEAR, 0.25, grid[-1], 0) - 1
        assert error == pytest.approx(expected, abs=6e-6), steps


@pytest.mark.parametrize(
    ("sampler", "errors"),
    [
        (F_PNDM, {50: 5.76e-5, 100: 1.63e-5, 250: 2.71e-6, 500: 6.8e-7}),
        (S_PNDM, {50: -4.32e-4, 100: -1.14e-4, 250: -1.89e-5, 500: -4.8e-6}),
    ],
)
def test_convergence_down_to_time_300(sampler: Callable[..., Tensor], errors: dict[int, float]) -> None:
    for steps, expected in errors.items():
        calls: list[tuple[Tensor, Tensor]] = []
        grid = list(range(0, 1000, 1000 // steps))
        x = torch.ones(1, 1, 1, 1, dtype=torch.float64)
        sampler(gaussian_denoiser(LINEAR, 0.25, calls), x, along(LINEAR, grid), Fix(), no_noise)
        # The last evaluation at time 300: earlier ones are of a warm-up.
        reached = [float(x) for x, times in calls if float(times) == 300][-1]
        assert reached / exact_state(LINEAR, 0.25, grid[-1], 300) - 1 == pytest.approx(expected, rel=0.02), steps


def test_ddim_coefficients_match_golden_values() -> None:
    levels = alpha_bar_at(LINEAR, torch.tensor([900])), alpha_bar_at(LINEAR, torch.tensor([800]))
    one, zero = torch.ones(1, 1, 1, 1, dtype=torch.float64), torch.zeros(1, 1, 1, 1, dtype=torch.float64)
    assert float(transfer(one, zero, *levels)) == pytest.approx(2.36185508, abs=5e-9)
    assert float(transfer(zero, one, *levels)) == pytest.approx(-1.36228996, abs=5e-9)
    last = alpha_bar_at(LINEAR, torch.tensor([0])), alpha_bar_at(LINEAR, torch.tensor([-1]))
    assert float(transfer(one, zero, *last)) == pytest.approx(1.00005, abs=5e-6)
    assert float(transfer(zero, one, *last)) == pytest.approx(-0.0100005, abs=5e-8)


def test_ddim_sigma_at_eta_one_matches_the_golden_value() -> None:
    states: list[Tensor] = []

    def silent(x: Tensor, times: Tensor) -> tuple[Tensor, None]:
        states.append(x)
        return torch.zeros_like(x), None

    zero = torch.zeros(1, 1, 1, 1, dtype=torch.float64)
    ddim.sample(silent, zero, along(LINEAR, [800, 900]), Fix(), lambda: torch.ones_like(zero), eta=1.0)
    assert float(states[1]) == pytest.approx(0.90538394, abs=5e-9)


def test_ddim_with_eta_one_over_all_steps_is_the_posterior_sampler() -> None:
    """Data narrow enough that ADM's clip never acts, float64: equal up to rounding accumulated over 1,000 steps."""
    outputs = []
    for sampler in (partial(ddim.sample, eta=1.0), partial(ddpm.sample, variance="small")):
        generator = torch.Generator().manual_seed(3)
        x = torch.randn(8, 1, 4, 4, dtype=torch.float64, generator=generator)
        noise = lambda g=generator: torch.randn(8, 1, 4, 4, dtype=torch.float64, generator=g)  # noqa: E731
        outputs.append(sampler(gaussian_denoiser(COSINE, 0.01), x, along(COSINE, range(1000)), Fix(), noise))
    torch.testing.assert_close(outputs[0], outputs[1], rtol=0, atol=1e-7)
    assert float(outputs[0].std()) == pytest.approx(0.1, rel=0.2)


def test_ancestral_sampling_has_the_variance_of_its_linear_recursion() -> None:
    """Gaussian data make every step x -> a x + sigma z with known a, so the output's variance is known."""
    data, grid, generator = 0.04, time_grid("respaced", 20).times, torch.Generator().manual_seed(5)
    expected = 1.0
    for t, s in zip(reversed(grid), [*reversed(grid[:-1]), -1], strict=True):
        A = float(COSINE.alpha_bar[t])
        q = posterior(*(alpha_bar_at(COSINE, torch.tensor([time])) for time in (t, s)))
        kappa = A**0.5 * data / (A * data + 1 - A)
        expected = float((q.x0_coef * kappa + q.x_coef) ** 2 * expected + q.variance)
    draw = lambda: torch.randn(20_000, 1, 1, 1, dtype=torch.float64, generator=generator)  # noqa: E731
    x = ddpm.sample(gaussian_denoiser(COSINE, data), draw(), along(COSINE, grid), Fix(), draw)
    # Standard error of a variance: sqrt(2 / n) = 1 %; four of them.
    assert float(x.var()) == pytest.approx(expected, rel=0.04)


def test_clipped_ddim_is_its_formula_computed_by_hand() -> None:
    """Two steps from x = 2 with an eps of -1 that makes the clip act, eta = 0.5 and noise 0.3; scalars throughout."""
    A, A_next = float(LINEAR.alpha_bar[500]), float(LINEAR.alpha_bar[100])
    assert (2 + (1 - A) ** 0.5) / A**0.5 > 1
    eps = (2 / A**0.5 - 1) / (1 / A - 1) ** 0.5
    sigma = 0.5 * ((1 - A_next) / (1 - A) * (1 - A / A_next)) ** 0.5
    middle = A_next**0.5 + (1 - A_next - sigma**2) ** 0.5 * eps + sigma * 0.3
    states: list[float] = []

    def wrong(x: Tensor, times: Tensor) -> tuple[Tensor, None]:
        states.append(float(x))
        return -torch.ones_like(x), None

    x = torch.full((1, 1, 1, 1), 2.0, dtype=torch.float64)
    last = DDIM_CLIPPED(wrong, x, along(LINEAR, [100, 500]), Fix(), lambda: 0.3 * torch.ones_like(x), eta=0.5)
    assert states[1] == pytest.approx(middle, rel=1e-12)
    assert float(last) == 1, "the last step ends in the clipped x0"


def test_learned_variance_is_interpolated_in_the_logarithm() -> None:
    states: list[float] = []

    def silent(x: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
        states.append(float(x))
        return torch.zeros_like(x), torch.zeros_like(x)

    zero = torch.zeros(1, 1, 1, 1, dtype=torch.float64)
    ddpm.sample(silent, zero, along(LINEAR, [10, 600]), Fix(), lambda: torch.ones_like(zero), variance="learned")
    q = posterior(LINEAR.alpha_bar[600], LINEAR.alpha_bar[10])
    assert states[1] == pytest.approx(float(q.beta * q.variance) ** 0.25, rel=1e-12)


def test_from_data_the_chain_starts_from_noised_images() -> None:
    calls: list[tuple[Tensor, Tensor]] = []
    generator = torch.Generator().manual_seed(0)
    images, x = (torch.randn(2, 1, 4, 4, dtype=torch.float64, generator=generator) for _ in range(2))
    chain, exact = along(COSINE, range(100)), gaussian_denoiser(COSINE, 0.25, calls)
    reached = ddpm.sample(exact, x, chain, Fix(), lambda: torch.zeros_like(x), images=images)
    A = COSINE.alpha_bar[99]
    torch.testing.assert_close(calls[0][0], A.sqrt() * images + (1 - A).sqrt() * x)
    assert [int(times[0]) for _, times in calls] == list(range(99, -1, -1))
    # At t = 99 of 1,000 nearly all of the image is left.
    assert float((reached - images.clamp(-1, 1)).abs().mean()) < 0.2


@pytest.mark.parametrize(("v", "variance"), [(-1.0, "small"), (1.0, "large")])
def test_learned_variance_ends_at_its_bounds(v: float, variance: ddpm.Variance) -> None:
    outputs = []
    for kind in ("learned", variance):
        generator = torch.Generator().manual_seed(1)
        draw = lambda g=generator: torch.randn(4, 1, 4, 4, generator=g)  # noqa: E731
        exact = gaussian_denoiser(COSINE, 0.25)
        denoise = lambda x, t, e=exact: (e(x, t)[0], torch.full_like(x, v))  # noqa: E731
        grid = time_grid("respaced", 20).times
        outputs.append(ddpm.sample(denoise, draw(), along(COSINE, grid), Fix(), draw, variance=kind))
    torch.testing.assert_close(outputs[0], outputs[1], rtol=0, atol=2e-5)


def test_learned_variance_needs_a_network_that_predicts_it() -> None:
    x = torch.zeros(1, 1, 2, 2)
    with pytest.raises(ValueError, match="variance: learned"):
        ddpm.sample(gaussian_denoiser(COSINE, 1), x, along(COSINE, [0, 500]), Fix(), lambda: x, variance="learned")


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("steps", [5, 10, 20])
def test_number_of_network_evaluations(name: str, steps: int) -> None:
    calls: list[tuple[Tensor, Tensor]] = []
    x = torch.zeros(2, 1, 2, 2)
    grid = grid_of(name, steps)
    SAMPLERS[name](gaussian_denoiser(COSINE, 0.25, calls), x, Chain(COSINE, grid), Fix(), lambda: x)
    assert len(calls) == steps + {"s-pndm": 1, "f-pndm": 9}.get(name, 0)


def test_f_pndm_with_constant_noise_is_one_ddim_jump() -> None:
    constant = torch.linspace(-1, 1, 9, dtype=torch.float64).reshape(1, 1, 3, 3)
    x = torch.linspace(2, -1, 9, dtype=torch.float64).reshape(1, 1, 3, 3)
    jump = transfer(x, constant, *(alpha_bar_at(LINEAR, torch.tensor([t])) for t in (875, -1)))
    for sampler in (F_PNDM, S_PNDM, ddim.sample):
        walked = sampler(lambda x, t: (constant, None), x, along(LINEAR, range(0, 1000, 125)), Fix(), no_noise)
        torch.testing.assert_close(walked, jump, rtol=1e-9, atol=1e-9)


def test_clipping_acts_where_it_should() -> None:
    """At t = 999 of the cosine schedule 1 / sqrt(alpha_bar) is 2e4: ADM's samplers stay bounded, DDIM does not."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 1, 4, 4, generator=generator)
    wrong = lambda x, t: (0.9 * x, None)  # noqa: E731
    for sampler in (ddpm.sample, DDIM_CLIPPED):
        assert sampler(wrong, x, Chain(COSINE, time_grid("respaced", 10)), Fix(), lambda: x).abs().max() <= 1
    assert ddim.sample(wrong, x, Chain(COSINE, time_grid("respaced", 10)), Fix(), no_noise).abs().max() > 1


def test_ddim_matches_diffusers() -> None:
    from diffusers import DDIMScheduler

    peer = DDIMScheduler(beta_schedule="linear", clip_sample=False, set_alpha_to_one=True, timestep_spacing="leading")
    peer.set_timesteps(20)
    generator = torch.Generator().manual_seed(2)
    start = torch.randn(3, 1, 4, 4, dtype=torch.float64, generator=generator)
    denoise, x = gaussian_denoiser(LINEAR, 0.25), start
    for t in peer.timesteps:
        x = peer.step(denoise(x, t.expand(3))[0], int(t), x).prev_sample  # pyright: ignore
    ours = ddim.sample(denoise, start, Chain(LINEAR, time_grid("uniform", 20)), Fix(), no_noise)
    # diffusers keeps its tables in float32.
    torch.testing.assert_close(ours, x, rtol=1e-4, atol=1e-4)


def test_f_pndm_matches_diffusers_where_mid_times_are_integers() -> None:
    from diffusers import PNDMScheduler

    peer = PNDMScheduler(beta_schedule="linear", skip_prk_steps=False, set_alpha_to_one=True)
    peer.set_timesteps(10)
    generator = torch.Generator().manual_seed(2)
    start = torch.randn(3, 1, 4, 4, dtype=torch.float64, generator=generator)
    denoise, x = gaussian_denoiser(LINEAR, 0.25), start
    for t in peer.timesteps:
        x = peer.step(denoise(x, t.expand(3))[0], int(t), x).prev_sample  # pyright: ignore
    ours = F_PNDM(denoise, start, Chain(LINEAR, time_grid("uniform", 10)), Fix(), no_noise)
    torch.testing.assert_close(ours, x, rtol=1e-3, atol=1e-3)

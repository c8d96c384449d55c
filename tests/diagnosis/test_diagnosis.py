"""Measures of exposure bias on Gaussian data, whose exact predictor gives each a closed form."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from stages.config.fixed import Diagnose
from stages.diagnosis import deviation
from stages.diagnosis.chain_images import chain_images
from stages.diagnosis.chains import levels, noised, sampled
from stages.diagnosis.coupling import coupling, reached_state
from stages.diagnosis.curves import Scalings, curves
from stages.diagnosis.eps_norm import Parabola, eps_norm, parabola, scaling
from stages.diagnosis.error_evolution import error_evolution
from stages.diagnosis.estimates import Curve, jackknifed, mean_and_variance, mean_over_images
from stages.diagnosis.gradient_norm import gaussian_norm, gradient_norms
from stages.diagnosis.prediction_error import counted_pixels, histogram, rejection_rate, spread
from stages.diagnosis.reverse_error import reverse_error, reverse_pairs
from stages.diagnosis.shift import fitting_times, shifts
from stages.diagnosis.single_step import learned_excess, single_step
from stages.diagnosis.spectrum import band_power, gaussian_chain
from stages.diagnosis.state_moments import formulas
from stages.diagnosis.state_variance import density, variance_quantiles
from stages.diagnosis.step_match import error_term, fitting_time, window_widths
from stages.diagnosis.subject import SAMPLED, Subject, chosen
from stages.diffusion.chain import Chain
from stages.diffusion.schedule import make_schedule, posterior, predict_x0
from stages.methods.fixes import epsilon_scaling, time_shift
from stages.methods.grids import respaced, uniform
from stages.methods.samplers import ddim, ddpm
from stages.sampling.fix import Fix
from tests.gaussian import gaussian_denoiser, no_noise

COSINE, LINEAR = make_schedule("cosine"), make_schedule("linear")
ADM, DDIM = Chain(COSINE, respaced.time_grid(20, 1000)), Chain(LINEAR, uniform.time_grid(20, 1000))
SMALL = 0.02  # seven standard deviations within [-1, 1]: nothing is clipped


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def data(variance: float, n: int = 2000) -> tuple[Tensor, Tensor]:
    """Images of white noise of a variance, and noise to add to them."""
    return math.sqrt(variance) * normal(0, n, 1, 4, 4), normal(1, n, 1, 4, 4)


@pytest.mark.parametrize("steps", [1, 30, 300])
def test_reverse_error_is_that_of_a_linear_recursion(steps: int) -> None:
    images, noise = data(SMALL)
    found = reverse_error(gaussian_denoiser(COSINE, SMALL), images, noise, COSINE, steps)
    gain, a = 1.0, COSINE.alpha_bar.tolist()
    for t in reversed(range(steps)):
        q = posterior(torch.tensor(a[t]), torch.tensor(a[t - 1] if t else 1.0))
        gain *= float(q.x0_coef) * a[t] ** 0.5 * SMALL / (a[t] * SMALL + 1 - a[t]) + float(q.x_coef)
    top = a[steps - 1]
    size = math.sqrt((gain * top**0.5 - 1) ** 2 * SMALL + gain**2 * (1 - top))
    assert found.value == pytest.approx(math.sqrt(2 / math.pi) * size, rel=0.02)
    assert 0 < found.margin < 0.05 * found.value


def test_reverse_error_of_a_perfect_predictor_is_zero() -> None:
    images, noise = data(SMALL, 10)

    def oracle(x: Tensor, times: Tensor) -> tuple[Tensor, None]:
        a = ADM.alpha_bar(times)
        return ((x - a.sqrt() * images) / (1 - a).sqrt()).float(), None

    assert reverse_error(oracle, images, noise, COSINE, 100).value == pytest.approx(0, abs=1e-4)


def test_margin_is_of_a_normal_interval() -> None:
    found = mean_over_images(torch.tensor([1.0, 3.0] * 50))
    assert found == pytest.approx((2.0, 1.96 * math.sqrt(100 / 99) / 10))
    mean, variance = mean_and_variance(0.5 + 2 * normal(5, 4000, 1, 4, 4))
    assert mean.value == pytest.approx(0.5, abs=0.03)
    assert variance.value == pytest.approx(4, abs=0.1)
    assert variance.margin == pytest.approx(1.96 * 4 * math.sqrt(2 / 16 / 4000), rel=0.1)


@pytest.mark.parametrize("time", [100, 500, 900])
def test_errors_of_the_exact_predictor_are_gaussian_of_known_size(time: int) -> None:
    images, noise = data(SMALL, 4000)
    a = float(COSINE.alpha_bar[time])
    x = a**0.5 * images + (1 - a) ** 0.5 * noise
    eps, _ = gaussian_denoiser(COSINE, SMALL)(x, torch.full((4000,), time))
    errors = predict_x0(x, eps, torch.tensor(a, dtype=torch.float64)) - images
    assert spread(errors) == pytest.approx(math.sqrt(SMALL * (1 - a) / (a * SMALL + 1 - a)), rel=0.02)


def test_rejections_are_few_of_gaussian_errors_and_all_of_others() -> None:
    assert rejection_rate(normal(3, 100, 3, 24, 24)) == pytest.approx(0.05, abs=0.02)
    coins = normal(4, 100, 1, 8, 8).sign()
    assert rejection_rate(coins) == 1
    coins[:, :, :4] = 0.5
    assert rejection_rate(coins) == 0.5, "pixels without error are not rejected"


def test_delta_of_independent_images_is_the_perfect_one() -> None:
    images, noise = data(0.25, 4000)
    others = 0.5 * normal(7, 4000, 1, 4, 4)
    level = levels(ADM)
    states = level.sqrt().reshape(-1, 1, 1, 1, 1) * others + (1 - level).sqrt().reshape(-1, 1, 1, 1, 1) * noise
    assert deviation.multi_step(states, images, level) == pytest.approx(deviation.perfect(images, level), abs=0.02)
    same = level.sqrt().reshape(-1, 1, 1, 1, 1) * images + (1 - level).sqrt().reshape(-1, 1, 1, 1, 1) * noise
    assert deviation.multi_step(same, images, level) == pytest.approx(torch.zeros(20), abs=0.02)
    assert deviation.perfect(images, level)[0] == pytest.approx(0.5, abs=0.02)
    released = deviation.multi_step_released(states, images, level)
    expected = ((level * 0.5 + 1 - level).sqrt() - (1 - level).sqrt()) ** 2
    assert released == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize(
    ("index", "exact", "table"),
    [
        (1, 0.008907, 0.008827),
        (5, 0.061405, 0.014436),
        (10, 0.053608, 0.008787),
        (15, 0.024205, 0.005854),
        (19, 0.001702, 0.001702),
    ],
)
def test_single_step_has_its_closed_forms(index: int, exact: float, table: float) -> None:
    """Cosine, 20 respaced steps, data of variance 0.25, exact predictor, not clipped."""
    images, noise = data(0.25, 20000)
    level = levels(ADM)
    a = float(level[index])
    x = a**0.5 * images.double() + (1 - a) ** 0.5 * noise.double()
    kappa = a**0.5 * 0.25 / (a * 0.25 + 1 - a)
    found = single_step(kappa * x, images, noise, a, posterior(level[index], level[index - 1]))
    assert found.exact == pytest.approx(exact, rel=0.03, abs=1e-4)
    assert found.table == pytest.approx(table, rel=0.03, abs=1e-4)
    assert found.measured == pytest.approx(exact, abs=0.003)


def test_norms_of_predictions() -> None:
    images, noise = data(0.25, 1000)
    forward = noised(gaussian_denoiser(COSINE, 0.25), images, noise, ADM)
    level = levels(ADM)
    # E of a chi variable of 16 degrees of freedom.
    chi = math.sqrt(2) * math.exp(math.lgamma(8.5) - math.lgamma(8))
    expected = chi * ((1 - level) / (level * 0.25 + 1 - level)).sqrt()
    assert eps_norm(forward.eps) == pytest.approx(expected, rel=0.02, abs=0.01)


def test_bands_hold_what_they_say() -> None:
    assert band_power(math.sqrt(3) * normal(9, 4000, 1, 8, 8)) == pytest.approx(torch.full((4,), 3.0), rel=0.03)
    wave = torch.cos(2 * math.pi * 2 * torch.arange(8) / 8).expand(1, 1, 8, 8)
    found = band_power(wave + 5)
    assert found[1] > 1
    assert found[[0, 2, 3]] == pytest.approx(torch.zeros(3), abs=1e-12)


@pytest.mark.parametrize("name", ["ddpm", "ddim"])
def test_finite_steps_alone_give_what_the_samplers_give_with_the_exact_predictor(name: str) -> None:
    chain = Chain(LINEAR, (respaced if name == "ddpm" else uniform).time_grid(20, 1000))
    noise = iter(normal(seed, 4000, 1, 4, 4) for seed in range(30, 60))
    sampler = {"ddpm": ddpm, "ddim": ddim}[name]
    found = sampled(sampler.sample, gaussian_denoiser(LINEAR, SMALL), next(noise), chain, Fix(), lambda: next(noise))
    along, final = gaussian_chain(torch.tensor([SMALL], dtype=torch.float64), levels(chain), name == "ddpm")
    assert float(found.final.var()) / SMALL == pytest.approx(float(final), rel=0.03)
    expected = levels(chain) * SMALL + 1 - levels(chain)
    assert found.states.flatten(1).double().var(dim=1) / expected == pytest.approx(along[:, 0], rel=0.03)


def test_trajectory_has_scaled_predictions_and_the_times_of_the_network() -> None:
    x = normal(2, 6, 1, 4, 4)
    fix = epsilon_scaling.make(DDIM, 1.25, 0.01)
    found = sampled(ddim.sample, gaussian_denoiser(LINEAR, 0.25), x, DDIM, fix, no_noise)
    assert torch.equal(found.states[-1], x)
    assert found.conditioned[:, 0].tolist() == list(DDIM.grid.times)
    exact, _ = gaussian_denoiser(LINEAR, 0.25)(found.states[7], found.conditioned[7])
    assert torch.allclose(found.eps[7], exact / (1.25 + 0.07))


def gains(variance: float) -> list[float]:
    """The factor of each step of DDIM on Gaussian data, by grid index."""
    a, found = [1.0, *levels(DDIM).tolist()], []
    for before, after in zip(a[1:], a, strict=False):
        eps = math.sqrt(1 - before) / (before * variance + 1 - before)
        x0 = (1 - math.sqrt(1 - before) * eps) / math.sqrt(before)
        found.append(math.sqrt(after) * x0 + math.sqrt(1 - after) * eps)
    return found


def test_error_evolution_is_that_of_a_linear_recursion() -> None:
    images, noise = data(0.25)
    denoise, level, start = gaussian_denoiser(LINEAR, 0.25), levels(DDIM), 12
    found = error_evolution(denoise, noised(denoise, images, noise, DDIM), DDIM, start).mean(dim=1)
    gain, a, expected = 1.0, float(level[start]), []
    for index in reversed(range(start + 1)):
        gain *= gains(0.25)[index]
        after = float(level[index - 1]) if index else 1.0
        signal, rest = gain * a**0.5 - after**0.5, gain * (1 - a) ** 0.5 - (1 - after) ** 0.5
        expected.append(signal**2 * 0.25 + rest**2)
    assert found == pytest.approx(torch.tensor(expected[::-1], dtype=torch.float64), rel=0.03, abs=1e-6)


def test_coupling_is_the_distance_to_forward_states() -> None:
    images, noise = data(0.25)
    denoise = gaussian_denoiser(LINEAR, 0.25)
    forward = noised(denoise, images, noise, DDIM)
    found = coupling(forward, noise, DDIM, 10, [400, 450, 500])
    reached = gains(0.25)[10] * forward.states[10].double()
    for s, value in zip((400, 450, 500), found.tolist(), strict=True):
        a = float(LINEAR.alpha_bar[s])
        state = a**0.5 * images.double() + (1 - a) ** 0.5 * noise.double()
        assert value == pytest.approx(float((reached - state).square().mean()), rel=1e-5)


def test_coupling_of_a_perfect_prediction_is_nearest_at_the_next_time() -> None:
    images, noise = data(0.25, 50)
    forward = noised(lambda x, t: (noise, None), images, noise, DDIM)
    found = coupling(forward, noise, DDIM, 10, range(400, 500))
    assert 400 + int(found.argmin()) == DDIM.grid.times[9]
    assert float(found.min()) == pytest.approx(0, abs=1e-6)


def test_variance_quantiles_and_shifts() -> None:
    states = normal(3, 2, 500, 1, 8, 8)
    found = variance_quantiles(states)
    assert found.shape == (2, 5)
    assert found[:, 2] == pytest.approx(torch.ones(2), abs=0.03)
    # Of 63 degrees of freedom.
    assert found[:, 4] == pytest.approx(torch.full((2,), 1.309), abs=0.06)
    images, noise = data(1.0, 500)
    level = levels(DDIM).reshape(-1, 1, 1, 1, 1)
    true = level.sqrt() * images + (1 - level).sqrt() * noise
    found = shifts(fitting_times(time_shift.make(DDIM, 50, 300), true, DDIM), DDIM)
    times = torch.tensor(DDIM.grid.times)
    assert (found[times < 300] == 0).all(), "no shift below the cutoff"
    shifted = found[(times >= 300) & (times < 600)]
    assert shifted[0] > 15
    assert (shifted > 0).all(), "images of variance 1 look noisier than they are"


def test_margins_of_a_mean_are_those_of_its_groups() -> None:
    x = normal(5, 50, 2).double()
    (found,) = jackknifed(lambda kept: {"mean": x[kept].mean(dim=0)}, 50).values()
    groups = x.reshape(5, 10, 2).mean(dim=0)
    assert found.values == pytest.approx(x.mean(dim=0).tolist())
    # 2.262 is the 97.5 % point of Student's t of 9 degrees of freedom.
    assert found.margins == pytest.approx((2.262 * groups.std(dim=0) / math.sqrt(10)).tolist(), rel=1e-3)


@pytest.mark.parametrize("n", [40, 57])
def test_margins_of_a_ratio_of_powers_cover_it_in_19_of_20_cases(n: int) -> None:
    """400 repetitions: a rate of 0.95 has a standard deviation of 0.011, the interval itself some bias at this n."""
    covered = 0
    for seed in range(400):
        x, y = normal(seed, 2, n, 1, 4, 4)
        (found,) = jackknifed(lambda kept, x=x, y=y: {"power": band_power(x[kept]) / band_power(y[kept])}, n).values()
        covered += abs(found.values[0] - 1) <= found.margins[0]
    assert 0.91 <= covered / 400 <= 0.98


def test_fewer_images_than_groups_leave_out_one_each() -> None:
    (found,) = jackknifed(lambda kept: {"sum": kept.sum()[None].double()}, 4).values()
    assert found.values == [6]
    assert found.margins[0] > 0


def subject(variance: float, n: int) -> Subject:
    images, _ = data(variance, 2 * n)
    return Subject(gaussian_denoiser(LINEAR, variance), images[:n], images[n:], LINEAR, 3)


def section(images: int, *steps: int) -> Diagnose:
    return Diagnose(images=images, steps=list(steps), window=50, cutoff=300)


def scalings(b: float, *places: tuple[str, int]) -> Scalings:
    return {place: {"b": b, "k": 0.0} for place in places}


def by_name(found: list[Curve]) -> dict[tuple[str, str, str], Tensor]:
    return {(c.measure, c.sampler, c.fix): torch.tensor(c.values, dtype=torch.float64) for c in found}


def test_curves_of_gaussian_data_follow_its_chain() -> None:
    """DDIM's states are x_T times the product of its steps' factors: so are delta, norms and power."""
    made = list(curves(subject(SMALL, 3000), section(3000, 20), scalings(1.1, ("ddim", 20))))
    found = by_name(made)
    level, gain, spreads = levels(DDIM), 1.0, []
    for factor in reversed(gains(SMALL)):
        spreads.append(gain**2)
        gain *= factor
    variance = torch.tensor(spreads[::-1], dtype=torch.float64)
    delta = variance + level * SMALL - (1 - level)
    assert found["delta", "ddim", "none"] == pytest.approx(delta, abs=0.02)
    assert found["power", "ddim", "none"] == pytest.approx(torch.full((2,), gain**2 / SMALL), rel=0.05)
    ratio = (variance / (level * SMALL + 1 - level)).sqrt()
    assert found["eps_norm_ratio", "ddim", "none"] == pytest.approx(ratio, rel=0.02)
    assert found["power_1", "ddim", "none"] == pytest.approx(ratio**2, rel=0.07)
    assert found["power", "ddim", "gaussian"] == pytest.approx(found["power", "ddim", "none"], rel=0.05)
    assert found["power", "ddim", "control"] == pytest.approx(torch.ones(2), rel=0.05)
    assert (found["delta", "ddim", "es"][:-1] > found["delta", "ddim", "none"][:-1]).all()
    assert found["scaling_b", "ddim", "es"] == pytest.approx([1.1])
    assert ("delta", "ddpm", "es") not in found, "the plan has no cell of that"
    assert found["eps_norm_ceiling", "ddim", "control"] == pytest.approx(torch.full((20,), 4.0))
    fit = parabola(found["eps_norm_ratio", "ddim", "none"])
    assert found["eps_norm_ratio_fit", "ddim", "none"] == pytest.approx(fit.fitted)
    assert found["ratio_fit_2", "ddim", "none"] == pytest.approx(fit.coefficients[2:])
    exact = gaussian_norm(torch.full((1, 1, 4, 4), 0.0), levels(ADM))
    assert len(found["gradient_norm", "", "none"]) == len(exact)
    assert found["Delta", "ddpm", "none"] == pytest.approx(found["Delta_exact", "ddpm", "none"], abs=0.01)
    assert all(torch.isfinite(values).all() for values in found.values())
    # Of 3,000 images in 20 steps each band of DDIM is known to a few per cent, and not exactly.
    margins = {(c.measure, c.sampler, c.fix): c.margins for c in made}
    assert all(0 < margin < 0.1 for margin in margins["power", "ddim", "none"] or [0.0])
    without = {measure.split("_")[0] for (measure, _, fix), found in margins.items() if not found and fix == "none"}
    assert without == {"rejected", "coupling", "nearest", "histogram"} | {"variance"}


def test_curves_are_of_seed_and_model_alone() -> None:
    first, again = (list(curves(subject(0.25, 20), section(20, 4), {})) for _ in range(2))
    assert first == again
    other = subject(0.25, 20)._replace(seed=4)
    assert list(curves(other, section(20, 4), {})) != first


def test_formulas_hold_in_training_and_miss_the_covariance_in_sampling() -> None:
    made = subject(SMALL, 4000)
    time, found = formulas(made, 20)
    assert time == respaced.time_grid(20, 1000).times[9]
    for name in ("training_mean", "training_variance", "sampling_mean"):
        assert abs(found[name].measured.value - found[name].formula) < 2 * found[name].measured.margin, name
    level = levels(Chain(LINEAR, respaced.time_grid(20, 1000)))
    q, a = posterior(level[10], level[9]), float(level[10])
    kappa = a**0.5 * SMALL / (a * SMALL + 1 - a)
    missing = 2 * float(q.x0_coef * q.x_coef) * kappa * (1 - a)
    sampling = found["sampling_variance"]
    assert sampling.measured.value - sampling.formula == pytest.approx(missing, abs=2 * sampling.measured.margin)


def test_images_are_drawn_once_before_they_repeat() -> None:
    first, others = chosen(10, 5, 0)
    assert sorted(torch.cat([first, others]).tolist()) == list(range(10))
    counts = chosen(10, 25, 0)[0].unique(return_counts=True)[1].tolist()
    assert sorted(counts) == [2] * 5 + [3] * 5
    assert not torch.equal(chosen(10, 5, 1)[0], first)


# Epsilon Scaling at the values of cells


def test_scaling_by_1_gives_the_curves_without_a_fix_bit_for_bit() -> None:
    places = ("ddpm", 4), ("ddim", 4)
    found = list(curves(subject(0.25, 20), section(20, 4), scalings(1.0, *places)))
    plain = {(c.measure, c.sampler): c for c in found if c.fix == "none"}
    scaled = {(c.measure, c.sampler): c for c in found if c.fix == "es" and not c.measure.startswith("scaling")}
    assert {sampler for _, sampler in scaled} == {"ddpm", "ddim"}
    assert all(curve._replace(fix="none") == plain[key] for key, curve in scaled.items())


def test_other_step_counts_have_the_norms_of_the_samplers_that_are_scaled_there() -> None:
    found = [c for c in curves(subject(0.25, 20), section(20, 4, 8), scalings(1.1, ("ddpm", 8))) if c.steps == 8]
    assert {(c.sampler, c.fix) for c in found} == {("ddpm", "control"), ("ddpm", "none"), ("ddpm", "es")}
    assert {c.measure for c in found if c.fix != "es"} <= {
        "eps_norm", "eps_norm_ratio", "eps_norm_ceiling", "eps_norm_ratio_fit", *FIT_VALUES
    }  # fmt: skip
    alone = next(c for c in found if c.measure == "eps_norm_ratio")
    as_first = curves(subject(0.25, 20), section(20, 8), {})
    assert alone == next(c for c in as_first if (c.measure, c.sampler) == ("eps_norm_ratio", "ddpm"))


FIT_VALUES = tuple(f"ratio_fit_{name}" for name in ("0", "1", "2", "r2", "k", "b"))


def test_a_parabola_is_fitted_from_the_fifth_step_on() -> None:
    steps = torch.arange(1, 21, dtype=torch.float64)
    ratio = 1.2 - 0.01 * steps + 0.0002 * steps**2
    ratio[:4] = 7
    fit = parabola(ratio)
    assert fit.coefficients == pytest.approx([1.2, -0.01, 0.0002], abs=1e-10)
    assert fit.fitted == pytest.approx(ratio[4:])
    assert float(fit.r2) == pytest.approx(1)
    assert parabola(torch.cat([ratio[:4], normal(1, 400).double()])).r2 < 0.05


def test_the_scaling_that_a_fit_stands_for_accumulates_to_it() -> None:
    """lambda - 1, summed from a step to the last, is Delta N less its value there."""
    fit = Parabola(torch.tensor([1.3, -0.02, 0.0003], dtype=torch.float64), torch.empty(0), torch.tensor(1.0))
    k, b = (float(value) for value in scaling(fit))
    assert (k, b) == pytest.approx((-0.0006, 1.02))
    inner = torch.linspace(5, 20, 100_001, dtype=torch.float64)
    accumulated = float(torch.trapezoid(k * inner + b - 1, inner))
    ratio = [1.3 - 0.02 * t + 0.0003 * t**2 for t in (5, 20)]
    assert accumulated == pytest.approx(ratio[0] - ratio[1])


# A learned variance


def with_variance(variance: float, fraction: float) -> Subject:
    """The subject of a network whose logits of variance are the same everywhere."""
    found = subject(variance, 2000)

    def denoise(x: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
        return found.denoiser(x, times)[0], torch.full_like(x, 2 * fraction - 1)

    return found._replace(denoiser=denoise, predicts_variance=True)


def test_the_learned_variance_is_that_of_adms_chain() -> None:
    """Fraction 0 is the small variance; that of 1 adds log beta's to each state."""
    samples = scalings(1.0, ("ddpm-small", 4))
    low, high = (by_name(list(curves(with_variance(SMALL, f), section(2000, 4), samples))) for f in (0.0, 1.0))
    assert low["delta", "ddpm", "none"] == pytest.approx(low["delta", "ddpm-small", "none"], abs=1e-6)
    assert torch.equal(high["delta", "ddpm-small", "none"], low["delta", "ddpm-small", "none"])
    assert (high["delta", "ddpm", "none"][:-1] > low["delta", "ddpm", "none"][:-1]).all()
    without = by_name(list(curves(with_variance(SMALL, 0.0), section(2000, 4), {})))
    assert not any(sampler == "ddpm-small" for _, sampler, _ in without)


def test_delta_of_one_step_has_the_variance_that_was_learned() -> None:
    made = with_variance(SMALL, 1.0)
    chain = Chain(LINEAR, respaced.time_grid(20, 1000))
    noise = normal(1, *made.images.shape)
    forward = noised(made.denoiser, made.images, noise, chain)
    level = levels(chain)
    for index in (1, 10, 19):
        step = posterior(level[index], level[index - 1])
        found = learned_excess(chain, forward, index)
        # Of float32, and a difference of two variances that are near one another.
        assert found == pytest.approx(torch.full((2000,), float(step.beta - step.variance)), rel=1e-3)
    alike = noised(with_variance(SMALL, 0.0).denoiser, made.images, noise, chain)
    assert learned_excess(chain, alike, 10) == pytest.approx(torch.zeros(2000), abs=1e-7)


# Classes and guidance


def test_delta_of_a_perfect_sampler_of_classes_is_of_the_variance_within_one() -> None:
    """Two classes, of means -1 and 1 and of variance 0.25 each; all of them together vary by 1.25."""
    images, _ = data(0.25, 4000)
    labels = torch.arange(4000) % 2
    images = images + (2 * labels - 1).reshape(-1, 1, 1, 1)
    level = levels(ADM)
    assert deviation.perfect(images, level) == pytest.approx(2 * level * 1.25, rel=0.03)
    assert deviation.perfect(images, level, labels) == pytest.approx(2 * level * 0.25, rel=0.03)
    assert deviation.perfect(images, level, torch.zeros(4000)) == pytest.approx(deviation.perfect(images, level))


def test_a_guided_sampler_is_diagnosed_beside_the_plain_one() -> None:
    made = subject(0.25, 20)._replace(labels=torch.arange(20) % 2, guided=ddpm.sample)
    found = by_name(list(curves(made, section(20, 4), scalings(1.1, ("ddpm-guided", 4)))))
    assert {fix for _, sampler, fix in found if sampler == "ddpm-guided"} == {"none", "es", "control"}
    assert {"delta", "eps_norm", "power"} <= {measure for measure, sampler, _ in found if sampler == "ddpm-guided"}
    for measure in ("delta", "eps_norm", "power"):
        assert torch.equal(found[measure, "ddpm-guided", "none"], found[measure, "ddpm", "none"])
    assert not any(measure.startswith("gradient") for measure, _, _ in found)
    assert not any(fix == "gaussian" and measure.startswith("power") for measure, _, fix in found)


# Gradients


def test_gradient_norms_of_a_linear_network_are_those_of_its_matrix() -> None:
    matrix = normal(1, 16, 16)
    x = normal(2, 20000, 1, 4, 4)

    def denoise(x: Tensor, times: Tensor) -> tuple[Tensor, Tensor]:
        output = (x.flatten(1) @ matrix.T).reshape(x.shape)
        return output, 2 * output

    with torch.no_grad():
        squares, sums = gradient_norms(denoise, x, torch.zeros(len(x)), normal(3, *x.shape))
    # The estimate of one probe has a variance of 2 ||J^T J||_F^2 at most: 0.3 % of the mean over 20,000.
    assert float(squares.mean()) == pytest.approx(float(matrix.square().sum()), rel=0.02)
    expected = 3 * matrix.sum(dim=0).norm()
    assert sums == pytest.approx(expected.double().expand(20000), rel=1e-5)
    plain = gradient_norms(lambda x, t: (denoise(x, t)[0], None), x[:5], torch.zeros(5), x[:5])
    assert plain[1] == pytest.approx((expected / 3).double().expand(5), rel=1e-5)


def test_gradient_of_the_exact_predictor_is_that_of_its_data() -> None:
    images, _ = data(0.25, 20000)
    level = levels(DDIM)
    slope = (1 - level).sqrt() / (level * 0.25 + 1 - level)
    assert gaussian_norm(images, level) == pytest.approx(16 * slope**2, rel=0.01)
    for index in (0, 7, 19):
        times = torch.full((5,), int(DDIM.grid.times[index]))
        probe = normal(4, 5, 1, 4, 4)
        squares, sums = gradient_norms(gaussian_denoiser(LINEAR, 0.25), images[:5], times, probe)
        assert squares == pytest.approx(float(slope[index]) ** 2 * probe.double().square().sum(dim=(1, 2, 3)), rel=1e-3)
        assert sums == pytest.approx(torch.full((5,), 4 * float(slope[index])), rel=1e-3)


# Histograms


def test_histograms_count_every_error_and_gaussian_ones_as_expected() -> None:
    errors = 0.3 + 2 * normal(1, 100_000)
    at, counts, expected = histogram(errors)
    assert int(counts.sum()) == 100_000
    assert float(expected.sum()) == pytest.approx(100_000)
    # Five standard deviations of a count of some thousand.
    assert counts.double() == pytest.approx(expected, rel=0.05, abs=160)
    assert float((at * counts).sum() / counts.sum()) == pytest.approx(0.3, abs=0.02)
    assert at.diff() == pytest.approx(torch.full((19,), 2 * 6 / 20), rel=0.01)
    few = histogram(torch.tensor([0.0, 0.0, 0.0, 50.0]))[1]
    assert int(few.sum()) == 4


def test_pixels_that_hardly_vary_are_not_counted() -> None:
    images = normal(1, 50, 1, 4, 4)
    images[:, :, :2] *= 0.001
    found = counted_pixels(images, 0)
    assert len(found) == 4
    assert (found >= 8).all()
    assert found.tolist() == counted_pixels(images, 0).tolist() != counted_pixels(images, 7).tolist()


def test_density_has_area_1() -> None:
    at, heights = density(normal(1, 10_000).double())
    assert float(torch.trapezoid(heights, at)) == pytest.approx(1, abs=0.01)
    assert float(heights.sum() * (at[1] - at[0])) == pytest.approx(1)


# The time that fits the next state


def test_error_term_of_equation_8() -> None:
    errors = torch.full((3, 2, 1, 4, 4), 0.5)
    assert error_term(errors) == pytest.approx(torch.full((3, 2), 16 * 0.25 / (16 * 15)))


def test_fitting_time_of_the_schedules_own_variances_is_the_time() -> None:
    times = torch.tensor([0, 300, 999])
    assert fitting_time(1 - LINEAR.alpha_bar[times], LINEAR).tolist() == times.tolist()


def test_the_term_corrects_the_variance_of_a_state_with_an_independent_error() -> None:
    """E of the unbiased variance is 1 - alpha_bar + ||e||^2 / (d - 1), the optimum of KL has ||e||^2 / d."""
    noise = normal(1, 200_000, 1, 4, 4).double()
    error = normal(2, 1, 1, 4, 4).double()
    error = error - error.mean()
    variance = (0.6 * noise + error).flatten(1).var(dim=1).mean()
    optimum = 0.36 + error.square().mean()
    assert float(variance - error_term(error[None])[0, 0]) == pytest.approx(float(optimum), abs=2e-3)
    assert float(variance) - float(optimum) > 5e-3 > 2e-3


def test_windows_hold_the_times_whose_mean_is_near() -> None:
    images = torch.ones(4, 1, 2, 2)
    roots = LINEAR.alpha_bar.sqrt()
    times = torch.tensor([100, 500])
    reach = (roots[times - 3] - roots[times]).float() + 1e-6
    errors = reach.reshape(2, 1, 1, 1, 1).expand(2, 4, 1, 2, 2)
    # One side holds 3 times; the other about as many, as the root of alpha_bar bends.
    found = window_widths(errors, images, times, LINEAR, 1.0).tolist()
    for time, width, size in zip(times.tolist(), found, reach.tolist(), strict=True):
        within = [s for s in range(1000) if abs(float(roots[s] - roots[time])) <= size]
        assert width == len(within) - 1
        assert 5 <= width <= 7
    assert window_widths(0 * errors, images, times, LINEAR, 1.0).tolist() == [0, 0]
    assert window_widths(errors, images, times, LINEAR, 1e-3).tolist() == [0, 0]


def test_a_step_with_the_true_noise_reaches_the_next_true_state() -> None:
    images, noise = data(0.25, 50)
    forward = noised(lambda x, t: (noise, None), images, noise, DDIM)
    assert reached_state(forward, DDIM, 10) == pytest.approx(forward.states[9], abs=1e-5)


# Images


def test_pairs_are_images_and_what_perfect_chains_make_of_them() -> None:
    made = subject(SMALL, 20)
    few = made.images[:8]

    def oracle(x: Tensor, times: Tensor) -> tuple[Tensor, None]:
        a = LINEAR.alpha_bar[times].reshape(-1, 1, 1, 1)
        return ((x - a.sqrt() * few) / (1 - a).sqrt()).float(), None

    found = reverse_pairs(made._replace(denoiser=oracle), [3, 30])
    assert found.shape == (8, 3, 1, 4, 4)
    assert torch.equal(found[:, 0], few)
    assert found[:, 1] == pytest.approx(few, abs=1e-4)
    assert found[:, 2] == pytest.approx(few, abs=1e-4)


def test_images_along_a_chain_are_those_of_the_first_images() -> None:
    made = subject(SMALL, 20)
    chain = Chain(LINEAR, uniform.time_grid(4, 1000))
    states, predicted = chain_images(made, ddim.sample, chain, {"none": Fix(), "also none": Fix()})
    assert states.shape == predicted.shape == (2, 4, 5, 1, 4, 4)
    assert torch.equal(states[0], states[1])
    noise = made.noise(SAMPLED)
    whole = sampled(ddim.sample, made.denoiser, noise(), chain, Fix(), noise)
    assert states[0] == pytest.approx(whole.states[:, :5], abs=1e-6)
    level = levels(chain).reshape(-1, 1, 1, 1, 1)
    slope = level.sqrt() * SMALL / (level * SMALL + 1 - level)
    assert predicted[0] == pytest.approx((slope * states[0]).float(), abs=1e-4)

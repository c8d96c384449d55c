"""Classifier-free guidance on Gaussians, for which mixed predictions are those of a Gaussian again."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from stages.diffusion.chain import Chain
from stages.diffusion.schedule import alpha_bar_at, make_schedule
from stages.methods.fixes import epsilon_scaling, time_shift
from stages.methods.samplers import ddim
from stages.sampling.fix import Fix
from stages.sampling.guidance import classifier_free
from stages.sampling.sampler_grid import time_grid
from stages.sampling.walk import Denoiser
from tests.gaussian import Calls, no_noise

LINEAR = make_schedule("linear")
TOLD, UNTOLD, V = 0.3, -0.1, 0.04


def gaussian(mean: float, calls: Calls | None = None) -> Denoiser:
    """The exact predictor of data N(mean, V)."""

    def denoise(x: Tensor, times: Tensor) -> tuple[Tensor, None]:
        if calls is not None:
            calls.append((x, times))
        A = alpha_bar_at(LINEAR, times).to(x)
        return (x - A.sqrt() * mean) * (1 - A).sqrt() / (A * V + 1 - A), None

    return denoise


def noise(n: int = 64, pixels: int = 1) -> Tensor:
    return torch.randn(n, pixels, 1, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


def run(denoiser: Denoiser, steps: int = 10, fix: str = "none", x: Tensor | None = None) -> Tensor:
    chain = Chain(LINEAR, time_grid("uniform", steps))
    made = {
        "none": Fix(),
        "es": epsilon_scaling.make(chain, b=1.02, k=0.001),
        "ts": time_shift.make(chain, window=50, cutoff=300, update_time="scheduled", cutoff_on="current"),
    }[fix]
    return ddim.sample(denoiser, noise(pixels=64) if x is None else x, chain, made, no_noise)


@pytest.mark.parametrize("fix", ["none", "es", "ts"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_scale_1_is_the_conditional_and_0_the_unconditional_model_bit_for_bit(fix: str, dtype: torch.dtype) -> None:
    told, untold, x = gaussian(TOLD), gaussian(UNTOLD), noise(pixels=64).to(dtype)
    assert torch.equal(run(classifier_free(told, untold, 1.0), fix=fix, x=x), run(told, fix=fix, x=x))
    assert torch.equal(run(classifier_free(told, untold, 0.0), fix=fix, x=x), run(untold, fix=fix, x=x))
    assert not torch.equal(run(classifier_free(told, untold, 1.5), fix=fix, x=x), run(told, fix=fix, x=x))


@pytest.mark.parametrize("scale", [0.3, 0.7, 2.0, 7.5])
def test_predictions_are_mixed_by_the_formula_and_a_variance_is_the_conditional_ones(scale: float) -> None:
    told, untold, v = torch.randn(3, 8, 1, 2, 2).double()
    times = torch.zeros(8, dtype=torch.int64)
    found = classifier_free(lambda x, t: (told, v), lambda x, t: (untold, -v), scale)(told, times)
    torch.testing.assert_close(found[0], untold + scale * (told - untold), rtol=1e-12, atol=1e-12)
    assert found[1] is v


@pytest.mark.parametrize("fix", ["none", "es", "ts"])
def test_guided_gaussians_are_the_gaussian_of_the_extrapolated_mean(fix: str) -> None:
    """Predictions are linear in the mean at one variance: under every fix, the mix is that mean's own prediction."""
    guided = run(classifier_free(gaussian(TOLD), gaussian(UNTOLD), 2.0), fix=fix)
    torch.testing.assert_close(guided, run(gaussian(2 * TOLD - UNTOLD), fix=fix), rtol=1e-9, atol=1e-9)


def test_the_mean_of_guided_samples_is_the_extrapolated_one() -> None:
    """The mean of 20,000 has a standard error of 0.0014; the chain starts where 0.6 % of the mean are left."""
    found = run(classifier_free(gaussian(TOLD), gaussian(UNTOLD), 2.0), steps=250, x=noise(20_000))
    assert float(found.mean()) == pytest.approx(2 * TOLD - UNTOLD, abs=0.01)
    assert float(found.std()) == pytest.approx(V**0.5, abs=0.01)


def test_both_are_evaluated_at_the_same_state_and_shifted_time() -> None:
    calls: tuple[Calls, Calls] = [], []
    run(classifier_free(gaussian(TOLD, calls[0]), gaussian(UNTOLD, calls[1]), 2.0), fix="ts")
    assert len(calls[0]) == len(calls[1]) == 10
    for (x, times), (other, others) in zip(*calls, strict=True):
        assert torch.equal(x, other)
        assert torch.equal(times, others)
    assert any(len(times.unique()) > 1 for _, times in calls[0]), "Time-Shift chose times of its own"


def test_epsilon_scaling_divides_the_mix_once() -> None:
    x, seen = noise(), []
    chain = Chain(LINEAR, time_grid("uniform", 2))

    def spied(x: Tensor, times: Tensor) -> tuple[Tensor, None]:
        seen.append(x)
        return gaussian(TOLD)(x, times)

    ddim.sample(
        classifier_free(spied, gaussian(UNTOLD), 2.0), x, chain, epsilon_scaling.make(chain, b=1.05, k=0.0), no_noise
    )
    times = torch.full((len(x),), 500)
    A, B = LINEAR.alpha_bar[500], LINEAR.alpha_bar[0]
    eps = (2 * gaussian(TOLD)(x, times)[0] - gaussian(UNTOLD)(x, times)[0]) / 1.05
    x0 = (x - (1 - A).sqrt() * eps) / A.sqrt()
    torch.testing.assert_close(seen[1], B.sqrt() * x0 + (1 - B).sqrt() * eps, rtol=1e-9, atol=1e-9)

"""Epsilon Scaling and Time-Shift: identities, golden values on Gaussian data, and the bounds of the chosen time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from stages.diffusion.chain import Chain
from stages.diffusion.schedule import make_schedule
from stages.diffusion.time_grid import TimeGrid
from stages.methods.fixes import epsilon_scaling, none, time_shift
from stages.methods.samplers import ddim
from stages.sampling.fix import Fix
from stages.sampling.sampler_grid import time_grid
from stages.sampling.walk import Denoiser
from tests.gaussian import gaussian_denoiser, no_noise
from tests.methods.samplers.test_samplers import COSINE, LINEAR, SAMPLERS, grid_of

# A fix waits for the chain that it works on.
Making = Callable[[Chain], Fix]


def es(b: float, k: float = 0.0) -> Making:
    return lambda chain: epsilon_scaling.make(chain, b=b, k=k)


def ts(window: int, cutoff: int, **options) -> Making:
    return lambda chain: time_shift.make(chain, window=window, cutoff=cutoff, **options)


def sampled(name: str, fix: Making, batch: slice = slice(0, 6), denoiser: Denoiser | None = None) -> Tensor:
    """Six images of one sampler on the cosine schedule, with noise that depends on the image alone."""
    generator = torch.Generator().manual_seed(11)
    draw = lambda: torch.randn(6, 1, 8, 8, generator=generator)[batch]  # noqa: E731
    chain = Chain(COSINE, grid_of(name, 10))
    return SAMPLERS[name](denoiser or gaussian_denoiser(COSINE, 0.25), draw(), chain, fix(chain), draw)


NEUTRAL = {
    "es": es(b=1.0, k=0.0),
    "ts": ts(window=0, cutoff=300),
    "ts, shifted update": ts(window=0, cutoff=300, update_time="shifted"),
    "ts, cutoff at T": ts(window=50, cutoff=1000),
}


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("neutral", NEUTRAL)
def test_neutral_values_give_the_base_bit_for_bit(name: str, neutral: str) -> None:
    assert torch.equal(sampled(name, NEUTRAL[neutral]), sampled(name, none.make))


@pytest.mark.parametrize("name", SAMPLERS)
def test_both_fixes_change_every_sampler_and_compose(name: str) -> None:
    scaling, shifting = es(b=1.02), ts(window=50, cutoff=300)
    both = lambda chain: Fix(scale=scaling(chain).scale, condition=shifting(chain).condition)  # noqa: E731
    outputs = [sampled(name, fix) for fix in (none.make, scaling, shifting, both)]
    for i, first in enumerate(outputs):
        for second in outputs[i + 1 :]:
            assert not torch.equal(first, second)


@pytest.mark.parametrize("name", SAMPLERS)
def test_shifts_are_per_sample(name: str) -> None:
    fix = ts(window=50, cutoff=200)
    together = sampled(name, fix)
    alone = torch.cat([sampled(name, fix, batch=slice(i, i + 1)) for i in range(6)])
    torch.testing.assert_close(together, alone, rtol=0, atol=2e-6)


def test_lambda_indices_ascend_with_the_noise_level() -> None:
    chain, seen = Chain(COSINE, TimeGrid((0, 250, 500, 750))), []
    fix = es(b=1.0, k=0.01)(chain)
    spy = Fix(scale=lambda i: seen.append(i) or fix.scale(i))
    ddim.sample(gaussian_denoiser(COSINE, 0.25), torch.ones(1, 1, 1, 1), chain, spy, no_noise)
    assert seen == [3, 2, 1, 0]
    assert [fix.scale(i) for i in seen] == pytest.approx([1.03, 1.02, 1.01, 1.0])


def test_lambda_of_the_extra_evaluations_is_that_of_their_time() -> None:
    """Evaluations at the next grid time take its index, those midway the half between."""
    for name, expected in (
        ("s-pndm", [4, 3, 3, 2, 1, 0]),
        ("f-pndm", [4, 3.5, 3.5, 3, 3, 2.5, 2.5, 2, 2, 1.5, 1.5, 1, 1, 0]),
    ):
        seen: list[float] = []
        x = torch.ones(1, 1, 1, 1)
        spy = Fix(scale=lambda i, seen=seen: seen.append(i) or 1.0)
        SAMPLERS[name](gaussian_denoiser(COSINE, 0.25), x, Chain(COSINE, time_grid("uniform", 5)), spy, no_noise)
        assert seen == expected, name


@pytest.mark.parametrize(
    ("k", "b", "mean"),
    [(0.0008, 1.0034, 1.0110), (0.0004, 1.0042, 1.0080), (0.0002, 1.0041, 1.0060), (0.00022, 1.00291, 1.0050)],
)
def test_published_linear_schedules_keep_the_uniform_mean(k: float, b: float, mean: float) -> None:
    assert np.mean([es(b, k)(Chain(COSINE, time_grid("respaced", 20))).scale(i) for i in range(20)]) == pytest.approx(
        mean, abs=5e-5
    )


def test_lambda_divides_the_noise_before_the_clip() -> None:
    raw: Denoiser = lambda x, t: (0.8 * x, None)  # noqa: E731
    scaled: Denoiser = lambda x, t: (0.8 * x / 1.25, None)  # noqa: E731
    for name in SAMPLERS:
        assert torch.equal(sampled(name, es(b=1.25), denoiser=raw), sampled(name, none.make, denoiser=scaled))


def golden_run(fix: Making) -> tuple[list[float], list[int]]:
    """Final std of four samples, and the times that the third was told."""
    calls: list[tuple[Tensor, Tensor]] = []
    A = float(LINEAR.alpha_bar[900])
    x = torch.from_numpy(np.random.RandomState(77).standard_normal((4, 3, 32, 32)) * np.sqrt(0.25 * A + 1 - A))
    chain = Chain(LINEAR, time_grid("uniform", 10))
    final = ddim.sample(gaussian_denoiser(LINEAR, 0.25, calls), x, chain, fix(chain), no_noise)
    return final.flatten(1).std(1).tolist(), [int(times[2]) for _, times in calls[1:7]]


@pytest.mark.parametrize(
    ("fix", "std", "times"),
    [
        (none.make, (0.3767436, 0.3834099, 0.3735196, 0.3761928), [800, 700, 600, 500, 400, 300]),
        (
            ts(40, 300),
            (0.3823703, 0.3891362, 0.3779191, 0.3818112),
            [780, 680, 600, 513, 420, 320],
        ),
        (
            ts(40, 300, update_time="shifted"),
            (0.3551199, 0.3611226, 0.3549313, 0.3551569),
            [780, 687, 611, 513, 416, 320],
        ),
    ],
)
def test_time_shift_on_gaussian_data_matches_golden_values(
    fix: Making, std: tuple[float, ...], times: list[int]
) -> None:
    found_std, found_times = golden_run(fix)
    assert found_std == pytest.approx(std, abs=6e-8)
    assert found_times == times


@pytest.mark.parametrize(
    ("steps", "window", "base", "scheduled", "shifted"),
    [(10, 40, 0.3741, 0.3782, 0.3556), (20, 40, 0.4338, 0.4376, 0.4090), (50, 10, 0.4725, 0.4735, 0.4519)],
)
def test_the_two_update_times_move_the_spread_in_opposite_directions(
    steps: int, window: int, base: float, scheduled: float, shifted: float
) -> None:
    """True std 0.5: feeding the shifted time alone moves towards it, updating from it moves away."""
    chain = Chain(LINEAR, time_grid("uniform", steps))
    A = float(LINEAR.alpha_bar[chain.grid.times[-1]])
    x = torch.from_numpy(np.random.RandomState(0).standard_normal((64, 3, 32, 32)) * np.sqrt(0.25 * A + 1 - A))
    fixes = (none.make, ts(window, 300), ts(window, 300, update_time="shifted"))
    exact = gaussian_denoiser(LINEAR, 0.25)
    found = [float(ddim.sample(exact, x, chain, fix(chain), no_noise).std()) for fix in fixes]
    # Golden values have 4 digits and another draw; 64 x 3,072 values: relative standard error 0.16 %.
    assert found == pytest.approx([base, scheduled, shifted], rel=0.005)
    assert found[2] < found[0] < found[1] < 0.5


def test_cutoff_is_strict_and_tests_the_time_it_says() -> None:
    chain = Chain(LINEAR, TimeGrid((0, 100, 200, 300, 400)))
    x = torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 0.5

    def shifted(making: Making, index: int) -> bool:
        scheduled = torch.full((3,), chain.grid.times[index])
        return not torch.equal(making(chain).condition(x, index, scheduled), scheduled)

    current, following = (ts(60, 300, cutoff_on=on) for on in ("current", "next"))
    assert [shifted(current, i) for i in (1, 2, 3)] == [False, False, True]
    assert [shifted(following, i) for i in (1, 2, 3)] == [False, False, False]
    assert shifted(ts(60, 299, cutoff_on="next"), 3)


@settings(max_examples=60)
@given(
    window=st.integers(0, 1000),
    cutoff=st.integers(0, 999),
    spread=st.floats(0.01, 3),
    seed=st.integers(0, 99),
    spacing=st.sampled_from(["uniform", "quadratic", "respaced", "pndm", "ts-dpm"]),
    steps=st.sampled_from([4, 5, 10, 20, 50]),
    name=st.sampled_from(["linear", "cosine"]),
    index=st.integers(0, 48),
)
def test_chosen_time_is_the_best_fit_of_its_window_and_above_the_next_grid_time(
    window: int, cutoff: int, spread: float, seed: int, spacing: str, steps: int, name, index: int
) -> None:
    chain = Chain(make_schedule(name), time_grid(spacing, steps))
    times, offset = chain.grid.times, chain.grid.offset
    index = min(index, len(times) - 2)
    x = spread * torch.randn(5, 1, 8, 8, generator=torch.Generator().manual_seed(seed))
    chosen = ts(window, cutoff)(chain).condition(x, index, torch.full((5,), times[index]))
    assert chosen.shape == (5,)
    below = times[index - 1] if index else -1
    for image, time in zip(x, chosen.tolist(), strict=True):
        if time == times[index]:
            continue
        assert times[index + 1] > cutoff
        assert below < time <= 999 - offset
        assert abs(time - times[index]) <= window // 2
        candidates = range(
            max(below + 1, times[index] - window // 2), min(999 - offset, times[index] + window // 2) + 1
        )
        v = float(image.double().var())
        best = min(candidates, key=lambda s: (abs(v - float(1 - chain.schedule.alpha_bar[s + offset])), s))
        assert time == best

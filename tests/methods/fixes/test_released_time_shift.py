"""The four released codes of Time-Shift: how each differs from the paper's algorithm and from the others."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from torch import Tensor

from stages.diffusion.chain import Chain
from stages.diffusion.schedule import add_noise, alpha_bar_at
from stages.methods.fixes import none, time_shift, time_shift_a, time_shift_b, time_shift_c, time_shift_d
from stages.methods.samplers import ddim
from stages.sampling.fix import Fix
from stages.sampling.sampler_grid import time_grid
from stages.sampling.walk import Step, scaled, walk
from tests.gaussian import gaussian_denoiser, no_noise
from tests.methods.fixes.test_fixes import Making, sampled
from tests.methods.samplers.test_samplers import COSINE, LINEAR, SAMPLERS

RELEASED = {"a": time_shift_a, "b": time_shift_b, "c": time_shift_c, "d": time_shift_d}
# DEIS reads the schedule along its grid alone: of these it takes the times that the network receives.
MOVED = [name for name in SAMPLERS if name != "deis"]


def released(name: str, window: int, cutoff: int) -> Making:
    return lambda chain: RELEASED[name].make(chain, window=window, cutoff=cutoff)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_what_the_network_is_told_by_d_changes_every_sampler(sampler: str) -> None:
    assert not torch.equal(sampled(sampler, released("d", 40, 300)), sampled(sampler, none.make))
    assert torch.equal(sampled(sampler, released("d", 40, 1000)), sampled(sampler, none.make))


@pytest.mark.parametrize("sampler", MOVED)
@pytest.mark.parametrize("name", ["a", "b", "d"])
def test_a_cutoff_at_T_gives_the_base_bit_for_bit(name: str, sampler: str) -> None:
    assert torch.equal(sampled(sampler, released(name, 40, 1000)), sampled(sampler, none.make))


@pytest.mark.parametrize("sampler", MOVED)
@pytest.mark.parametrize("name", ["a", "d"])
def test_no_window_gives_the_base_bit_for_bit(name: str, sampler: str) -> None:
    assert torch.equal(sampled(sampler, released(name, 0, 300)), sampled(sampler, none.make))


@pytest.mark.parametrize("window", [0, 40])
def test_c_without_a_shift_is_the_base_up_to_whole_times(window: int) -> None:
    """On a grid of whole times it is the base; DPM-Solver's are cut down but for the first target, 599.4 to 599."""
    fix = released("c", window, 1000 if window else 300)
    assert torch.equal(sampled("ddim", fix), sampled("ddim", none.make))
    times = [time for time, _ in path(fix, "dpm-solver", 5)]
    assert times == pytest.approx([999, 799.2, 599, 399, 199], abs=1e-9)
    assert not torch.equal(sampled("dpm-solver", fix), sampled("dpm-solver", none.make))


def path(making: Making, spacing: str, steps: int, x: Tensor | None = None) -> list[tuple[float, float]]:
    """The times that the first sample's steps start at and lead to."""
    chain, found = Chain(LINEAR, time_grid(spacing, steps)), []

    def update(x: Tensor, step: Step) -> Tensor:
        found.append((float(step.time[0]), float(step.target[0])))
        return x

    fix = making(chain)
    start = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(0)) if x is None else x
    walk(update, scaled(lambda x, t: (x, None), fix), start, chain, fix)
    return found


@pytest.mark.parametrize(("steps", "stride"), [(5, 250), (10, 111), (20, 52), (50, 20)])
def test_b_leads_elsewhere_even_without_a_shift(steps: int, stride: int) -> None:
    """T // (S - 1) + 1 times down instead of T / S; not in the first step, nor from the cutoff on."""
    for index, (time, target) in enumerate(path(released("b", 0, 300), "uniform", steps)):
        shifted = index > 0 and time > 300
        assert target == (time - stride - 1 if shifted else time - 1000 // steps if time else -1)


def test_b_matches_reversed_products_which_are_right_on_the_cosine_schedule_only() -> None:
    gaps = {
        name: (schedule.alpha_bar.flip(0) - (1 - schedule.alpha_bar)).abs().max()
        for name, schedule in (("cosine", COSINE), ("linear", LINEAR))
    }
    assert float(gaps["cosine"]) == pytest.approx(0.0139, abs=5e-5)
    assert gaps["linear"] > 0.2


def forward_state(time: int, seed: int = 0) -> Tensor:
    """A state of the forward process, 4 samples of x0 ~ N(0, 0.25) on 32 x 32 x 3."""
    generator = torch.Generator().manual_seed(seed)
    x0, eps = (torch.randn(4, 3, 32, 32, dtype=torch.float64, generator=generator) for _ in range(2))
    return add_noise(0.5 * x0, eps, alpha_bar_at(LINEAR, torch.tensor([time])))


def test_a_stops_at_the_upper_edge_where_there_is_little_noise() -> None:
    """The state before the step is noisier than any time of the window after it: t = 301 -> 201, w = 10."""
    chain = Chain(LINEAR, time_grid("ts-dpm", 10))
    index = chain.grid.times.index(301)
    fix = time_shift_a.make(chain, window=10, cutoff=100)
    x = forward_state(301)
    assert x.flatten(1).var(1).tolist() == pytest.approx([0.706] * 4, abs=0.03)
    window = [float(1 - LINEAR.alpha_bar[t]) for t in (196, 206)]
    assert window == pytest.approx([0.333, 0.360], abs=6e-3)
    assert fix.target(x, x, index, torch.full((4,), 201)).tolist() == [206] * 4


def test_a_tosses_a_coin_between_the_edges_where_there_is_much_noise() -> None:
    """At 1 - alpha_bar > 0.99 the variance of a sample is known less well than the window is wide."""
    chain = Chain(LINEAR, time_grid("uniform", 10))
    index, chosen = chain.grid.times.index(800), []
    fix = time_shift_a.make(chain, window=10, cutoff=300)
    for seed in range(25):
        chosen += fix.target(forward_state(800, seed), torch.zeros(1), index, torch.full((4,), 700)).tolist()
    edges = [chosen.count(edge) for edge in (695, 705)]
    assert sum(edges) > 80
    assert min(edges) > 20


def test_ideal_states_are_matched_later_than_their_time() -> None:
    """Var(x_t) = 1 - A (1 - Var x0): a shift without any exposure bias, unless Var(x0) = 1."""
    expected = {800: 818, 700: 720, 600: 623, 500: 528, 400: 434, 300: 344, 200: 261}
    for time, matched in expected.items():
        variance = 1 - LINEAR.alpha_bar[time] * 0.75
        assert int((1 - LINEAR.alpha_bar - variance).abs().argmin()) == matched


def test_c_matches_the_variance_of_the_prediction_and_goes_on_from_there() -> None:
    """With a prediction whose variance is that of t = 785, the state expected at 799 is taken to be at 785."""
    scale = float(1 - LINEAR.alpha_bar[785]) ** 0.5
    noise = torch.randn(1, 3, 16, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    eps = noise / noise.std() * scale
    chain = Chain(LINEAR, time_grid("dpm-solver", 10))
    fix = time_shift_c.make(chain, window=60, cutoff=300)
    index = 8
    assert int(chain.grid.target(index)) == 799
    assert fix.target(torch.zeros(1), eps, index, torch.tensor([799.2])).tolist() == [785]
    starts = path(released("c", 60, 300), "dpm-solver", 10)
    assert all(before[1] == after[0] for before, after in itertools.pairwise(starts))


def test_d_takes_the_whole_window_from_the_first_step_on() -> None:
    chain, x = Chain(LINEAR, time_grid("deis", 5)), 0.1 * torch.ones(1, 1, 8, 8)
    top = len(chain.grid.times) - 1
    paper, code = (module.make(chain, window=30, cutoff=300) for module in (time_shift, time_shift_d))
    for index, time in ((top, 999.0), (top - 1, 639.36)):
        scheduled = torch.tensor([time], dtype=torch.float64)
        assert float(scheduled) == pytest.approx(chain.grid.times[index], abs=1e-9)
        assert int(code.condition(x, index, scheduled)) == int(time) - 30, "too little variance: the lower edge"
        paper_time = math.ceil(time - 15) if index < top else time
        assert float(paper.condition(x, index, scheduled)) == paper_time, "whole times within half a window"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a", (0.3827, 0.4554, 0.4888)), ("d", (0.3766, 0.4378, 0.4742))],
)
def test_spread_on_gaussian_data_matches_golden_values(name: str, expected: tuple[float, ...]) -> None:
    """True std 0.5; S, w = 10, 40; 20, 40; 50, 10 at cutoff 300."""
    for (steps, window), std in zip([(10, 40), (20, 40), (50, 10)], expected, strict=True):
        chain = Chain(LINEAR, time_grid("uniform", steps))
        A = float(LINEAR.alpha_bar[chain.grid.times[-1]])
        x = torch.from_numpy(np.random.RandomState(0).standard_normal((64, 3, 32, 32)) * np.sqrt(0.25 * A + 1 - A))
        fix: Fix = released(name, window, 300)(chain)
        found = float(ddim.sample(gaussian_denoiser(LINEAR, 0.25), x, chain, fix, no_noise).std())
        # Golden values have 4 digits and another draw; 64 x 3,072 values: relative standard error 0.16 %.
        assert found == pytest.approx(std, rel=0.005), (steps, window)


def test_all_four_change_dpm_solver_in_their_own_way() -> None:
    outputs = [sampled("dpm-solver", released(name, 40, 300)) for name in RELEASED]
    outputs.append(sampled("dpm-solver", none.make))
    assert all(not torch.equal(a, b) for i, a in enumerate(outputs) for b in outputs[i + 1 :])

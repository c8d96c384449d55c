"""Time grids against the published lists."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from stages.config.method_settings import SamplerSettings, spacing_of
from stages.config.params import SAMPLERS
from stages.config.registry import method_names
from stages.diffusion.schedule import noise_levels
from stages.methods.grids import quadratic
from stages.methods.samplers.pndm import Pndm
from stages.sampling.sampler_grid import sampler_grid, time_grid

LINEAR = noise_levels("linear", 1000)


def times(spacing: str, steps: int) -> list[int]:
    return list(time_grid(spacing, steps).times)


def test_respaced_matches_the_published_lists() -> None:
    assert times("respaced", 20) == [
        0,
        53,
        105,
        158,
        210,
        263,
        315,
        368,
        421,
        473,
        526,
        578,
        631,
        684,
        736,
        789,
        841,
        894,
        946,
        999,
    ]
    assert times("respaced", 80)[:6] == [0, 13, 25, 38, 51, 63]
    assert times("respaced", 100)[-4:] == [969, 979, 989, 999]
    assert times("respaced", 300)[:6] == [0, 3, 7, 10, 13, 17]


def test_quadratic_matches_the_published_lists() -> None:
    assert times("quadratic", 5) == [0, 50, 200, 450, 800]
    assert times("quadratic", 10) == [0, 9, 39, 88, 158, 246, 355, 483, 632, 800]
    assert times("quadratic", 20) == [
        0,
        2,
        8,
        19,
        35,
        55,
        79,
        108,
        141,
        179,
        221,
        268,
        319,
        374,
        434,
        498,
        567,
        640,
        718,
        800,
    ]
    assert [len(set(quadratic.time_grid(n, 1000).times)) for n in (50, 100)] == [49, 96]


@given(st.integers(2, 1000))
def test_quadratic_is_numpys_truncated_linspace(steps: int) -> None:
    assert (
        list(quadratic.time_grid(steps, 1000).times) == (np.linspace(0, np.sqrt(800), steps) ** 2).astype(int).tolist()
    )


def test_uniform_matches_ddim() -> None:
    assert times("uniform", 10) == list(range(0, 1000, 100))
    assert times("uniform", 1000) == list(range(1000))


@pytest.mark.parametrize("steps", [80, 300])
def test_uniform_refuses_a_count_it_cannot_hold(steps: int) -> None:
    with pytest.raises(ValueError, match=f"cannot hold {steps} steps; nearest are"):
        times("uniform", steps)


def test_the_grids_of_the_repositories() -> None:
    """PNDM reads the schedule one time later; TS-DPM starts at 1, drops the largest time and ends at alpha_bar[0]."""
    assert time_grid("pndm", 10) == (tuple(range(0, 1000, 100)), -1, 1)
    found = time_grid("ts-dpm", 10)
    assert found == (tuple(range(1, 802, 100)), 0, 0)
    assert [found.target(i) for i in (1, 0)] == [1, 0]
    assert [time_grid("ts-dpm", n).times[-1] for n in (5, 20, 50, 100)] == [601, 901, 961, 981]
    with pytest.raises(ValueError, match="would be read beyond 999"):
        time_grid("pndm", 1000)


@given(st.sampled_from(["respaced", "uniform", "quadratic", "pndm", "ts-dpm"]), st.integers(-2, 1100))
def test_a_grid_has_exactly_its_steps_in_order_or_is_refused(spacing: str, steps: int) -> None:
    try:
        grid = time_grid(spacing, steps)
    except ValueError:
        return
    assert len(grid.times) == steps - (spacing == "ts-dpm")
    assert list(grid.times) == sorted(grid.times)
    assert min(grid.times) >= 0
    assert max(grid.times) + grid.offset <= 999
    assert grid.target(0) == grid.last < grid.times[0] or grid.last == grid.times[0] == 0


def nfe(section: SamplerSettings, steps: int) -> int:
    return section.nfe(len(sampler_grid(section, steps, LINEAR).times))


def test_evaluations_and_least_steps_per_sampler() -> None:
    ddpm = SAMPLERS["ddpm"].model_validate({"method": "ddpm", "spacing": "respaced", "variance": "small"})
    ddim = SAMPLERS["ddim"].model_validate({"method": "ddim", "spacing": "uniform", "eta": 0.0, "clip": False})
    second = Pndm(method="pndm", spacing="uniform", order=2)
    fourth = Pndm(method="pndm", spacing="uniform", order=4)
    assert [nfe(section, 10) for section in (ddpm, ddim, second, fourth)] == [10, 10, 11, 19]
    released = [Pndm(method="pndm", spacing="ts-dpm", order=order) for order in (2, 4)]
    assert [nfe(section, 10) for section in released] == [10, 18], "methods of the paper: S and S + 8"
    assert len(sampler_grid(fourth, 4, LINEAR).times) == 4
    for section, steps in ((fourth, 3), (fourth, 2)):
        with pytest.raises(ValueError, match=f"pndm needs at least {section.least_steps} grid steps, not {steps}"):
            sampler_grid(section, steps, LINEAR)


def test_what_the_published_tables_call_each_grid() -> None:
    published = {name: spacing_of(name).published for name in method_names("grids")}
    assert published == {
        "deis": "",
        "dpm-solver": "",
        "first": "first",
        "ldm": "ldm",
        "pndm": "uniform",
        "quadratic": "quadratic",
        "respaced": "respaced",
        "trailing": "trailing",
        "ts-dpm": "uniform",
        "uniform": "uniform",
    }


OPEN = {"ldm", "pndm", "quadratic", "trailing", "ts-dpm", "uniform"}


@pytest.mark.parametrize(
    ("settings", "allowed"),
    [
        ({"method": "ddpm", "variance": "small"}, OPEN | {"respaced"}),
        ({"method": "ddpm", "variance": "small", "start": "data"}, {"first"}),
        ({"method": "guided-ddpm", "variance": "small", "scale": 1.0}, OPEN | {"respaced"}),
        ({"method": "ddim", "eta": 0.0, "clip": True}, OPEN | {"respaced"}),
        ({"method": "ddim", "eta": 0.0, "clip": False}, OPEN),
        ({"method": "guided-ddim", "eta": 0.0, "scale": 1.0}, OPEN | {"respaced"}),
        ({"method": "cfg-ddim", "eta": 0.0, "scale": 1.0}, OPEN),
        ({"method": "pndm", "order": 2}, OPEN),
        ({"method": "dpm-solver"}, {"dpm-solver"}),
        ({"method": "deis", "order": 2}, {"deis"}),
        ({"method": "analytic-ddim"}, {"respaced"}),
    ],
)
def test_a_sampler_takes_the_grids_that_fit_it(settings: dict[str, Any], allowed: set[str]) -> None:
    for spacing in method_names("grids"):
        section = settings | {"spacing": spacing}
        if spacing in allowed:
            SAMPLERS[settings["method"]].model_validate(section)
        else:
            with pytest.raises(ValidationError, match="spacing"):
                SAMPLERS[settings["method"]].model_validate(section)


def test_trailing_matches_the_published_list() -> None:
    assert times("trailing", 10) == [99, 199, 299, 399, 499, 599, 699, 799, 899, 999]
    assert time_grid("trailing", 10).last == -1


@pytest.mark.parametrize("timesteps", [20, 1000])
def test_trailing_ends_at_the_last_time_and_has_every_step_count(timesteps: int) -> None:
    for steps in range(1, timesteps + 1):
        found = time_grid("trailing", steps, timesteps).times
        assert (len(found), found[-1]) == (steps, timesteps - 1)
        assert list(found) == sorted(set(found))
        # Rounding moves a time by half a step of training at most.
        stretches = [timesteps - 1 - i * timesteps / steps for i in reversed(range(steps))]
        assert np.abs(np.array(found) - stretches).max() <= 0.5


@pytest.mark.parametrize("steps", [4, 7, 10, 16, 25, 33, 50])
def test_trailing_is_the_grid_of_diffusers(steps: int) -> None:
    from diffusers.schedulers.scheduling_ddim import DDIMScheduler

    scheduler = DDIMScheduler(1000, timestep_spacing="trailing")
    scheduler.set_timesteps(steps)
    assert times("trailing", steps) == scheduler.timesteps.tolist()[::-1]


def test_without_clipping_trailing_needs_a_schedule_that_ends_with_signal() -> None:
    cosine = noise_levels("cosine", 1000)
    section = {"method": "ddim", "spacing": "trailing", "eta": 0.0}
    unclipped = SAMPLERS["ddim"].model_validate({**section, "clip": False})
    assert sampler_grid(unclipped, 10, LINEAR).times[-1] == 999
    with pytest.raises(ValueError, match="10 steps start at time 999, where alpha_bar is"):
        sampler_grid(unclipped, 10, cosine)
    assert sampler_grid(SAMPLERS["ddim"].model_validate({**section, "clip": True}), 10, cosine).times[-1] == 999

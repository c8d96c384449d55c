"""Time grids against the published lists."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stages.diffusion.grids import check_steps, expected_nfe, quadratic, timestep_grid


def test_respaced_matches_the_published_lists() -> None:
    assert timestep_grid("respaced", 20) == [
        0, 53, 105, 158, 210, 263, 315, 368, 421, 473, 526, 578, 631, 684, 736, 789, 841, 894, 946, 999,
    ]  # fmt: skip
    assert timestep_grid("respaced", 80)[:6] == [0, 13, 25, 38, 51, 63]
    assert timestep_grid("respaced", 100)[-4:] == [969, 979, 989, 999]
    assert timestep_grid("respaced", 300)[:6] == [0, 3, 7, 10, 13, 17]
    assert timestep_grid("respaced", 1) == [0]


def test_quadratic_matches_the_published_lists() -> None:
    assert timestep_grid("quadratic", 5) == [0, 50, 200, 450, 800]
    assert timestep_grid("quadratic", 10) == [0, 9, 39, 88, 158, 246, 355, 483, 632, 800]
    assert timestep_grid("quadratic", 20) == [
        0, 2, 8, 19, 35, 55, 79, 108, 141, 179, 221, 268, 319, 374, 434, 498, 567, 640, 718, 800,
    ]  # fmt: skip
    assert [len(set(quadratic(n, 1000))) for n in (50, 100)] == [49, 96]


@given(st.integers(2, 1000))
def test_quadratic_is_numpys_truncated_linspace(steps: int) -> None:
    assert quadratic(steps, 1000) == (np.linspace(0, np.sqrt(800), steps) ** 2).astype(int).tolist()


def test_uniform_matches_ddim() -> None:
    assert timestep_grid("uniform", 10) == list(range(0, 1000, 100))
    assert timestep_grid("uniform", 1000) == list(range(1000))


@pytest.mark.parametrize("steps", [80, 300])
def test_uniform_refuses_a_count_it_cannot_hold(steps: int) -> None:
    with pytest.raises(ValueError, match=f"cannot hold {steps} steps; nearest are"):
        timestep_grid("uniform", steps)


@given(st.sampled_from(["respaced", "uniform", "quadratic"]), st.integers(-2, 1100))
def test_a_grid_has_exactly_its_steps_in_order_or_is_refused(spacing, steps: int) -> None:
    try:
        grid = timestep_grid(spacing, steps)
    except ValueError:
        return
    assert len(grid) == steps
    assert grid == sorted(grid)
    assert min(grid) >= 0
    assert max(grid) <= 999


def test_evaluations_and_least_steps_per_sampler() -> None:
    assert [expected_nfe(s, 10) for s in ("ddpm", "ddim", "ddim-clipped", "s-pndm", "f-pndm")] == [10, 10, 10, 11, 19]
    check_steps("f-pndm", 4)
    for sampler, steps in (("f-pndm", 3), ("s-pndm", 1)):
        with pytest.raises(ValueError, match=f"{sampler} needs at least {steps + 1} steps, not {steps}"):
            check_steps(sampler, steps)

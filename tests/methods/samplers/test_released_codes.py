"""Samplers and fixes against final states that the public codes compute from the same inputs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from stages.diffusion.chain import Chain
from stages.diffusion.schedule import Schedule, make_schedule
from stages.methods.fixes import epsilon_scaling, none, time_shift_c, time_shift_d
from stages.methods.samplers import ddim, deis, dpm_solver
from stages.sampling.fix import Fix
from stages.sampling.sampler_grid import time_grid
from stages.sampling.walk import Denoiser
from tests.golden import ORACLES, golden_network

LINEAR = make_schedule("linear")
LATENT = make_schedule("scaled-linear")
SHAPE = (2, 3, 16, 16)


def released(name: str) -> dict[str, np.ndarray]:
    with np.load(ORACLES / "released" / f"{name}.npz") as content:
        return dict(content)


def golden(schedule: Schedule) -> Denoiser:
    """The small ADM network with its published parameter values; three of its six channels are eps."""
    network = golden_network()

    def denoise(x: Tensor, times: Tensor) -> tuple[Tensor, None]:
        with torch.no_grad():
            return network(x.float(), times)[:, :3].to(x), None

    return denoise


def smooth(schedule: Schedule) -> Denoiser:
    """The exact predictor of N(0, 0.25), a little too small, and some of the image's neighbours."""

    def denoise(x: Tensor, times: Tensor) -> tuple[Tensor, None]:
        below = times.floor().long()
        above = (below + 1).clamp(max=schedule.timesteps - 1)
        a = schedule.alpha_bar[below].lerp(schedule.alpha_bar[above], (times - below).double())
        a = a.reshape(-1, 1, 1, 1).to(x)
        eps = 0.97 * x * (1 - a).sqrt() / (0.25 * a + 1 - a)
        return eps + 0.05 * torch.tanh(x.roll(1, dims=-1)), None

    return denoise


NETWORKS: dict[str, Callable[[Schedule], Denoiser]] = {"golden": golden, "smooth": smooth}


def noise_of_chain() -> Callable[[], Tensor]:
    """The j-th noise of a chain, j = 1, 2, ..."""
    seeds = iter(range(9001, 10000))
    return lambda: torch.from_numpy(np.random.RandomState(next(seeds)).standard_normal(SHAPE)).float()


def x_T() -> Tensor:
    return torch.from_numpy(np.random.RandomState(77).standard_normal(SHAPE)).float()


def distance(found: Tensor, expected: np.ndarray) -> float:
    """Largest difference, in standard deviations of what the released code computes."""
    return float(np.abs(found.numpy() - expected).max() / expected.std())


@pytest.mark.parametrize(("key", "expected"), released("ldm_es").items())
def test_ldm_es(key: str, expected: np.ndarray) -> None:
    """forever208/LDM-ES; float32 on both sides, to 2e-5."""
    _, network, steps, eta, b = key.split("_")
    chain = Chain(LATENT, time_grid("ldm", int(steps)))
    fix = epsilon_scaling.make(chain, b=float(b), k=0.0)
    denoise = NETWORKS[network](LATENT)
    found = ddim.sample(denoise, x_T(), chain, fix, noise_of_chain(), eta=float(eta), direction="plain")
    assert distance(found, expected) < 2e-5
    both = ddim.sample(denoise, x_T(), chain, fix, noise_of_chain(), eta=float(eta))
    assert distance(both, expected) > 1e-3, "divided in the direction too it is another sampler"


@pytest.mark.parametrize("key", [key for name in ("deis", "dpm_solver") for key in released(name)])
def test_samplers_and_fixes_of_the_time_shift_code(key: str) -> None:
    """Mingxiao-Li/TS-DPM: DEIS (tAB, order 2) to 1e-4, its grid is float32; DPM-Solver (multistep, order 2) to 5e-5."""
    name, network, steps, *settings = key.split("_")
    sampler, spacing, module, tolerance = {
        "deis": (deis.sample, "deis", none, 1e-4),
        "tsd": (deis.sample, "deis", time_shift_d, 1e-4),
        "dpm": (dpm_solver.sample, "dpm-solver", none, 5e-5),
        "tsc": (dpm_solver.sample, "dpm-solver", time_shift_c, 5e-5),
    }[name]
    chain = Chain(LINEAR, time_grid(spacing, int(steps)))
    values = dict(zip(("window", "cutoff"), map(int, settings), strict=False))
    fix: Fix = module.make(chain, **values)
    found = sampler(NETWORKS[network](LINEAR), x_T(), chain, fix, noise_of_chain())
    expected = released("deis" if sampler is deis.sample else "dpm_solver")[key]
    assert distance(found, expected) < tolerance

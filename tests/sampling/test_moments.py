"""The mean square of predictions against its closed form on Gaussian data."""

from __future__ import annotations

from itertools import islice

import pytest
import torch

from stages.diffusion.schedule import make_schedule
from stages.sampling.moments import eps_power
from tests.gaussian import Calls, gaussian_denoiser

COSINE = make_schedule("cosine")
IMAGES = 0.5 * torch.randn(4000, 1, 4, 4, generator=torch.Generator().manual_seed(1))


def test_of_gaussian_data_it_is_known() -> None:
    """The exact eps is x sqrt(1 - A) / (A V + 1 - A), of an x whose variance is A V + 1 - A."""
    found = list(islice(eps_power(gaussian_denoiser(COSINE, 0.25), IMAGES, COSINE, 0, 2000), 0, 1000, 111))
    A = COSINE.alpha_bar[::111][: len(found)]
    # 32,000 values: relative standard error sqrt(2 / n) = 0.8 %; four of them.
    assert found == pytest.approx(((1 - A) / (0.25 * A + 1 - A)).tolist(), rel=0.032)


def test_images_and_noise_depend_on_seed_and_time_alone() -> None:
    def drawn(seed: int) -> Calls:
        calls = Calls()
        list(islice(eps_power(gaussian_denoiser(COSINE, 0.25, calls), IMAGES, COSINE, seed, 3), 3))
        return calls

    first, again, other = drawn(0), drawn(0), drawn(1)
    assert all(torch.equal(a[0], b[0]) for a, b in zip(first, again, strict=True))
    assert not any(torch.equal(a[0], b[0]) for a, b in zip(first, other, strict=True))
    assert [times.tolist() for _, times in first] == [[0] * 3, [1] * 3, [2] * 3]

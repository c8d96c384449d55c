"""KID against torch-fidelity's estimate, all replicates against the definition, and its bias."""

from __future__ import annotations

import numpy as np
import pytest
from torch_fidelity.metric_kid import kernel_mmd

from stages.scoring.metrics import kid
from stages.scoring.statistics import group_sizes

KERNEL = {"kid_kernel": "poly", "kid_kernel_poly_degree": 3, "kid_kernel_poly_gamma": None, "kid_kernel_poly_coef0": 1}


def normal(seed: int, n: int, d: int = 16, shift: float = 0.0) -> np.ndarray:
    return (np.random.RandomState(seed).standard_normal((n, d)) + shift).astype(np.float32)


def definition(x: np.ndarray, y: np.ndarray) -> float:
    """The unbiased estimate of all pairs, term by term."""
    kernel = lambda a, b: (float(a.astype(float) @ b.astype(float)) / len(a) + 1) ** 3  # noqa: E731
    n, m = len(x), len(y)
    within = sum(kernel(x[i], x[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    among = sum(kernel(y[i], y[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    return within + among - 2 * sum(kernel(a, b) for a in x for b in y) / (n * m)


@pytest.mark.parametrize("shift", [0.0, 0.1, 1.0])
def test_of_one_block_it_is_torch_fidelitys_estimate(shift: float) -> None:
    """On one subset of all images; it computes in float32, hence the relative tolerance of 1e-4."""
    fake, real = normal(0, 500, shift=shift), normal(1, 500)
    found = kid.discrepancy(kid.kernel_sums(fake, group_sizes(500, 7), real))
    assert found == pytest.approx(float(kernel_mmd(fake, real, **KERNEL)), rel=1e-4, abs=1e-5)


def test_replicates_are_the_estimate_without_a_group() -> None:
    fake, real = normal(0, 23, 4, 0.3), normal(1, 31, 4)
    sizes = group_sizes(23, 4)
    blocks = kid.kernel_sums(fake, sizes, real)
    assert kid.discrepancy(blocks) == pytest.approx(definition(fake, real), rel=1e-12)
    start = 0
    for group, size in enumerate(sizes):
        left = np.delete(fake, slice(start, start + size), axis=0)
        assert kid.discrepancy(blocks, without=group) == pytest.approx(definition(left, real), rel=1e-12)
        start += size


def test_of_many_images_it_is_the_mean_over_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kid, "BLOCK", 10)
    fake, real = normal(0, 24, 4, 0.3), normal(1, 40, 4)
    blocks = kid.kernel_sums(fake, [6, 6, 6, 6], real)
    halves = [definition(fake[:12], real[:20]), definition(fake[12:], real[20:])]
    assert kid.discrepancy(blocks) == pytest.approx(np.mean(halves), rel=1e-12)
    without = [halves[0], definition(fake[12:18], real[20:])]
    assert kid.discrepancy(blocks, without=3) == pytest.approx(np.mean(without), rel=1e-12)
    lone = kid.kernel_sums(fake, [12, 12], real)
    assert kid.discrepancy(lone, without=0) == pytest.approx(halves[1], rel=1e-12), "a block of that group alone"


def test_it_is_unbiased_at_few_images_and_grows_with_the_distance() -> None:
    """Equal distributions: the mean of 200 estimates of 20 images is 0 within four standard errors."""
    estimates = [
        kid.discrepancy(kid.kernel_sums(normal(2 * i, 20, 8), [10, 10], normal(2 * i + 1, 20, 8))) for i in range(200)
    ]
    assert abs(np.mean(estimates)) < 4 * np.std(estimates) / np.sqrt(200)
    assert min(estimates) < 0
    near, far = (
        kid.discrepancy(kid.kernel_sums(normal(0, 400, shift=shift), [400], normal(1, 400))) for shift in (0.1, 0.3)
    )
    assert 0 < near < far

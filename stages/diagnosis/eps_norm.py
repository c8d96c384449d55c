"""The size of noise predictions, while sampling and at true states."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from stages.diagnosis.chains import Forward, Walked
from stages.diagnosis.estimates import Curve, jackknifed_curves

# ES fits the ratio from this step on; the prediction near the clean image is left out.
FIRST_FITTED = 5
# As many steps as a parabola needs to be a fit.
LEAST_FITTED = 4


def eps_norm(eps: Tensor) -> Tensor:
    """Return [S]: the mean over images of ||eps||_2 over C, H, W, of predictions [S, n, C, H, W] (ES, Sec. 4, Fig. 2).

    Of white noise it is about sqrt(d); the norm while sampling over that at true states is ES's Delta N (Fig. 3).
    """
    return eps.double().flatten(2).norm(dim=2).mean(dim=1).cpu()


class Parabola(NamedTuple):
    """A least-squares fit: ``coefficients`` [3] of t^0, t^1 and t^2, the ``fitted`` values, and R^2."""

    coefficients: Tensor
    fitted: Tensor
    r2: Tensor


def parabola(ratio: Tensor) -> Parabola:
    """Return the fit of Delta N [S] by a quadratic function of the step t = 5..S (ES, Fig. 3, Eq. 21 and 22).

    Steps count from 1, the cleanest, as in the paper.
    """
    steps = torch.arange(FIRST_FITTED, len(ratio) + 1, dtype=torch.float64)
    values = ratio[FIRST_FITTED - 1 :]
    powers = torch.stack([steps**power for power in range(3)], dim=1)
    coefficients = torch.linalg.lstsq(powers, values[:, None]).solution[:, 0]
    fitted = powers @ coefficients
    r2 = 1 - (values - fitted).square().sum() / (values - values.mean()).square().sum()
    return Parabola(coefficients, fitted, r2)


def scaling(fit: Parabola) -> tuple[Tensor, Tensor]:
    """Return k and b of lambda_t = k t + b, whose accumulated excess over 1 is the fitted Delta N.

    ES's Eq. 21 reads Delta N(t) as the integral of lambda from t to T. It is 1 where nothing has accumulated, at T; so
    here Delta N(t) - 1 is the integral of lambda - 1, and lambda(t) = 1 - Delta N'(t).
    """
    _, slope, curvature = fit.coefficients
    return -2 * curvature, 1 - slope


def control(forward: Forward) -> Iterator[Curve]:
    """Yield the norm at true states, which is that of training, and sqrt(d)."""

    def measure(kept: Tensor) -> dict[str, Tensor]:
        return {"eps_norm": eps_norm(forward.trajectory.eps[:, kept])}

    times = forward.chain.grid.times
    images = forward.subject.images
    yield from jackknifed_curves(forward.sampler, forward.steps, "control", times, measure, len(images))
    ceiling = [math.sqrt(images[0].numel())] * len(times)
    yield Curve("eps_norm_ceiling", forward.sampler, forward.steps, "control", times, ceiling)


def curves(walked: Walked) -> Iterator[Curve]:
    """Yield the norm while sampling, its ratio to that at true states, and without a fix the ratio's fit."""
    forward = walked.forward
    images = len(forward.subject.images)

    def ratio(kept: Tensor) -> Tensor:
        return eps_norm(walked.trajectory.eps[:, kept]) / eps_norm(forward.trajectory.eps[:, kept])

    def measure(kept: Tensor) -> dict[str, Tensor]:
        return {"eps_norm": eps_norm(walked.trajectory.eps[:, kept]), "eps_norm_ratio": ratio(kept)}

    def fit(kept: Tensor) -> dict[str, Tensor]:
        return {"eps_norm_ratio_fit": parabola(ratio(kept)).fitted}

    def fit_values(kept: Tensor) -> dict[str, Tensor]:
        found = parabola(ratio(kept))
        k, b = scaling(found)
        names = ("ratio_fit_0", "ratio_fit_1", "ratio_fit_2", "ratio_fit_r2", "ratio_fit_k", "ratio_fit_b")
        return {name: value[None] for name, value in zip(names, (*found.coefficients, found.r2, k, b), strict=True)}

    times = forward.chain.grid.times
    yield from jackknifed_curves(forward.sampler, forward.steps, walked.name, times, measure, images)
    if walked.name == "none" and len(times) >= FIRST_FITTED + LEAST_FITTED - 1:
        fitted = times[FIRST_FITTED - 1 :]
        yield from jackknifed_curves(forward.sampler, forward.steps, walked.name, fitted, fit, images)
        yield from jackknifed_curves(forward.sampler, forward.steps, walked.name, (0,), fit_values, images)

"""The variance of each true state, which Time-Shift takes for a sign of its time."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from stages.diagnosis.chains import Forward, levels
from stages.diagnosis.estimates import Curve, jackknifed_curves

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
# How many times of the grid have a density, and its bins.
DENSITIES = 6
BINS = 24


def image_variance(states: Tensor) -> Tensor:
    """Return [S, n]: the unbiased variance over C, H, W of each state [S, n, C, H, W]."""
    return states.double().flatten(2).var(dim=2, correction=1)


def density(values: Tensor) -> tuple[Tensor, Tensor]:
    """Return the centres and heights [24] of a histogram of values [n], whose area is 1 (TS, Fig. 2)."""
    low, high = values.min(), values.max()
    edges = torch.linspace(float(low), float(high), BINS + 1, dtype=torch.float64)
    counts = torch.histogram(values, edges).hist
    width = (high - low) / BINS
    return (edges[1:] + edges[:-1]) / 2, counts / (len(values) * width)


def variance_quantiles(states: Tensor) -> Tensor:
    """Return [S, 5]: quantiles over images of the unbiased variance of each state's C, H, W (TS, Fig. 2)."""
    variance = image_variance(states)
    return variance.quantile(variance.new_tensor(QUANTILES), dim=1).T.cpu()


def curves(forward: Forward) -> Iterator[Curve]:
    """Yield the quantiles along DDIM's grid, beside 1 - alpha_bar, and the densities at some of its times."""
    if forward.sampler != "ddim":
        return
    times = [int(time) for time in forward.chain.grid.times]

    def measure(kept: Tensor) -> dict[str, Tensor]:
        found = variance_quantiles(forward.trajectory.states[:, kept]).T
        return {f"variance_{share:g}": values for share, values in zip(QUANTILES, found, strict=True)}

    yield from jackknifed_curves("", forward.steps, "none", times, measure, len(forward.subject.images))
    yield Curve("variance", "", forward.steps, "control", times, (1 - levels(forward.chain)).tolist())
    for index in range(0, len(times), max(1, len(times) // DENSITIES)):
        variance = image_variance(forward.trajectory.states[index : index + 1])[0].cpu()
        at, values = density(variance)
        yield Curve(f"variance_density_{times[index]}", "", forward.steps, "none", at.tolist(), values.tolist())

"""The variance of each true state, which Time-Shift takes for a sign of its time."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from stages.diagnosis.chains import Forward, levels
from stages.diagnosis.estimates import Curve, jackknifed_curves

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def variance_quantiles(states: Tensor) -> Tensor:
    """Return [S, 5]: quantiles over images of the unbiased variance of each state's C, H, W (TS, Fig. 2)."""
    variance = states.double().flatten(2).var(dim=2, correction=1)
    return variance.quantile(variance.new_tensor(QUANTILES), dim=1).T.cpu()


def curves(forward: Forward) -> Iterator[Curve]:
    """Yield the quantiles along DDIM's grid, beside 1 - alpha_bar."""
    if forward.sampler != "ddim":
        return
    times = [int(time) for time in forward.chain.grid.times]

    def measure(kept: Tensor) -> dict[str, Tensor]:
        found = variance_quantiles(forward.trajectory.states[:, kept]).T
        return {f"variance_{share:g}": values for share, values in zip(QUANTILES, found, strict=True)}

    yield from jackknifed_curves("", "none", times, measure, len(forward.subject.images))
    yield Curve("variance", "", "control", times, (1 - levels(forward.chain)).tolist())

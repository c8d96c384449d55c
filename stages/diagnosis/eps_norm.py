"""The size of noise predictions."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from stages.diagnosis.chains import Forward, Walked
from stages.diagnosis.estimates import Curve, jackknifed_curves


def eps_norm(eps: Tensor) -> Tensor:
    """Return [S]: the mean over images of ||eps||_2 over C, H, W, of predictions [S, n, C, H, W] (ES, Sec. 4, Fig. 2).

    Of white noise it is about sqrt(d); the norm while sampling over that at true states is ES's Delta N (Fig. 3).
    """
    return eps.double().flatten(2).norm(dim=2).mean(dim=1).cpu()


def control(forward: Forward) -> Iterator[Curve]:
    """Yield the norm at true states."""

    def measure(kept: Tensor) -> dict[str, Tensor]:
        return {"eps_norm": eps_norm(forward.trajectory.eps[:, kept])}

    times = forward.chain.grid.times
    yield from jackknifed_curves(forward.sampler, "control", times, measure, len(forward.subject.images))


def curves(walked: Walked) -> Iterator[Curve]:
    """Yield the norm while sampling, and its ratio to that at true states."""
    forward = walked.forward

    def measure(kept: Tensor) -> dict[str, Tensor]:
        norms = eps_norm(walked.trajectory.eps[:, kept])
        return {"eps_norm": norms, "eps_norm_ratio": norms / eps_norm(forward.trajectory.eps[:, kept])}

    times = forward.chain.grid.times
    yield from jackknifed_curves(forward.sampler, walked.name, times, measure, len(forward.subject.images))

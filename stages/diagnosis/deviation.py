"""By how much the variance of a chain's states exceeds the 1 - alpha_bar that the network was trained with."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from stages.diagnosis.chains import Forward, Walked, levels
from stages.diagnosis.estimates import Curve, jackknifed_curves


def multi_step(states: Tensor, images: Tensor, alpha_bars: Tensor) -> Tensor:
    """Return delta [S] = Var(x_t - sqrt(alpha_bar_t) x0) - (1 - alpha_bar_t) (ES, Alg. 1, Eq. 19).

    The variance is each pixel's over images, then averaged.

    Args:
        states: what a whole chain goes through, [S, n, C, H, W].
        images: x0, [n, C, H, W]; those that ES starts its chain from, of which its first state keeps nothing.
        alpha_bars: of the states, [S].
    """
    variance = _residuals(states, images, alpha_bars).var(dim=1, correction=0).flatten(1).mean(dim=1)
    return variance.cpu() - (1 - alpha_bars)


def multi_step_released(states: Tensor, images: Tensor, alpha_bars: Tensor) -> Tensor:
    """Return [S]: (mean standard deviation - sqrt(1 - alpha_bar_t))^2, which the released code of ES computes."""
    deviation = _residuals(states, images, alpha_bars).std(dim=1, correction=0).flatten(1).mean(dim=1)
    return (deviation.cpu() - (1 - alpha_bars).sqrt()).square()


def perfect(images: Tensor, alpha_bars: Tensor, labels: Tensor | None = None) -> Tensor:
    """Return 2 alpha_bar_t Var(x0) [S], the delta of a perfect sampler: its images are others than x0.

    They are of the same class where the model is conditioned on ``labels`` [n]; the variance is then that within one.
    """
    groups = [images] if labels is None else [images[labels == label] for label in labels.unique()]
    squares = sum(float((group - group.mean(dim=0)).square().sum()) for group in (each.double() for each in groups))
    return 2 * alpha_bars * squares / images.numel()


def _residuals(states: Tensor, images: Tensor, alpha_bars: Tensor) -> Tensor:
    return states.double() - alpha_bars.to(states.device).sqrt().reshape(-1, 1, 1, 1, 1) * images.double()


def control(forward: Forward) -> Iterator[Curve]:
    """Yield the delta of a perfect sampler."""
    images = forward.subject.images
    labels = forward.subject.labels
    level = levels(forward.chain)

    def measure(kept: Tensor) -> dict[str, Tensor]:
        return {"delta": perfect(images[kept], level, None if labels is None else labels[kept])}

    yield from jackknifed_curves(
        forward.sampler, forward.steps, "control", forward.chain.grid.times, measure, len(images)
    )


def curves(walked: Walked) -> Iterator[Curve]:
    """Yield delta along a chain, as the paper defines it and as its code computes it."""
    forward = walked.forward
    images = forward.subject.images
    level = levels(forward.chain)

    def measure(kept: Tensor) -> dict[str, Tensor]:
        states = walked.trajectory.states[:, kept]
        return {
            "delta": multi_step(states, images[kept], level),
            "delta_released": multi_step_released(states, images[kept], level),
        }

    yield from jackknifed_curves(
        forward.sampler, forward.steps, walked.name, forward.chain.grid.times, measure, len(images)
    )

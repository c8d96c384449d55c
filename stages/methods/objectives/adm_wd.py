"""ADM-WD: ADM's training under weight decay, which the recipe has."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from stages.diffusion.schedule import Schedule, add_noise, alpha_bar_at
from stages.training.losses import Loss, hybrid_loss


def loss(
    predict: Callable[[Tensor, Tensor], Tensor], x0: Tensor, times: Tensor, noise: Callable[[], Tensor],
    schedule: Schedule,
) -> Loss:  # fmt: skip
    """Return ADM's hybrid loss; the penalty lambda ||theta||^2 (IP, Eq. 11) is AdamW's decay, which its code has.

    ``predict`` maps (x_t, times) to [B, 2C, H, W]; ``noise()`` draws standard Gaussian noise of x0's shape.
    """
    eps = noise()
    x = add_noise(x0, eps, alpha_bar_at(schedule, times))
    return hybrid_loss(predict(x, times), x0, x, times, eps, schedule)

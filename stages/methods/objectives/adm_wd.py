"""ADM-WD: ADM's training under weight decay, which its recipe sets."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Literal

from stages.config.method_settings import ModelSettings
from stages.diffusion.schedule import Schedule, add_noise, alpha_bar_at
from stages.training.losses import Loss, hybrid_loss

if TYPE_CHECKING:
    from torch import Tensor


class AdmWd(ModelSettings):
    method: Literal["adm-wd"]
    published: ClassVar = ("adm-wd",)
    base: ClassVar = "adm"
    trains_variance: ClassVar = True
    decays_weights: ClassVar = True


def loss(
    predict: Callable[[Tensor, Tensor], Tensor],
    x0: Tensor,
    times: Tensor,
    noise: Callable[[], Tensor],
    schedule: Schedule,
) -> Loss:
    """Return ADM's hybrid loss; the penalty lambda ||theta||^2 (IP, Eq. 11) is AdamW's decay, which its code has.

    ``predict`` maps (x_t, times) to [B, 2C, H, W]; ``noise()`` draws standard Gaussian noise of x0's shape.
    """
    eps = noise()
    x = add_noise(x0, eps, alpha_bar_at(schedule, times))
    return hybrid_loss(predict(x, times), x0, x, times, eps, schedule)

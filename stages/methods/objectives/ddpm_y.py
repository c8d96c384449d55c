"""DDPM-y: the perturbed input with its own noise as the target, which IP compares input perturbation with."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from stages.config.method_settings import ModelSettings
from stages.config.sections import Float
from stages.diffusion.schedule import Schedule, add_noise, alpha_bar_at
from stages.training.losses import Loss, hybrid_loss

if TYPE_CHECKING:
    from torch import Tensor


class DdpmY(ModelSettings):
    method: Literal["ddpm-y"]
    gamma: Annotated[Float, Field(ge=0)]
    published: ClassVar = ("ddpm-y",)
    base: ClassVar = "adm"
    trains_variance: ClassVar = True


def loss(
    predict: Callable[[Tensor, Tensor], Tensor],
    x0: Tensor,
    times: Tensor,
    noise: Callable[[], Tensor],
    schedule: Schedule,
    *,
    gamma: float,
) -> Loss:
    """Return the hybrid loss at y = sqrt(A) x0 + sqrt(1 - A) sqrt(1 + gamma^2) eps, A alpha_bar, target eps (IP, A.3).

    The input has the distribution of ADM-IP's; the target is not the noise without the perturbation but all of it,
    scaled to variance 1. gamma = 0 is ADM. ``predict`` maps (y, times) to [B, 2C, H, W]; ``noise()`` draws standard
    Gaussian noise of x0's shape.
    """
    eps = noise()
    y = add_noise(x0, (1 + gamma**2) ** 0.5 * eps, alpha_bar_at(schedule, times))
    return hybrid_loss(predict(y, times), x0, y, times, eps, schedule)

"""ADM's training, and ADM-IP's where gamma perturbs the network's input."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from stages.config.method_settings import ModelSettings
from stages.config.sections import Float
from stages.diffusion.schedule import Schedule, alpha_bar_at
from stages.training.losses import Loss, hybrid_loss, perturbed_input

if TYPE_CHECKING:
    from torch import Tensor


class Adm(ModelSettings):
    method: Literal["adm"]
    gamma: Annotated[Float, Field(ge=0)]
    published: ClassVar = ("adm", "adm-ip")
    base: ClassVar = "adm"
    trains_variance: ClassVar = True

    def coordinate(self) -> str:
        return "adm-ip" if self.gamma > 0 else "adm"


def loss(
    predict: Callable[[Tensor, Tensor], Tensor],
    x0: Tensor,
    times: Tensor,
    noise: Callable[[], Tensor],
    schedule: Schedule,
    *,
    gamma: float,
) -> Loss:
    """Return the hybrid loss of clean images x0 [B, C, H, W] at times [B] (Improved DDPM, Eq. 16; IP, Alg. 3).

    The target is the noise eps, not the perturbed one. ``predict`` maps (y, times) to [B, 2C, H, W]; ``noise()`` draws
    standard Gaussian noise of x0's shape. gamma = 0 is ADM bit for bit: it draws the perturbation all the same.
    """
    eps = noise()
    xi = noise()
    y = perturbed_input(x0, eps, xi, alpha_bar_at(schedule, times), gamma)
    return hybrid_loss(predict(y, times), x0, y, times, eps, schedule)

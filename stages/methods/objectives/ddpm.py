"""DDPM's training as the DDIM repository has it, and DDIM-IP's where gamma perturbs the network's input."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from stages.config.method_settings import ModelSettings
from stages.config.sections import Float
from stages.diffusion.schedule import Schedule, alpha_bar_at
from stages.training.losses import Loss, perturbed_input, simple_loss

if TYPE_CHECKING:
    from torch import Tensor


class Ddpm(ModelSettings):
    method: Literal["ddpm"]
    gamma: Annotated[Float, Field(ge=0)]
    published: ClassVar = ("ddpm", "ddpm-ip")
    base: ClassVar = "ddpm"

    def coordinate(self) -> str:
        return "ddpm-ip" if self.gamma > 0 else "ddpm"


def loss(
    predict: Callable[[Tensor, Tensor], Tensor],
    x0: Tensor,
    times: Tensor,
    noise: Callable[[], Tensor],
    schedule: Schedule,
    *,
    gamma: float,
) -> Loss:
    """Return the simple loss of clean images x0 [B, C, H, W] at times [B] (DDPM, Alg. 1; IP, Table 5).

    ``predict`` maps (y, times) to [B, C, H, W]; ``noise()`` draws standard Gaussian noise of x0's shape. gamma = 0 is
    DDPM bit for bit: it draws the perturbation all the same.
    """
    eps = noise()
    xi = noise()
    y = perturbed_input(x0, eps, xi, alpha_bar_at(schedule, times), gamma)
    return simple_loss(predict(y, times), eps)

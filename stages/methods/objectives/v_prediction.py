"""Training on the velocity v in place of the noise, of networks that predict no variance."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Literal

from stages.config.method_settings import ModelSettings
from stages.config.sections import Name
from stages.diffusion.schedule import Schedule, add_noise, alpha_bar_at, velocity
from stages.training.losses import Loss

if TYPE_CHECKING:
    from torch import Tensor


class VPrediction(ModelSettings):
    """On pixels, or on the latents of the autoencoder that it names."""

    method: Literal["v-prediction"]
    autoencoder: Name | None = None
    published: ClassVar = ("v-prediction",)
    base: ClassVar = "ddpm"
    predicts: ClassVar = "velocity"

    @property
    def encoded_by(self) -> str | None:
        return self.autoencoder


def loss(
    predict: Callable[[Tensor, Tensor], Tensor],
    x0: Tensor,
    times: Tensor,
    noise: Callable[[], Tensor],
    schedule: Schedule,
) -> Loss:
    """Return the mean squared error of v = sqrt(alpha_bar) eps - sqrt(1 - alpha_bar) x0 (Salimans & Ho 2022, Sec. 4).

    It is the squared noise error divided by alpha_bar. ``predict`` maps (x_t, times) to [B, C, H, W]; ``noise()`` draws
    standard Gaussian noise of the shape of x0, images or latents.
    """
    eps = noise()
    alpha_bar = alpha_bar_at(schedule, times)
    predicted = predict(add_noise(x0, eps, alpha_bar), times)
    return Loss({"mse": (velocity(x0, eps, alpha_bar) - predicted).square().flatten(1).mean(1)})

"""LDM's training, of latent and of text-conditional models: the simple loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Literal

from stages.config.method_settings import ModelSettings
from stages.config.sections import Name
from stages.diffusion.schedule import Schedule, add_noise, alpha_bar_at
from stages.training.losses import Loss

if TYPE_CHECKING:
    from torch import Tensor


class Ldm(ModelSettings):
    """On the latents of the autoencoder that it names."""

    method: Literal["ldm"]
    autoencoder: Name
    published: ClassVar = ("ldm",)
    base: ClassVar = "ldm"

    @property
    def encoded_by(self) -> str | None:
        return self.autoencoder


class Text(ModelSettings):
    """Conditioned on captions; on pixels, or on the latents of the autoencoder that it names."""

    method: Literal["text"]
    autoencoder: Name | None = None
    published: ClassVar = ("text-to-image",)
    base: ClassVar = "text-to-image"

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
    """Return the mean squared noise error on latents or images x0 [B, C, H, W] at times [B] (LDM, Eq. 2 and 3)."""
    eps = noise()
    predicted = predict(add_noise(x0, eps, alpha_bar_at(schedule, times)), times)
    return Loss({"mse": (eps - predicted).square().flatten(1).mean(1)})

"""DDIM, as its authors have it and as guided-diffusion does, with x0 clipped; plain, guided and classifier-free."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from stages.config.method_settings import CLASSIFIER_FREE, GUIDED, SamplerSettings
from stages.config.sections import Bool, Float
from stages.diffusion.chain import Chain
from stages.diffusion.schedule import predict_x0
from stages.sampling.fix import Fix, unit_scale
from stages.sampling.walk import Denoiser, GuideGradient, Noise, Step, scaled, walk

if TYPE_CHECKING:
    from torch import Tensor

Direction = Literal["scaled", "plain"]


class Ddim(SamplerSettings):
    """With ``direction: plain`` a fix's lambda divides eps in x0 only, as in the released code of LDM-ES."""

    method: Literal["ddim"]
    eta: Annotated[Float, Field(ge=0, le=1)]
    clip: Bool
    direction: Direction = "scaled"
    published: ClassVar = ("ddim", "ddim-clipped", "ddpm")

    @model_validator(mode="after")
    def _a_clipped_x0_gives_the_direction(self) -> Self:
        if self.clip and self.direction == "plain":
            raise ValueError("direction: plain goes with clip: false; with clip: true eps is derived from x0")
        return self

    @property
    def clips(self) -> bool:
        return self.clip

    def coordinates(self) -> dict[str, str]:
        """Return its published coordinates; the tables of the DDPM network call unclipped DDIM at eta = 1 DDPM."""
        name = "ddim-clipped" if self.clip else "ddpm" if self.eta == 1 else "ddim"
        return super().coordinates() | {"sampler": name, "eta": f"{self.eta:g}"}


class GuidedDdim(SamplerSettings):
    """Clipped DDIM that a classifier guides to labels; ``scale: 0`` is the unguided sampler."""

    method: Literal["guided-ddim"]
    scale: Annotated[Float, Field(ge=0)]
    eta: Annotated[Float, Field(ge=0, le=1)]
    published: ClassVar = ("ddim-clipped",)

    @property
    def clips(self) -> bool:
        return True

    @property
    def takes(self) -> str:
        return "guide"

    @property
    def need(self) -> str:
        return GUIDED

    def settings(self) -> dict[str, Any]:
        return super().settings() | {"clip": True}

    def coordinates(self) -> dict[str, str]:
        return super().coordinates() | {"eta": f"{self.eta:g}"}


class CfgDdim(SamplerSettings):
    """DDIM under classifier-free guidance; ``scale: 1`` is the conditional model, 0 the unconditional one."""

    method: Literal["cfg-ddim"]
    eta: Annotated[Float, Field(ge=0, le=1)]
    scale: Annotated[Float, Field(ge=0)]
    published: ClassVar = ("ddim", "ddpm")

    @property
    def need(self) -> str:
        return CLASSIFIER_FREE

    @property
    def guidance(self) -> float:
        return self.scale

    def nfe(self, times: int) -> int:
        return 2 * times

    def settings(self) -> dict[str, Any]:
        # The guidance is part of the denoiser.
        return {"eta": self.eta}

    def coordinates(self) -> dict[str, str]:
        name = "ddpm" if self.eta == 1 else "ddim"
        return super().coordinates() | {"sampler": name, "eta": f"{self.eta:g}"}


def sample(
    denoiser: Denoiser,
    x: Tensor,
    chain: Chain,
    fix: Fix,
    noise: Noise,
    *,
    eta: float = 0.0,
    clip: bool = False,
    direction: Direction = "scaled",
    guide: GuideGradient | None = None,
    scale: float = 0.0,
) -> Tensor:
    """Return images sampled by DDIM (DDIM, Eq. 12 and 16); eta = 1 has DDPM's small variance.

    With ``clip`` x0 is clipped to [-1, 1] and eps is derived from it again (guided-diffusion). A ``guide`` moves that
    eps by ``scale`` times its gradient, and x0 with it, not clipped again (Dhariwal & Nichol 2021, Alg. 2). A fix's
    lambda divides eps once, before that; the released code divides it a second time. With ``direction: plain`` it
    divides eps in x0 only, and the term that points to x_t has the prediction itself (LDM-ES). One evaluation per grid
    time.
    """
    in_x0_alone = direction == "plain"
    predict = scaled(denoiser, replace(fix, scale=unit_scale) if in_x0_alone else fix)

    def update(x: Tensor, step: Step) -> Tensor:
        here = step.alpha_bar
        there = step.alpha_bar_next
        eps = step.eps
        x0 = predict_x0(x, eps / fix.scale(step.index) if in_x0_alone else eps, here)
        if clip:
            x0 = x0.clamp(-1, 1)
            eps = ((1 / here).sqrt().to(x) * x - x0) / (1 / here - 1).sqrt().to(x)
        if guide is not None:
            moved = scale * (1 - here).sqrt().to(x) * guide(x, step.start)
            # As differences, so that a scale of 0 leaves every bit.
            eps = eps - moved
            x0 = x0 + (1 / here - 1).sqrt().to(x) * moved
        ratio = (1 - there) / (1 - here) * (1 - here / there)
        sigma = eta * ratio.sqrt()
        remaining = (1 - there - sigma**2).clamp(min=0).sqrt()
        mean = there.sqrt().to(x0) * x0 + remaining.to(x0) * eps
        return mean + sigma.to(x0) * noise()

    return walk(update, predict, x, chain, fix)

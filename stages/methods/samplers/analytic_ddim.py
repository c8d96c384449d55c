"""Analytic-DDIM: DDIM with the variance that is best for the trained network."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, Literal

from stages.config.method_settings import SamplerSettings
from stages.diffusion.chain import Chain
from stages.diffusion.schedule import predict_x0
from stages.sampling.fix import Fix
from stages.sampling.walk import Denoiser, Noise, Step, scaled, walk

if TYPE_CHECKING:
    from torch import Tensor

# The most noise before the last step: in expectation one level of 255 a pixel (Analytic-DPM, App. F).
LARGEST = (2 / 255 * math.sqrt(math.pi / 2)) ** 2


class AnalyticDdim(SamplerSettings):
    method: Literal["analytic-ddim"]
    spacing: Literal["respaced"]
    published: ClassVar = ("analytic-ddim",)

    @property
    def clips(self) -> bool:
        return True

    @property
    def takes(self) -> str:
        return "moments"

    def coordinates(self) -> dict[str, str]:
        return super().coordinates() | {"spacing": "", "eta": "0"}


def sample(denoiser: Denoiser, x: Tensor, chain: Chain, fix: Fix, noise: Noise, *, eps_power: Tensor) -> Tensor:
    """Return images sampled by Analytic-DPM's DDIM, eta = 0 (Analytic-DPM, Thm. 1 and Eq. 14): x0 clipped, eps not.

    ``eps_power`` [T] is Gamma, the mean square of the predicted noise at each training time. One evaluation per grid
    time.
    """

    def update(x: Tensor, step: Step) -> Tensor:
        here = step.alpha_bar
        there = step.alpha_bar_next
        x0 = predict_x0(x, step.eps, here).clamp(-1, 1)
        mean = there.sqrt().to(x) * x0 + (1 - there).sqrt().to(x) * step.eps
        gamma = eps_power.to(here)[step.time].reshape(-1, 1, 1, 1)
        spread = ((1 - here) / here * (1 - gamma)).clamp(0, 1)
        variance = (there.sqrt() - ((1 - there) * here / (1 - here)).sqrt()) ** 2 * spread
        if step.index == 1:
            variance = variance.clamp(max=LARGEST)
        z = noise()
        return mean if step.index == 0 else mean + variance.sqrt().to(x) * z

    return walk(update, scaled(denoiser, fix), x, chain, fix)

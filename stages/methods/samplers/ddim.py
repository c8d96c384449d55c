"""DDIM, as its authors have it and as guided-diffusion does, with x0 clipped."""

from __future__ import annotations

from torch import Tensor

from stages.diffusion.chain import Chain
from stages.diffusion.schedule import predict_x0
from stages.sampling.fix import Fix
from stages.sampling.walk import Denoiser, Guide, Noise, Step, scaled, walk


def sample(
    denoiser: Denoiser, x: Tensor, chain: Chain, fix: Fix, noise: Noise, *, eta: float = 0.0, clip: bool = False,
    guide: Guide | None = None, scale: float = 0.0,
) -> Tensor:  # fmt: skip
    """Return images sampled by DDIM (DDIM, Eq. 12 and 16); eta = 1 has DDPM's small variance.

    With ``clip`` x0 is clipped to [-1, 1] and eps derived again from it (guided-diffusion). A ``guide`` moves that
    eps by ``scale`` times its gradient, and x0 with it, not clipped again (Dhariwal & Nichol 2021, Alg. 2); a fix's
    lambda has divided eps before and does not again, as the released code does. One evaluation per grid time.
    """

    def update(x: Tensor, step: Step) -> Tensor:
        eps = step.eps
        x0 = predict_x0(x, eps, step.alpha_bar)
        if clip:
            x0 = x0.clamp(-1, 1)
            eps = ((1 / step.alpha_bar).sqrt().to(x) * x - x0) / (1 / step.alpha_bar - 1).sqrt().to(x)
        if guide is not None:
            moved = scale * (1 - step.alpha_bar).sqrt().to(x) * guide(x, step.start)
            # As differences, so that a scale of 0 leaves every bit.
            eps, x0 = eps - moved, x0 + (1 / step.alpha_bar - 1).sqrt().to(x) * moved
        ratio = (1 - step.alpha_bar_next) / (1 - step.alpha_bar) * (1 - step.alpha_bar / step.alpha_bar_next)
        sigma = eta * ratio.sqrt()
        direction = (1 - step.alpha_bar_next - sigma**2).clamp(min=0).sqrt()
        mean = step.alpha_bar_next.sqrt().to(x0) * x0 + direction.to(x0) * eps
        return mean + sigma.to(x0) * noise()

    return walk(update, scaled(denoiser, fix), x, chain, fix)

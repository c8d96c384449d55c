"""Pseudo linear multistep samplers: S-PNDM of order 2, F-PNDM of order 4."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from stages.config.method_settings import SamplerSettings
from stages.diffusion.chain import Chain
from stages.diffusion.schedule import predict_x0
from stages.sampling.fix import Fix
from stages.sampling.walk import Denoiser, Noise, Predict, Step, scaled, walk

if TYPE_CHECKING:
    from torch import Tensor

Order = Literal[2, 4]


class Pndm(SamplerSettings):
    method: Literal["pndm"]
    order: Order
    published: ClassVar = ("s-pndm", "f-pndm")

    @property
    def least_steps(self) -> int:
        return self.order

    def nfe(self, times: int) -> int:
        return times + (1 if self.order == 2 else 9)

    def coordinates(self) -> dict[str, str]:
        return super().coordinates() | {"sampler": "s-pndm" if self.order == 2 else "f-pndm"}


def sample(denoiser: Denoiser, x: Tensor, chain: Chain, fix: Fix, noise: Noise, *, order: Order) -> Tensor:
    """Return images sampled by S-PNDM (order 2; PNDM, Sec. 3.3) or F-PNDM (order 4; PNDM, Alg. 2); not clipped.

    The multistep method needs past predictions: it starts with one improved Euler step (1 evaluation more than grid
    times) or three pseudo Runge-Kutta steps (9 more), and needs 2 or 4 grid times. ``noise`` is not drawn from.
    """
    predict = scaled(denoiser, fix)
    history: list[Tensor] = []

    def update(x: Tensor, step: Step) -> Tensor:
        if len(history) >= order - 1:
            eps = multistep(step.eps, history, order)
        elif order == 2:
            eps = improved_euler(predict, x, step)
        else:
            eps = runge_kutta(predict, x, step)
        history.append(step.eps)
        return transfer(x, eps, step.alpha_bar, step.alpha_bar_next)

    return walk(update, predict, x, chain, fix)


def transfer(x: Tensor, eps: Tensor, alpha_bar: Tensor, alpha_bar_next: Tensor) -> Tensor:
    """Return x moved from one noise level to another along eps: PNDM's phi (PNDM, Eq. 11), the DDIM step at eta = 0."""
    return alpha_bar_next.sqrt().to(x) * predict_x0(x, eps, alpha_bar) + (1 - alpha_bar_next).sqrt().to(x) * eps


def multistep(eps: Tensor, past: Sequence[Tensor], order: Order) -> Tensor:
    """Return the linear combination of this prediction and the last ones (Adams-Bashforth weights)."""
    if order == 2:
        return (3 * eps - past[-1]) / 2
    return (55 * eps - 59 * past[-1] + 37 * past[-2] - 9 * past[-3]) / 24


def improved_euler(predict: Predict, x: Tensor, step: Step) -> Tensor:
    """Return the mean of the noise predicted here and after an Euler step."""
    euler = transfer(x, step.eps, step.alpha_bar, step.alpha_bar_next)
    ahead, _ = predict(euler, step.target, step.index - 1)
    return (step.eps + ahead) / 2


def runge_kutta(predict: Predict, x: Tensor, step: Step) -> Tensor:
    """Return the pseudo Runge-Kutta combination of four predictions.

    Times midway between two grid times may be fractional: the network gets them so, the schedule truncates them. A fix
    that shifts the time of the network shifts it for the current state only, not for these intermediate ones.
    """
    middle = (step.time + step.target) / 2
    alpha_bar_middle = step.chain.alpha_bar(middle.long())
    second, _ = predict(transfer(x, step.eps, step.alpha_bar, alpha_bar_middle), middle, step.index - 0.5)
    third, _ = predict(transfer(x, second, step.alpha_bar, alpha_bar_middle), middle, step.index - 0.5)
    fourth, _ = predict(transfer(x, third, step.alpha_bar, step.alpha_bar_next), step.target, step.index - 1)
    return (step.eps + 2 * second + 2 * third + fourth) / 6

"""ADM-GP: ADM's training with a penalty on the gradient of the noise prediction."""

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


class AdmGp(ModelSettings):
    method: Literal["adm-gp"]
    penalty: Annotated[Float, Field(ge=0)]
    published: ClassVar = ("adm-gp",)
    base: ClassVar = "adm"
    trains_variance: ClassVar = True


def loss(
    predict: Callable[[Tensor, Tensor], Tensor],
    x0: Tensor,
    times: Tensor,
    noise: Callable[[], Tensor],
    schedule: Schedule,
    *,
    penalty: float,
) -> Loss:
    """Return the hybrid loss plus ``gp``, penalty ||d eps_theta(x_t, t) / d x_t||_F^2 per sample (IP, Eq. 10).

    The squared Frobenius norm is estimated with one Gaussian probe v of the noise prediction's shape, since
    E ||J^T v||^2 equals it (Hutchinson). The paper leaves open how it averages; here the penalty is a sum over the
    elements, the squared error a mean, both a mean over the batch. penalty = 0 has the gradient of ADM.
    """
    import torch

    eps = noise()
    probe = noise()
    x = add_noise(x0, eps, alpha_bar_at(schedule, times)).requires_grad_()
    output = predict(x, times)
    (gradient,) = torch.autograd.grad((output.chunk(2, dim=1)[0] * probe).sum(), x, create_graph=True)
    found = hybrid_loss(output, x0, x.detach(), times, eps, schedule)
    return Loss(found.terms | {"gp": penalty * gradient.square().flatten(1).sum(1)})

"""Guidance of a sampler: by the gradient of a classifier's log-probability, or by an unconditional prediction."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from stages.diffusion.mixed_precision import autocast
from stages.sampling.walk import Denoiser, GuideGradient


def log_gradient(network: nn.Module, labels: Tensor, precision: str) -> GuideGradient:
    """Return the function (x, times) -> d log p(y | x_t, t) / d x [B, C, H, W] (Dhariwal & Nichol 2021, Alg. 1).

    ``network`` gives class logits [B, classes], computed in ``precision``; y are the ``labels`` [B].
    """
    network.eval()

    def gradient(x: Tensor, times: Tensor) -> Tensor:
        with torch.enable_grad():
            leaf = x.detach().requires_grad_()
            with autocast(x.device, precision):
                logits = network(leaf, times)
            chosen = logits.to(x).log_softmax(1).gather(1, labels[:, None])
            return torch.autograd.grad(chosen.sum(), leaf)[0]

    return gradient


def classifier_free(conditional: Denoiser, unconditional: Denoiser, scale: float) -> Denoiser:
    """Return the denoiser of eps_u + scale (eps_c - eps_u) (Ho & Salimans 2022, Eq. 6, as Stable Diffusion scales it).

    Scale 1 is the conditional denoiser and 0 the unconditional one, bit for bit; a variance is the conditional one's.
    """

    def denoise(x: Tensor, times: Tensor) -> tuple[Tensor, Tensor | None]:
        eps_conditional, v = conditional(x, times)
        eps_unconditional, _ = unconditional(x, times)
        # Exact at both ends, as the formula in that form is not.
        return torch.lerp(eps_unconditional, eps_conditional, scale), v

    return denoise

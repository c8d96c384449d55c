"""What guides a sampler: the gradient of a classifier's log-probability of the labels asked for."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from stages.diffusion.precision import autocast
from stages.samplers.walk import Guide


def log_gradient(network: nn.Module, labels: Tensor, precision: str) -> Guide:
    """Return the function (x, times) -> d log p(y | x_t, t) / d x [B, C, H, W] (Dhariwal & Nichol 2021, Alg. 1).

    ``network`` gives class logits [B, classes], computed in ``precision``; y are the ``labels`` [B].
    """

    def gradient(x: Tensor, times: Tensor) -> Tensor:
        with torch.enable_grad():
            leaf = x.detach().requires_grad_()
            with autocast(x.device, precision):
                logits = network(leaf, times)
            chosen = logits.to(x).log_softmax(1).gather(1, labels[:, None])
            return torch.autograd.grad(chosen.sum(), leaf)[0]

    return gradient

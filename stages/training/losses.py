"""Training losses, ADM's rescaled hybrid one and DDPM's simple one, and the perturbed input that both can take."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from stages.diffusion.schedule import Posterior, Schedule, add_noise, alpha_bar_at, posterior, predict_x0

if TYPE_CHECKING:
    from torch import Tensor


class Loss(NamedTuple):
    """A training loss by its terms, each per sample [B]."""

    terms: dict[str, Tensor]

    @property
    def total(self) -> Tensor:
        """Their sum [B]."""
        import torch

        return torch.stack(list(self.terms.values())).sum(0)


def perturbed_input(x0: Tensor, eps: Tensor, xi: Tensor, alpha_bar: Tensor, gamma: float) -> Tensor:
    """Return y_t = sqrt(alpha_bar) x0 + sqrt(1 - alpha_bar) (eps + gamma xi) (IP, Alg. 3; gamma = 0 is ADM)."""
    return add_noise(x0, eps + gamma * xi, alpha_bar)


def hybrid_loss(output: Tensor, x0: Tensor, y: Tensor, times: Tensor, eps: Tensor, schedule: Schedule) -> Loss:
    """Return the loss L_simple + L_vlb of a network that predicts noise and variance (Improved DDPM, Eq. 16).

    Its terms are ``mse``, the mean squared noise error, and ``vb``, the step's bound in bits per dimension.

    The bound trains the variance alone: its mean uses the noise prediction detached. It is scaled by T / 1000, which
    makes the rescaled loss agree with 0.001 T L_t at T = 1000.

    Args:
        output: network output [B, 2C, H, W], noise first.
        x0: clean images [B, C, H, W] in [-1, 1].
        y: the network's input at ``times``: x_t, or y_t under input perturbation.
        times: training times [B] in 0..T-1.
        eps: the target noise [B, C, H, W], without the perturbation.
        schedule: the noise schedule.
    """
    predicted, v = output.chunk(2, dim=1)
    mse = (eps - predicted).square().flatten(1).mean(1)
    vb = variational_bound(predicted.detach(), v, x0, y, times, schedule)
    return Loss({"mse": mse, "vb": vb * (schedule.timesteps / 1000)})


def simple_loss(predicted: Tensor, eps: Tensor) -> Loss:
    """Return the squared noise error summed over C, H, W (DDPM, Eq. 14, as the DDIM repository sums it)."""
    return Loss({"sse": (eps - predicted).square().flatten(1).sum(1)})


def variational_bound(eps: Tensor, v: Tensor, x0: Tensor, y: Tensor, times: Tensor, schedule: Schedule) -> Tensor:
    """Return [B]: KL(q(x_{t-1} | x_t, x0) || p) in bits per dimension, at t = 0 the negative log-likelihood of x0."""
    import torch

    alpha_bar = alpha_bar_at(schedule, times)
    q = posterior(alpha_bar, alpha_bar_at(schedule, times - 1))
    log_variance_q = _log_posterior_variance(q, times, schedule)
    fraction = (v + 1) / 2
    log_variance = fraction * q.beta.log().to(y) + (1 - fraction) * log_variance_q.to(y)
    mean_q = q.x0_coef.to(y) * x0 + q.x_coef.to(y) * y
    mean = q.x0_coef.to(y) * predict_x0(y, eps, alpha_bar) + q.x_coef.to(y) * y
    kl = gaussian_kl(mean_q, log_variance_q.to(y), mean, log_variance)
    nll = -discretised_log_likelihood(x0, mean, log_variance)
    return torch.where(times == 0, nll.flatten(1).mean(1), kl.flatten(1).mean(1)) / math.log(2)


def _log_posterior_variance(q: Posterior, times: Tensor, schedule: Schedule) -> Tensor:
    import torch

    # The posterior variance at t = 0 is 0; ADM takes that of t = 1 for its logarithm.
    second = posterior(schedule.alpha_bar[1], schedule.alpha_bar[0]).variance.to(q.variance)
    return torch.where((times == 0).reshape(-1, 1, 1, 1), second, q.variance).log()


def gaussian_kl(mean_1: Tensor, log_variance_1: Tensor, mean_2: Tensor, log_variance_2: Tensor) -> Tensor:
    """Return the elementwise KL divergence between two Gaussians, in nats."""
    ratio = (log_variance_1 - log_variance_2).exp()
    return 0.5 * (log_variance_2 - log_variance_1 - 1 + ratio + (mean_1 - mean_2).square() * (-log_variance_2).exp())


def discretised_log_likelihood(x0: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return the elementwise log-probability, in nats, of x0's bin of 256 under a Gaussian (DDPM, Eq. 13).

    The normal distribution function is the tanh approximation of the published code; the outermost bins are open.
    """
    import torch

    inverse_std = (-0.5 * log_variance).exp()

    def cdf(edge: Tensor) -> Tensor:
        z = (edge - mean) * inverse_std
        return 0.5 * (1 + torch.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)))

    above, below = cdf(x0 + 1 / 255), cdf(x0 - 1 / 255)
    probability = torch.where(x0 < -0.999, above, torch.where(x0 > 0.999, 1 - below, above - below))
    return probability.clamp(min=1e-12).log()

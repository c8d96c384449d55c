"""The gradient of the noise prediction with respect to its input, which ADM-GP penalises."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from stages.diagnosis.chains import Forward, levels
from stages.diagnosis.estimates import Curve, jackknifed_curves
from stages.diagnosis.subject import PROBES
from stages.sampling.walk import Denoiser, grid_time

# The images whose gradients are taken, and how many at once.
IMAGES = 100
AT_ONCE = 25


def gradient_norms(denoiser: Denoiser, x: Tensor, times: Tensor, probe: Tensor) -> tuple[Tensor, Tensor]:
    """Return two sizes of the Jacobian J of the network in x [n, C, H, W], both [n] float64 on the CPU.

    The first is ||J^T v||^2 of the noise prediction with a Gaussian ``probe`` v like x, whose mean is ||J||_F^2 (IP,
    Eq. 10, as ADM-GP is trained). The second is what a branch of IP's code monitors: the gradient of the sum of all
    outputs, the variance logits included, as the sum over channels of its norms over H, W.
    """
    with torch.enable_grad():
        leaf = x.detach().requires_grad_()
        eps, v = denoiser(leaf, times)
        outputs = eps.sum() if v is None else eps.sum() + v.sum()
        (projected,) = torch.autograd.grad((eps * probe).sum(), leaf, retain_graph=True)
        (summed,) = torch.autograd.grad(outputs, leaf)
    squares = projected.double().square().flatten(1).sum(dim=1)
    return squares.cpu(), summed.double().flatten(2).norm(dim=2).sum(dim=1).cpu()


def gaussian_norm(images: Tensor, alpha_bars: Tensor) -> Tensor:
    """Return ||J||_F^2 [S] of the exact prediction for Gaussian data with the spectrum of images [n, C, H, W].

    Per channel and frequency the prediction has the slope sqrt(1 - alpha_bar) / (alpha_bar P + 1 - alpha_bar), P being
    the power of the images less their mean. White data of variance 1 have d (1 - alpha_bar).
    """
    centred = images.double() - images.double().mean(dim=0)
    power = torch.fft.fft2(centred, norm="ortho").abs().square().mean(dim=0).flatten().cpu()
    spread = alpha_bars[:, None] * power + 1 - alpha_bars[:, None]
    return ((1 - alpha_bars[:, None]) / spread.square()).sum(dim=1)


def curves(forward: Forward) -> Iterator[Curve]:
    """Yield both at true states along ADM's grid; of models that are conditioned on nothing but the time."""
    subject = forward.subject.first(IMAGES)
    if forward.sampler != "ddpm" or subject.labels is not None:
        return
    times = forward.chain.grid.times
    draw = subject.noise(PROBES)
    found = []
    for time, states in zip(times, forward.trajectory.states[:, :IMAGES], strict=True):
        parts = zip(states.split(AT_ONCE), draw().split(AT_ONCE), strict=True)
        norms = [gradient_norms(subject.denoiser, x, grid_time(time, x), probe) for x, probe in parts]
        found.append(torch.stack([torch.cat(kind) for kind in zip(*norms, strict=True)]))
    squares, sums = torch.stack(found, dim=1)

    def measure(kept: Tensor) -> dict[str, Tensor]:
        return {"gradient_norm": squares[:, kept].mean(dim=1), "gradient_monitor": sums[:, kept].mean(dim=1)}

    yield from jackknifed_curves("", forward.steps, "none", times, measure, squares.shape[1])
    exact = gaussian_norm(forward.subject.images, levels(forward.chain))
    yield Curve("gradient_norm", "", forward.steps, "gaussian", times, exact.tolist())

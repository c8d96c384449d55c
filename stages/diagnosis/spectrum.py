"""The power spectrum of images by radial band."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from stages.diagnosis.chains import Forward, Walked, levels
from stages.diagnosis.estimates import Curve, jackknifed_curves
from stages.diffusion.schedule import posterior


def band_power(images: Tensor) -> Tensor:
    """Return [K]: the mean power of the Fourier coefficients of images [n, C, H, W] in bands 1 to K = H // 2.

    Band k has the frequencies nearest to k cycles per image, the last one also those beyond, in the corners. The mean
    of each image, which is frequency 0, is in none. White noise of variance v has v in every band.
    """
    height, width = images.shape[-2:]
    down, across = (torch.fft.fftfreq(size, 1 / size, dtype=torch.float64) for size in (height, width))
    radius = (down[:, None] ** 2 + across**2).sqrt()
    band = radius.round().long().clamp(max=height // 2)
    power = torch.fft.fft2(images.double(), norm="ortho").abs().square().mean(dim=(0, 1)).cpu()
    return torch.stack([power[(band == k) & (radius > 0)].mean() for k in range(1, height // 2 + 1)])


def gaussian_chain(power: Tensor, alpha_bars: Tensor, stochastic: bool) -> tuple[Tensor, Tensor]:
    """Return the band powers over the true ones that a sampler's steps alone give: along its chain [S, K], final [K].

    Of Gaussian data with band powers P the exact prediction is linear in each band, x0hat = sqrt(alpha_bar) P /
    (alpha_bar P + 1 - alpha_bar) x, so what differs from 1 is the error of finite steps, without any of a network.

    Args:
        power: P, that of the data in each band.
        alpha_bars: of the grid times, [S], float64.
        stochastic: ADM's sampler (without clipping), else DDIM with eta 0.
    """
    following = torch.cat([alpha_bars.new_ones(1), alpha_bars[:-1]])
    variance = torch.ones_like(power)
    found = []
    for level, after in reversed(list(zip(alpha_bars, following, strict=True))):
        spread = level * power + 1 - level
        found.append(variance / spread)
        if stochastic:
            step = posterior(level, after)
            gain = step.x0_coef * level.sqrt() * power / spread + step.x_coef
            added = step.variance
        else:
            gain = (after * level).sqrt() * power / spread + ((1 - after) * (1 - level)).sqrt() / spread
            added = torch.zeros(())
        variance = gain**2 * variance + added
    return torch.stack(found[::-1]), variance / power


def controls(forward: Forward) -> Iterator[Curve]:
    """Yield the spectrum of other images, and what finite steps alone leave of Gaussian data with that of the images.

    Powers are over those of the subject's images. The Gaussian has one mean: none stands for images of several classes.
    """
    subject = forward.subject
    yield from _of_images(forward, "control", subject.others)
    if subject.labels is not None:
        return
    stochastic = forward.sampler != "ddim"
    along, final = gaussian_chain(band_power(subject.images), levels(forward.chain), stochastic)
    yield Curve("power", forward.sampler, forward.steps, "gaussian", range(1, len(final) + 1), final.tolist())
    for band, values in enumerate(along.T, 1):
        name = f"power_{band}"
        yield Curve(name, forward.sampler, forward.steps, "gaussian", forward.chain.grid.times, values.tolist())


def curves(walked: Walked) -> Iterator[Curve]:
    """Yield the power of each band along a chain over that of true states, and that of the final images."""
    forward = walked.forward

    def measure(kept: Tensor) -> dict[str, Tensor]:
        pairs = zip(walked.trajectory.states[:, kept], forward.trajectory.states[:, kept], strict=True)
        powers = torch.stack([band_power(x) / band_power(true) for x, true in pairs])
        return {f"power_{band}": values for band, values in enumerate(powers.T, 1)}

    times = forward.chain.grid.times
    yield from jackknifed_curves(
        forward.sampler, forward.steps, walked.name, times, measure, len(forward.subject.images)
    )
    yield from _of_images(forward, walked.name, walked.trajectory.final)


def _of_images(forward: Forward, fix: str, images: Tensor) -> Iterator[Curve]:
    bands = range(1, images.shape[-2] // 2 + 1)

    def measure(kept: Tensor) -> dict[str, Tensor]:
        return {"power": band_power(images[kept]) / band_power(forward.subject.images[kept])}

    yield from jackknifed_curves(forward.sampler, forward.steps, fix, bands, measure, len(images))

"""All measures of exposure bias of one model, as curves."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from stages.diagnosis import deviation, time_fit
from stages.diagnosis.eps_norm import eps_norm
from stages.diagnosis.estimates import Estimate, mean_and_variance
from stages.diagnosis.prediction_error import rejection_rate, spread
from stages.diagnosis.reverse_error import reverse_error
from stages.diagnosis.spectrum import band_power, gaussian_chain
from stages.diagnosis.trajectory import Trajectory, levels, noised, sampled
from stages.diffusion.chain import Chain
from stages.diffusion.schedule import Posterior, Schedule, posterior, predict_x0
from stages.fixes import epsilon_scaling, none, time_shift
from stages.fixes.fix import Fix
from stages.grids import respaced, uniform
from stages.pipeline.streams import stream
from stages.samplers import ddim, ddpm
from stages.samplers.walk import Denoiser

DIAGNOSE = 8
CHOICE, FORWARD, SAMPLED, CONTROL = range(4)
# Where a chain of DDIM starts from a true state, as shares of the grid.
STARTS = (0.25, 0.5, 0.75, 1.0)


class Subject(NamedTuple):
    """What is diagnosed: a network, on images [n, C, H, W], with random numbers of (seed, purpose 8, index) alone."""

    denoiser: Denoiser
    images: Tensor
    others: Tensor
    schedule: Schedule
    seed: int

    def noise(self, index: int) -> Callable[[], Tensor]:
        """Return a function whose every call draws Gaussian noise of the images' shape from the stream of an index."""
        generator = stream(self.seed, DIAGNOSE, index)
        return lambda: torch.randn(self.images.shape, generator=generator).to(self.images)


class Curve(NamedTuple):
    """Values of a measure at times (or bands, or times around one); ``control`` is what they are held against.

    ``gaussian`` is the exact prediction for Gaussian data of the same spectrum.
    """

    measure: str
    sampler: str
    fix: str
    at: Sequence[float]
    values: Sequence[float]


class Formula(NamedTuple):
    """A symbolic cell of ES's Table 1: measured, and by its formula."""

    measured: Estimate
    formula: float


def chosen(images: Tensor, n: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return n images and n others of [N, C, H, W] in random order; they repeat once all are taken."""
    order = torch.randperm(len(images), generator=stream(seed, DIAGNOSE, CHOICE))
    places = torch.arange(2 * n) % len(images)
    return images[order[places[:n]]], images[order[places[n:]]]


def chains(schedule: Schedule, steps: int) -> dict[str, tuple[Callable[..., Tensor], Chain]]:
    """Return the two samplers that are diagnosed, with their chains: ADM's stochastic one (as in ES) and DDIM (TS).

    Raises:
        ValueError: a grid cannot hold the steps.
    """
    return {
        "ddpm": (ddpm.sample, Chain(schedule, respaced.time_grid(steps, schedule.timesteps))),
        "ddim": (ddim.sample, Chain(schedule, uniform.time_grid(steps, schedule.timesteps))),
    }


def fixes(chain: Chain, scales: Iterable[float], window: int, cutoff: int) -> dict[str, Fix]:
    """Return the fixes under which chains are diagnosed: none, Epsilon Scaling by each b, Time-Shift."""
    scaled = {f"es {b:g}": epsilon_scaling.make(chain, b, 0.0) for b in scales}
    return {"none": none.make(chain), **scaled, "ts": time_shift.make(chain, window, cutoff)}


def reverse_errors(subject: Subject, steps: Iterable[int]) -> dict[int, Estimate]:
    """Return delta_bar by the number of deterministic steps."""
    noise = subject.noise(FORWARD)()
    return {n: reverse_error(subject.denoiser, subject.images, noise, subject.schedule, n) for n in steps}


def curves(subject: Subject, steps: int, scales: Sequence[float], window: int, cutoff: int) -> Iterator[Curve]:
    """Yield every curve of both samplers."""
    noise = subject.noise(FORWARD)()
    for name, (sample, chain) in chains(subject.schedule, steps).items():
        curve, forward = partial(_curve, name, chain), noised(subject.denoiser, subject.images, noise, chain)
        yield curve("eps_norm", "control", eps_norm(forward.eps))
        yield curve("delta", "control", deviation.perfect(subject.images, levels(chain)))
        yield from _images(name, "control", subject.others, subject)
        yield from _gaussian(name, chain, subject)
        if name == "ddpm":
            yield from _errors(subject, chain, forward)
        else:
            yield from _times(subject, chain, forward, noise)
        for fix, remedy in fixes(chain, scales, window, cutoff).items():
            draw = subject.noise(SAMPLED)
            walked = sampled(sample, subject.denoiser, draw(), chain, remedy, draw)
            yield from _chain(name, fix, subject, chain, walked, forward)
            if name == "ddpm" and fix != "ts":
                yield from _steps(subject, chain, forward, noise, fix, remedy)
            if fix == "ts":
                yield curve("shift", "ts", time_fit.shifts(walked.told, chain))
                yield curve("shift", "control", time_fit.fitting_shifts(remedy, forward.states, chain))


def _curve(sampler: str, chain: Chain, measure: str, fix: str, values: Tensor) -> Curve:
    return Curve(measure, sampler, fix, chain.grid.times, values.tolist())


def _images(sampler: str, fix: str, images: Tensor, subject: Subject) -> Iterator[Curve]:
    ratio = band_power(images) / band_power(subject.images)
    yield Curve("power", sampler, fix, range(1, len(ratio) + 1), ratio.tolist())


def _gaussian(sampler: str, chain: Chain, subject: Subject) -> Iterator[Curve]:
    """Yield the spectrum that finite steps alone leave of Gaussian data with that of the images."""
    along, final = gaussian_chain(band_power(subject.images), levels(chain), sampler == "ddpm")
    yield Curve("power", sampler, "gaussian", range(1, len(final) + 1), final.tolist())
    for band, values in enumerate(along.T, 1):
        yield _curve(sampler, chain, f"power_{band}", "gaussian", values)


def _chain(
    sampler: str, fix: str, subject: Subject, chain: Chain, walked: Trajectory, forward: Trajectory
) -> Iterator[Curve]:
    curve, level = partial(_curve, sampler, chain), levels(chain)
    yield curve("delta", fix, deviation.multi_step(walked.states, subject.images, level))
    yield curve("delta_released", fix, deviation.multi_step_released(walked.states, subject.images, level))
    norms = eps_norm(walked.eps)
    yield curve("eps_norm", fix, norms)
    yield curve("eps_norm_ratio", fix, norms / eps_norm(forward.eps))
    yield from _images(sampler, fix, walked.final, subject)
    pairs = zip(walked.states, forward.states, strict=True)
    powers = torch.stack([band_power(x) / band_power(true) for x, true in pairs])
    for band, values in enumerate(powers.T, 1):
        yield curve(f"power_{band}", fix, values)


def _errors(subject: Subject, chain: Chain, forward: Trajectory) -> Iterator[Curve]:
    """Yield the size of clip(x0hat) - x0 and how often it is not Gaussian, beside Gaussian noise of that size."""
    curve, draw, found = partial(_curve, "", chain), subject.noise(CONTROL), []
    for x, eps, level in zip(forward.states, forward.eps, levels(chain), strict=True):
        errors = predict_x0(x, eps, level).clamp(-1, 1) - subject.images
        size = spread(errors)
        found.append((size, rejection_rate(errors), rejection_rate(size * draw())))
    names = (("nu", "none"), ("rejected", "none"), ("rejected", "control"))
    for (measure, fix), values in zip(names, zip(*found, strict=True), strict=True):
        yield curve(measure, fix, torch.tensor(values))


def _steps(
    subject: Subject, chain: Chain, forward: Trajectory, noise: Tensor, fix: str, remedy: Fix
) -> Iterator[Curve]:
    """Yield Delta after single steps of ADM's sampler from true states, by the time that they lead to."""
    times, level, found = chain.grid.times, levels(chain).tolist(), []
    for index in range(1, len(times)):
        x0hat, step = _step(chain, forward, remedy, index)
        found.append(deviation.single_step(x0hat, subject.images, noise, level[index], step))
    for measure, values in zip(("Delta", "Delta_table", "Delta_exact"), zip(*found, strict=True), strict=True):
        yield Curve(measure, "ddpm", fix, times[:-1], values)


def _step(chain: Chain, forward: Trajectory, remedy: Fix, index: int) -> tuple[Tensor, Posterior]:
    level = levels(chain)
    eps = forward.eps[index] / remedy.scale(index)
    x0hat = predict_x0(forward.states[index], eps, level[index]).clamp(-1, 1)
    return x0hat, posterior(level[index], level[index - 1])


def _times(subject: Subject, chain: Chain, forward: Trajectory, noise: Tensor) -> Iterator[Curve]:
    """Yield what Time-Shift looks at, along DDIM's grid."""
    times = [int(time) for time in chain.grid.times]
    for quantile, values in zip(time_fit.QUANTILES, time_fit.variance_quantiles(forward.states).T, strict=True):
        yield _curve("", chain, f"variance_{quantile:g}", "none", values)
    yield _curve("", chain, "variance", "control", 1 - levels(chain))
    for start in sorted({max(1, round(share * len(times)) - 1) for share in STARTS}):
        errors = time_fit.error_evolution(subject.denoiser, forward, chain, start)
        yield Curve(f"error_from_{times[start]}", "ddim", "none", (-1, *times[:start]), errors.tolist())
    nearest = []
    for index in range(1, len(times)):
        around = range(max(0, 2 * times[index - 1] - times[index]), times[index] + 1)
        errors = time_fit.coupling(forward, noise, chain, index, around)
        nearest.append(around[int(errors.argmin())] - times[index - 1])
        offsets = [time - times[index - 1] for time in around]
        yield Curve(f"coupling_to_{times[index - 1]}", "ddim", "none", offsets, errors.tolist())
    yield Curve("nearest", "ddim", "none", times[:-1], nearest)


def formulas(subject: Subject, steps: int) -> tuple[int, dict[str, Formula]]:
    """Return a time in the middle of ADM's chain, and ES's Table 1 there: mean and variance, in training and sampling.

    Means are of x_t - sqrt(alpha_bar_t) x0, which is 0 by the formulas; in sampling after one step from a true state.
    """
    _, whole = chains(subject.schedule, steps)["ddpm"]
    chain = Chain(whole.schedule, whole.grid._replace(times=whole.grid.times[steps // 2 - 1 : steps // 2 + 1]))
    noise, (level, above) = subject.noise(FORWARD)(), levels(chain).tolist()
    forward = noised(subject.denoiser, subject.images, noise, chain)
    x0hat, step = _step(chain, forward, Fix(), 1)
    mean, variance = mean_and_variance(forward.states[0].double() - math.sqrt(level) * subject.images.double())
    moved = deviation.single_step(x0hat, subject.images, noise, above, step)
    residual = deviation.single_step_residual(x0hat, subject.images, noise, above, step)
    after_mean, after_variance = mean_and_variance(residual)
    after_variance = after_variance._replace(value=after_variance.value + float(step.variance))
    return int(chain.grid.times[0]), {
        "training_mean": Formula(mean, 0.0), "training_variance": Formula(variance, 1 - level),
        "sampling_mean": Formula(after_mean, 0.0),
        "sampling_variance": Formula(after_variance, 1 - level + moved.table),
    }  # fmt: skip

"""All measures of exposure bias of one model, as curves."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from stages.diagnosis import deviation, time_fit
from stages.diagnosis.chains import Trajectory, levels, noised, sampled
from stages.diagnosis.eps_norm import eps_norm
from stages.diagnosis.estimates import Estimate, jackknifed, mean_and_variance
from stages.diagnosis.prediction_error import rejection_rate, spread
from stages.diagnosis.reverse_error import reverse_error
from stages.diagnosis.spectrum import band_power, gaussian_chain
from stages.diffusion.chain import Chain
from stages.diffusion.random_streams import stream
from stages.diffusion.schedule import Posterior, Schedule, posterior, predict_x0
from stages.methods.fixes import epsilon_scaling, none, time_shift
from stages.methods.grids import respaced, uniform
from stages.methods.samplers import ddim, ddpm
from stages.sampling.fix import Fix
from stages.sampling.walk import Denoiser

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

    ``gaussian`` is the exact prediction for Gaussian data of the same spectrum. Margins are over the images; exact
    values, counts and places of a least value have none.
    """

    measure: str
    sampler: str
    fix: str
    at: Sequence[float]
    values: Sequence[float]
    margins: Sequence[float] | None = None


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
        forward = noised(subject.denoiser, subject.images, noise, chain)
        yield from _controls(name, subject, chain, forward)
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
                yield from _shifts(name, "ts", walked.told, chain)
                yield from _shifts(name, "control", time_fit.fitting_times(remedy, forward.states, chain), chain)


def _along(
    sampler: str, fix: str, at: Sequence[float], measure: Callable[[Tensor], Mapping[str, Tensor]], n: int
) -> Iterator[Curve]:
    """Yield a curve for each measure of ``n`` images, with its margins."""
    for name, found in jackknifed(measure, n).items():
        yield Curve(name, sampler, fix, at, *found)


def _controls(name: str, subject: Subject, chain: Chain, forward: Trajectory) -> Iterator[Curve]:
    """Yield what the measures along a chain are held against."""

    def measure(kept: Tensor) -> dict[str, Tensor]:
        perfect = deviation.perfect(subject.images[kept], levels(chain))
        return {"eps_norm": eps_norm(forward.eps[:, kept]), "delta": perfect}

    yield from _along(name, "control", chain.grid.times, measure, len(subject.images))
    yield from _images(name, "control", subject.others, subject)
    yield from _gaussian(name, chain, subject)


def _images(sampler: str, fix: str, images: Tensor, subject: Subject) -> Iterator[Curve]:
    bands = range(1, images.shape[-2] // 2 + 1)

    def measure(kept: Tensor) -> dict[str, Tensor]:
        return {"power": band_power(images[kept]) / band_power(subject.images[kept])}

    yield from _along(sampler, fix, bands, measure, len(images))


def _gaussian(sampler: str, chain: Chain, subject: Subject) -> Iterator[Curve]:
    """Yield the spectrum that finite steps alone leave of Gaussian data with that of the images."""
    along, final = gaussian_chain(band_power(subject.images), levels(chain), sampler == "ddpm")
    yield Curve("power", sampler, "gaussian", range(1, len(final) + 1), final.tolist())
    for band, values in enumerate(along.T, 1):
        yield Curve(f"power_{band}", sampler, "gaussian", chain.grid.times, values.tolist())


def _chain(
    sampler: str, fix: str, subject: Subject, chain: Chain, walked: Trajectory, forward: Trajectory
) -> Iterator[Curve]:
    level = levels(chain)

    def measure(kept: Tensor) -> dict[str, Tensor]:
        found, true, images = walked.only(kept), forward.only(kept), subject.images[kept]
        norms = eps_norm(found.eps)
        pairs = zip(found.states, true.states, strict=True)
        powers = torch.stack([band_power(x) / band_power(other) for x, other in pairs])
        return {
            "delta": deviation.multi_step(found.states, images, level),
            "delta_released": deviation.multi_step_released(found.states, images, level),
            "eps_norm": norms, "eps_norm_ratio": norms / eps_norm(true.eps),
            **{f"power_{band}": values for band, values in enumerate(powers.T, 1)},
        }  # fmt: skip

    yield from _along(sampler, fix, chain.grid.times, measure, len(subject.images))
    yield from _images(sampler, fix, walked.final, subject)


def _shifts(sampler: str, fix: str, told: Tensor, chain: Chain) -> Iterator[Curve]:
    def measure(kept: Tensor) -> dict[str, Tensor]:
        return {"shift": time_fit.shifts(told[:, kept], chain)}

    yield from _along(sampler, fix, chain.grid.times, measure, told.shape[1])


def _errors(subject: Subject, chain: Chain, forward: Trajectory) -> Iterator[Curve]:
    """Yield the size of clip(x0hat) - x0 and how often it is not Gaussian, beside Gaussian noise of that size."""
    pairs = zip(forward.states, forward.eps, levels(chain), strict=True)
    errors = torch.stack([predict_x0(x, eps, level).clamp(-1, 1) - subject.images for x, eps, level in pairs])
    times, draw = chain.grid.times, subject.noise(CONTROL)

    def measure(kept: Tensor) -> dict[str, Tensor]:
        return {"nu": torch.tensor([spread(each[kept]) for each in errors])}

    yield from _along("", "none", times, measure, len(subject.images))
    yield Curve("rejected", "", "none", times, [rejection_rate(each) for each in errors])
    yield Curve("rejected", "", "control", times, [rejection_rate(spread(each) * draw()) for each in errors])


def _steps(
    subject: Subject, chain: Chain, forward: Trajectory, noise: Tensor, fix: str, remedy: Fix
) -> Iterator[Curve]:
    """Yield Delta after single steps of ADM's sampler from true states, by the time that they lead to."""
    times, level = chain.grid.times, levels(chain).tolist()
    steps = [(level[index], *_step(chain, forward, remedy, index)) for index in range(1, len(times))]

    def measure(kept: Tensor) -> dict[str, Tensor]:
        images, eps = subject.images[kept], noise[kept]
        found = [deviation.single_step(x0hat[kept], images, eps, a, step) for a, x0hat, step in steps]
        names = ("Delta", "Delta_table", "Delta_exact")
        return dict(zip(names, torch.tensor(found, dtype=torch.float64).T, strict=True))

    yield from _along("ddpm", fix, times[:-1], measure, len(subject.images))


def _step(chain: Chain, forward: Trajectory, remedy: Fix, index: int) -> tuple[Tensor, Posterior]:
    level = levels(chain)
    eps = forward.eps[index] / remedy.scale(index)
    x0hat = predict_x0(forward.states[index], eps, level[index]).clamp(-1, 1)
    return x0hat, posterior(level[index], level[index - 1])


def _times(subject: Subject, chain: Chain, forward: Trajectory, noise: Tensor) -> Iterator[Curve]:
    """Yield what Time-Shift looks at, along DDIM's grid."""
    times = [int(time) for time in chain.grid.times]

    def quantiles(kept: Tensor) -> dict[str, Tensor]:
        found = time_fit.variance_quantiles(forward.states[:, kept]).T
        return {f"variance_{share:g}": values for share, values in zip(time_fit.QUANTILES, found, strict=True)}

    yield from _along("", "none", times, quantiles, len(subject.images))
    yield Curve("variance", "", "control", times, (1 - levels(chain)).tolist())
    for start in sorted({max(1, round(share * len(times)) - 1) for share in STARTS}):
        yield from _evolution(subject, chain, forward, start)
    nearest = []
    for index in range(1, len(times)):
        around = range(max(0, 2 * times[index - 1] - times[index]), times[index] + 1)
        errors = time_fit.coupling(forward, noise, chain, index, around)
        nearest.append(around[int(errors.argmin())] - times[index - 1])
        offsets = [time - times[index - 1] for time in around]
        yield Curve(f"coupling_to_{times[index - 1]}", "ddim", "none", offsets, errors.tolist())
    yield Curve("nearest", "ddim", "none", times[:-1], nearest)


def _evolution(subject: Subject, chain: Chain, forward: Trajectory, start: int) -> Iterator[Curve]:
    times = chain.grid.times
    errors = time_fit.error_evolution(subject.denoiser, forward, chain, start)

    def measure(kept: Tensor) -> dict[str, Tensor]:
        return {f"error_from_{times[start]}": errors[:, kept].mean(dim=1)}

    yield from _along("ddim", "none", (-1, *times[:start]), measure, errors.shape[1])


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

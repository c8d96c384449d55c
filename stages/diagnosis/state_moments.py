"""ES's Table 1: the formulas of mean and variance in training and sampling, beside what is measured."""

from __future__ import annotations

import math
from typing import NamedTuple

from stages.diagnosis.chains import adm_chain, levels, noised
from stages.diagnosis.estimates import Estimate, mean_and_variance
from stages.diagnosis.single_step import predicted_step, single_step, single_step_residual
from stages.diagnosis.subject import FORWARD, Subject
from stages.diffusion.chain import Chain
from stages.sampling.fix import Fix


class Formula(NamedTuple):
    """A symbolic cell of ES's Table 1: measured, and by its formula."""

    measured: Estimate
    formula: float


def formulas(subject: Subject, steps: int) -> tuple[int, dict[str, Formula]]:
    """Return a time in the middle of ADM's chain, and ES's Table 1 there: mean and variance, in training and sampling.

    Means are of x_t - sqrt(alpha_bar_t) x0, which is 0 by the formulas; in sampling after one step from a true state.
    """
    whole = adm_chain(subject.schedule, steps)
    chain = Chain(whole.schedule, whole.grid._replace(times=whole.grid.times[steps // 2 - 1 : steps // 2 + 1]))
    noise = subject.noise(FORWARD)()
    level, above = levels(chain).tolist()
    forward = noised(subject.denoiser, subject.images, noise, chain)
    x0hat, step = predicted_step(chain, forward, Fix(), 1)
    mean, variance = mean_and_variance(forward.states[0].double() - math.sqrt(level) * subject.images.double())
    moved = single_step(x0hat, subject.images, noise, above, step)
    residual = single_step_residual(x0hat, subject.images, noise, above, step)
    after_mean, after_variance = mean_and_variance(residual)
    after_variance = after_variance._replace(value=after_variance.value + float(step.variance))
    return int(chain.grid.times[0]), {
        "training_mean": Formula(mean, 0.0),
        "training_variance": Formula(variance, 1 - level),
        "sampling_mean": Formula(after_mean, 0.0),
        "sampling_variance": Formula(after_variance, 1 - level + moved.table),
    }

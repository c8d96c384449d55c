"""Epsilon Scaling (ES): the predicted noise is divided by lambda."""

from __future__ import annotations

from math import inf
from typing import ClassVar, Literal, Self

from pydantic import model_validator

from stages.config.method_settings import FixSettings, LookedUp
from stages.diffusion.chain import Chain
from stages.sampling.fix import Fix
from stages.sampling.trial import Measure, Trial, Values, best, widened

NEUTRAL: Values = {"b": 1.0, "k": 0.0}

# What the search tries: values of b, then slopes k.
COARSE = (1.001, 1.003, 1.005, 1.01, 1.017, 1.03)
# ES looks above 1 alone, where the prediction is made smaller; 1 is no fix.
CONTROLS = (0.99, 1.0)
SLOPES = (1e-4, 3e-4, 1e-3, 2.5e-3)
# The factor by which b - 1, or k, grows while the largest value tried is the best, and how often it does.
GROWTH = 1.6
LONGEST = 4


class EpsilonScaling(FixSettings):
    method: Literal["epsilon-scaling"]
    b: LookedUp
    k: LookedUp
    published: ClassVar = ("es", "es-linear")

    @model_validator(mode="after")
    def _scales_stay_positive(self) -> Self:
        if isinstance(self.b, float) and self.b <= 0:
            raise ValueError(f"b: {self.b}: must be greater than 0")
        if isinstance(self.k, float) and self.k < 0:
            raise ValueError(f"k: {self.k}: must be 0 or greater")
        return self

    def coordinate(self) -> str:
        return "es" if self.k == 0 else "es-linear"


def make(chain: Chain, b: float, k: float) -> Fix:
    """Return the fix that divides the noise prediction by lambda_i = k i + b (ES, Sec. 4; uniform for k = 0).

    i is the index in the sampling grid, 0 at the last and cleanest step, as in the released ADM-ES code. ``b = 1,
    k = 0`` gives the unfixed sampler bit for bit. The variance prediction is not scaled.
    """
    return Fix(scale=lambda index: k * index + b)


def search(tuned: list[str], steps: int, timesteps: int, measure: Measure) -> list[Trial]:
    """Return the trials for the settings of ``tuned``: b, k or both (ES, Sec. 5 and App.).

    First uniform, lambda = b: coarse values, larger ones while the largest is the best, then two finer ones around the
    best. Then slopes: lambda_i = k i + b over the indices i = 0 .. steps - 1, with b such that the mean of lambda
    stays; larger ones while the largest is the best.
    """
    trials = _search_b(measure, "k" in tuned) if "b" in tuned else []
    if "k" not in tuned:
        return trials
    mean = best(trials).values["b"] if trials else None

    def tried(k: float) -> Trial:
        values: Values = {"k": k} if mean is None else {"b": round(mean - k * (steps - 1) / 2, 6), "k": k}
        return Trial(values, measure(values))

    # lambda is positive at all indices.
    largest = inf if mean is None else 2 * mean / max(steps - 1, 1)
    sloped = [tried(k) for k in SLOPES if k < largest]
    steeper = (round(SLOPES[-1] * GROWTH**n, 6) for n in range(1, LONGEST + 1))
    return widened([*trials, *sloped], sloped[-1], (k for k in steeper if k < largest), tried)


def _search_b(measure: Measure, sloped: bool) -> list[Trial]:
    """Return the trials of b; their values include k = 0 where slopes follow."""

    def tried(b: float, control: bool = False) -> Trial:
        values: Values = {"b": round(b, 6), "k": 0.0} if sloped else {"b": round(b, 6)}
        return Trial(values, measure(values), control)

    coarse = [tried(b) for b in COARSE]
    larger = (1 + GROWTH**n * (COARSE[-1] - 1) for n in range(1, LONGEST + 1))
    trials = widened([*(tried(b, control=True) for b in CONTROLS), *coarse], coarse[-1], larger, tried)
    chosen = best(trials).values["b"]
    known = sorted({1.0, *(trial.values["b"] for trial in trials if not trial.control)})
    place = known.index(chosen)
    around = known[place - 1 : place] + known[place + 1 : place + 2]
    return trials + [tried((chosen + other) / 2) for other in around]

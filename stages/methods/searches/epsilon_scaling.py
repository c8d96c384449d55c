"""The search for Epsilon Scaling's b and k, as ES describes it: coarse, fine, then a slope with the mean kept."""

from __future__ import annotations

from stages.sampling.trial import Measure, Trial, Values, best

COARSE = (1.001, 1.003, 1.005, 1.01, 1.017, 1.03)
# ES looks above 1 alone, where the prediction is made smaller.
CONTROLS = (0.97, 0.99)
SLOPES = (1e-4, 3e-4, 1e-3, 2.5e-3)
# By how much b - 1 grows where the largest b tried is the best, and how often.
GROWTH, LONGEST = 1.6, 4


def search(tuned: list[str], steps: int, timesteps: int, measure: Measure) -> list[Trial]:
    """Return the trials for the settings of ``tuned``: b, k or both (ES, Sec. 5 and App.; [P] 5.5 of the methods).

    Uniform first, lambda = b: coarse values, two finer ones around the best. Then slopes: lambda_i = k i + b over the
    indices i = 0 .. steps - 1, with b such that the mean of lambda stays.
    """
    trials = _uniform(measure, "k" in tuned) if "b" in tuned else []
    if "k" in tuned:
        mean = best(trials).values["b"] if trials else None
        for k in SLOPES:
            values: Values = {"k": k} if mean is None else {"b": round(mean - k * (steps - 1) / 2, 6), "k": k}
            if values.get("b", 1.0) > 0:
                trials.append(Trial(values, measure(values)))
    return trials


def _uniform(measure: Measure, sloped: bool) -> list[Trial]:
    def tried(b: float, control: bool = False) -> Trial:
        values: Values = {"b": round(b, 6), "k": 0.0} if sloped else {"b": round(b, 6)}
        return Trial(values, measure(values), control)

    trials = [tried(b, control=True) for b in CONTROLS] + [tried(b) for b in COARSE]
    for _ in range(LONGEST):
        largest = max(trial.values["b"] for trial in trials)
        if best(trials).values["b"] < largest:
            break
        trials.append(tried(1 + GROWTH * (largest - 1)))
    chosen = best(trials).values["b"]
    known = sorted({1.0, *(trial.values["b"] for trial in trials if not trial.control)})
    place = known.index(chosen)
    around = known[place - 1 : place] + known[place + 1 : place + 2]
    return trials + [tried((chosen + other) / 2) for other in around]

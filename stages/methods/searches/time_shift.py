"""The search for Time-Shift's window and cutoff, per sampler and step count."""

from __future__ import annotations

from stages.sampling.trial import Measure, Trial, Values, best

# Windows as parts of the distance of two grid times, cutoffs as parts of all training times; TS varies the window at
# the first cutoff (Fig. 7a), and then the cutoff (Fig. 7b).
WINDOWS, CUTOFFS = (0.2, 0.4, 0.6, 0.8), (0.3, 0.2, 0.4)


def search(tuned: list[str], steps: int, timesteps: int, measure: Measure) -> list[Trial]:
    """Return the trials for the settings of ``tuned``: window, cutoff or both (TS, Sec. 4.3 and Fig. 7)."""
    cutoffs = [round(part * timesteps) for part in CUTOFFS]
    trials: list[Trial] = []

    def tried(values: Values) -> None:
        trials.append(Trial(values, measure(values)))

    if "window" in tuned:
        for window in dict.fromkeys(max(2, 2 * round(part * timesteps / steps / 2)) for part in WINDOWS):
            tried({"window": window, "cutoff": cutoffs[0]} if "cutoff" in tuned else {"window": window})
    if "cutoff" in tuned:
        window = {"window": best(trials).values["window"]} if trials else {}
        for cutoff in cutoffs[1:] if trials else cutoffs:
            tried({**window, "cutoff": cutoff})
    return trials

"""Time-Shift (TS): the network is conditioned on the time that fits the variance of the sample."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

from stages.config.fixed import Diagnose
from stages.config.method_settings import FixSettings, Times
from stages.diffusion.chain import Chain
from stages.sampling.fix import Fix, UpdateTime, best_fit, times_around
from stages.sampling.trial import Measure, Trial, Values, best, widened

if TYPE_CHECKING:
    from torch import Tensor

CutoffOn = Literal["current", "next"]

NEUTRAL: Values = {"window": 0, "cutoff": 0}

# What the search tries: windows as parts of the distance of two grid times, cutoffs as parts of all training times. TS
# varies the window at the first cutoff (Fig. 7a), and then the cutoff (Fig. 7b). The examples of the released code are
# among them: windows of 10, 30 and 80 at 5 steps and of 4 (or 5) at 100, with cutoffs of 300, 550 and 900.
WINDOWS = (0.05, 0.15, 0.4, 0.8)
CUTOFFS = (0.3, 0.2, 0.4, 0.55, 0.9)
# The smallest window that moves a time.
SMALLEST = 2
# By how much a cutoff falls while the smallest tried is the best, as a part of all training times.
CUTOFF_STEP = 0.1
# How often the window doubles while the largest tried is the best.
LONGEST = 4


class TimeShift(FixSettings):
    method: Literal["time-shift"]
    window: Times
    cutoff: Times
    update_time: UpdateTime
    cutoff_on: CutoffOn
    published: ClassVar = ("ts",)

    @property
    def moves_steps(self) -> bool:
        return self.update_time == "shifted"


def make(
    chain: Chain, window: int, cutoff: int, update_time: UpdateTime = "scheduled", cutoff_on: CutoffOn = "current"
) -> Fix:
    """Return the fix that conditions the network on the time whose noise variance fits the state (TS, Alg. 2).

    For the state at grid time tau_j, reached from tau_{j+1} > ``cutoff``, each sample gets the integer s with
    1 - alpha_bar[s] nearest to its own variance over C, H, W (unbiased), among s within ``window // 2`` of tau_j, both
    ends included, ties to the smallest, and always above the next grid time. x_T is never shifted; ``window = 0``
    changes no bit.

    Args:
        chain: the model's noise schedule along the sampling grid.
        window: width of the search, in training timesteps.
        cutoff: no shift once the time tested is at or below it.
        update_time: ``scheduled`` shifts the network's input only; ``shifted`` also starts the update from that time.
        cutoff_on: test the time of the state the step started from (``current``) or of the one it reached (``next``).
    """
    times = chain.grid.times

    def condition(x: Tensor, index: int, scheduled: Tensor) -> Tensor:
        if window < 2 or index + 1 == len(times):
            return scheduled
        tested = times[index + 1] if cutoff_on == "current" else times[index]
        if tested <= cutoff:
            return scheduled
        candidates = times_around(chain, times[index], window // 2, x.device)
        candidates = candidates[candidates > (times[index - 1] if index else -1)]
        return best_fit(x, candidates, 1 - chain.alpha_bar(candidates))

    return Fix(condition=condition, update_time=update_time)


def diagnosed(section: Diagnose) -> dict[str, Values]:
    """Return the settings that models are diagnosed under, by the name that their curves have."""
    return {"ts": {"window": section.window, "cutoff": section.cutoff}}


def search(tuned: list[str], steps: int, timesteps: int, measure: Measure) -> list[Trial]:
    """Return the trials for the settings of ``tuned``: window, cutoff or both (TS, Sec. 4.3 and Fig. 7).

    First windows at the first cutoff, then cutoffs at the best window. Each range is widened while the value at its end
    is the best. A window of 0 is a control.
    """
    cutoffs = [round(part * timesteps) for part in CUTOFFS]
    trials: list[Trial] = []
    if "window" in tuned:
        trials = _search_window(steps, timesteps, {"cutoff": cutoffs[0]} if "cutoff" in tuned else {}, measure)
    if "cutoff" in tuned:
        trials = _search_cutoff(cutoffs, timesteps, trials, measure)
    return trials


def _search_window(steps: int, timesteps: int, others: Values, measure: Measure) -> list[Trial]:
    """Return the trials of the window; their values include those of the ``others``."""

    def tried(window: float, control: bool = False) -> Trial:
        values = {"window": window} | others
        return Trial(values, measure(values), control)

    windows = sorted({max(SMALLEST, _even(part * timesteps / steps)) for part in WINDOWS})
    line = [tried(window) for window in windows]
    trials = widened([tried(0, control=True), *line], line[0], _halves(windows[0]), tried)
    return widened(trials, line[-1], (windows[-1] * 2**n for n in range(1, LONGEST + 1)), tried)


def _search_cutoff(cutoffs: list[int], timesteps: int, trials: list[Trial], measure: Measure) -> list[Trial]:
    """Return the trials of the cutoff after those of the window, if there are any."""
    window = {"window": best(trials).values["window"]} if trials else {}
    off = [trial.fid for trial in trials if trial.control]

    def tried(cutoff: float) -> Trial:
        values = window | {"cutoff": cutoff}
        fid = measure(values)
        # Above all times of the grid it draws the images of no fix.
        return Trial(values, fid, control=fid in off)

    line = [tried(cutoff) for cutoff in (cutoffs[1:] if trials else cutoffs)]
    lowest = min(line, key=lambda trial: trial.values["cutoff"])
    step = round(timesteps * CUTOFF_STEP)
    return widened([*trials, *line], lowest, range(int(lowest.values["cutoff"]) - step, -1, -step), tried)


def _even(window: float) -> int:
    return 2 * round(window / 2)


def _halves(window: int) -> Iterator[int]:
    while window > SMALLEST:
        window = max(SMALLEST, _even(window / 2))
        yield window

"""What a measured difference says of a printed direction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from stages.scoring.intervals import Interval

Verdict = Literal["replicates", "contradicted", "not seen at this setting", "inconclusive"]
# The unit of a training variant is the run: below three paired ones there is a difference but no verdict.
ONE_RUN = "one training seed"
FEW_RUNS = {1: ONE_RUN, 2: "two training seeds"}


def holm(p_values: Sequence[float]) -> list[float]:
    """Return Holm-adjusted p-values in the order given; comparing them to alpha bounds the family-wise error."""
    order = np.argsort(p_values)
    factors = len(p_values) - np.arange(len(p_values))
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(1, np.maximum.accumulate(np.asarray(p_values)[order] * factors))
    return adjusted.tolist()


def verdict(difference: Interval, adjusted_p: float, printed: int, tuned: bool, alpha: float = 0.05) -> Verdict:
    """Return what a paired difference says of a printed one, whose sign is ``printed`` (-1: the score falls).

    ``tuned`` tells whether the hyperparameter comes from a search for these networks: without one a difference on the
    other side refutes this setting only.
    """
    if adjusted_p >= alpha:
        return "inconclusive"
    if difference.estimate * printed > 0:
        return "replicates"
    return "contradicted" if tuned else "not seen at this setting"

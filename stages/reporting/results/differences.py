"""Paired differences of measured scores, and their verdicts on what the papers print."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import special

from stages.plan.pairs import Pair
from stages.reporting.results.measurements import AXES
from stages.scoring.intervals import Interval, paired_difference, relative_difference
from stages.store.records import Distance, ScoreRecord

Verdict = Literal["replicates", "contradicted", "not seen at this setting", "inconclusive"]
VERDICTS: tuple[Verdict, ...] = ("replicates", "contradicted", "not seen at this setting", "inconclusive")
MIXED = "printed both ways"
ONE_RUN = "one training seed"
# The unit of a training variant is the run: below three paired ones there is a difference but no verdict.
FEW_RUNS = {1: ONE_RUN, 2: "two training seeds"}
# Published pairs without a verdict, and pairs that no paper prints.
UNJUDGED = (MIXED, *FEW_RUNS.values())
NOT_PUBLISHED = "not published"
# What the rows of one claim under one reading share; they differ in the step count.
FAMILY = ["paper", "reading", "axis", "changed", "base", "model", "sampler", "fix", "against", "metric"]
COLUMNS = [
    "paper",
    "tables",
    "reading",
    "axis",
    "changed",
    "base",
    "cell",
    *AXES,
    "against",
    "metric",
    "difference",
    "low",
    "high",
    "percent",
    "percent_low",
    "percent_high",
    "printed",
    "direction",
    "p_adjusted",
    "verdict",
    "n",
    "seeds",
]


def difference_table(
    pairs: Sequence[Pair], scores: Mapping[str, ScoreRecord], searched: Collection[str]
) -> pd.DataFrame:
    """Return one row per pair: the paired difference, in units of the score and in percent, and its verdict.

    Verdicts are Holm-adjusted over the step counts of a claim, under each reading for itself: a further reading asks
    the claim anew, and makes no verdict under the default ones stricter. Training variants get none on fewer than three
    training seeds, because their unit is the run; pairs that no paper prints get none either and come last.

    Args:
        pairs: the pairs of the study.
        scores: the score record of each cell.
        searched: the cells whose values were searched for.
    """
    published = []
    unpublished = []
    families: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for pair in pairs:
        row = _row(pair, scores)
        if pair.paper:
            published.append(row)
            families.setdefault(tuple(row[name] for name in FAMILY), []).append(row)
        else:
            unpublished.append(row | {"p_adjusted": math.nan, "verdict": NOT_PUBLISHED})
    for family in families.values():
        _judge(family, searched)
    order = ["paper", "axis", "metric", "model", "sampler", "fix", "steps"]
    parts = [
        pd.DataFrame(rows, columns=COLUMNS).sort_values(order, kind="stable")
        for rows in (published, unpublished)
        if rows
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)


def over_runs(of: Callable[..., Interval], runs: Sequence[tuple[Distance, Distance]]) -> Interval:
    """Return a difference over training runs, each of a base and a changed score; of a single run, its own.

    Of K runs mean(d) +- t(K - 1) sqrt(s(d)^2 / K + e^2), d_k being the difference on the k-th training seed and e the
    jackknife error of that of the mean scores. All runs are sampled from the same noise, so what it does to all of them
    alike does not show in their scatter s(d); what it does to each counts in both, which makes the interval wider.

    Args:
        of: the difference of two scores, by their values and replicates.
        runs: base and changed score of each run.
    """
    found = [of(base.value, base.replicates, changed.value, changed.replicates) for base, changed in runs]
    if len(found) == 1:
        return found[0]
    base_value = np.mean([base.value for base, _ in runs], axis=0)
    base_replicates = np.mean([base.replicates for base, _ in runs], axis=0)
    changed_value = np.mean([changed.value for _, changed in runs], axis=0)
    changed_replicates = np.mean([changed.replicates for _, changed in runs], axis=0)
    together = of(base_value, base_replicates, changed_value, changed_replicates)
    noise = (together.high - together.low) / 2 / special.stdtrit(len(base_replicates) - 1, 0.975)
    each = np.array([interval.estimate for interval in found])
    error = math.hypot(each.std(ddof=1) / math.sqrt(len(each)), noise)
    freedom = len(each) - 1
    estimate = float(each.mean())
    margin = float(special.stdtrit(freedom, 0.975)) * error
    p = 2 * float(special.stdtr(freedom, -abs(estimate) / error)) if error else float(estimate == 0)
    return Interval(estimate, estimate - margin, estimate + margin, p)


def _row(pair: Pair, scores: Mapping[str, ScoreRecord]) -> dict[str, Any]:
    """Return the columns of a pair but for its verdict, with the ``interval`` that the verdict rests on."""
    base = scores[pair.base_cell]
    changed = scores[pair.changed_cell]
    cells = ((pair.base_cell, pair.changed_cell), *pair.repeats)
    runs = [
        (getattr(scores[base_cell], pair.metric), getattr(scores[changed_cell], pair.metric))
        for base_cell, changed_cell in cells
    ]
    difference = over_runs(paired_difference, runs)
    percent = over_runs(relative_difference, runs)
    return {
        "paper": pair.paper,
        "tables": " ".join(dict.fromkeys(printed.table for printed in pair.printed)),
        "reading": pair.reading,
        "axis": pair.axis,
        "changed": pair.changed,
        "base": pair.base,
        "cell": pair.changed_cell,
        **{axis: getattr(changed, axis) for axis in AXES},
        "against": getattr(base, pair.axis),
        "metric": pair.metric,
        "difference": difference.estimate,
        "low": difference.low,
        "high": difference.high,
        "percent": percent.estimate,
        "percent_low": percent.low,
        "percent_high": percent.high,
        "printed": "; ".join(f"{p.table} {p.dataset} {p.percent:+.1f}" for p in pair.printed),
        "direction": pair.direction,
        "n": changed.n_fake,
        "seeds": len(runs),
        "interval": difference,
    }


def _judge(family: Sequence[dict[str, Any]], searched: Collection[str]) -> None:
    """Add the verdicts and adjusted p-values of the rows of one claim."""
    judged = []
    for row in family:
        if row["axis"] == "model" and row["seeds"] in FEW_RUNS:
            row |= {"p_adjusted": math.nan, "verdict": FEW_RUNS[row["seeds"]]}
        else:
            judged.append(row)
    adjusted = holm([row["interval"].p for row in judged])
    for row, p in zip(judged, adjusted, strict=True):
        if not row["direction"]:
            row |= {"p_adjusted": math.nan, "verdict": MIXED}
        else:
            # A search is for values of the fix, not for how a variant is trained.
            tuned = row["axis"] == "fix" and row["cell"] in searched
            row |= {"p_adjusted": p, "verdict": verdict(row["interval"], p, row["direction"], tuned)}


def holm(p_values: Sequence[float]) -> list[float]:
    """Return Holm-adjusted p-values in the order given; comparing them to alpha bounds the family-wise error."""
    order = np.argsort(p_values)
    factors = len(p_values) - np.arange(len(p_values))
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(1, np.maximum.accumulate(np.asarray(p_values)[order] * factors))
    return adjusted.tolist()


def verdict(difference: Interval, adjusted_p: float, printed: int, tuned: bool, alpha: float = 0.05) -> Verdict:
    """Return what a paired difference says of a printed one, whose sign is ``printed`` (-1: the score falls).

    ``tuned`` tells whether the hyperparameter was searched for with these networks: without a search, a difference on
    the other side refutes this setting only.
    """
    if adjusted_p >= alpha:
        return "inconclusive"
    if difference.estimate * printed > 0:
        return "replicates"
    return "contradicted" if tuned else "not seen at this setting"


def verdict_counts(differences: pd.DataFrame) -> dict[str, int]:
    """Return how many published pairs have each verdict or reason for none, in the order of the words.

    A pair counts once, under the default readings.
    """
    verdicts = differences[differences["reading"] == ""]["verdict"]
    counts = {word: int((verdicts == word).sum()) for word in (*VERDICTS, *UNJUDGED)}
    return {word: count for word, count in counts.items() if count}

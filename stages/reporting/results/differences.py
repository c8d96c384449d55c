"""Paired differences of measured scores, and their verdicts on what the papers print."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from stages.plan.pairs import Pair
from stages.reporting.results.replication import FEW_RUNS, holm, verdict
from stages.reporting.results.scores import AXES
from stages.scoring.intervals import Interval, paired_difference, relative_difference

MIXED = "printed both ways"
# What the rows of one claim share; they differ in the step count.
FAMILY = ["paper", "axis", "changed", "base", "model", "sampler", "fix", "against", "metric"]
COLUMNS = [
    "paper", "tables", "axis", "changed", "base", "cell", *AXES, "against", "metric", "difference", "low", "high",
    "percent", "percent_low", "percent_high", "printed", "direction", "p_adjusted", "verdict", "n", "seeds",
]  # fmt: skip


def difference_table(
    pairs: Sequence[Pair], scores: Mapping[str, Mapping[str, Any]], searched: Collection[str]
) -> pd.DataFrame:
    """Return one row per pair: the paired difference, in units of the score and in percent, and its verdict.

    Verdicts are Holm-adjusted over the step counts of a claim. Training variants get none on fewer than three training
    seeds, their unit being the run. ``searched`` names the cells whose values come from a search for them.
    """
    rows = [_row(pair, scores) for pair in pairs]
    families: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        families.setdefault(tuple(row[name] for name in FAMILY), []).append(row)
    for family in families.values():
        _judge(family, searched)
    table = pd.DataFrame(rows, columns=[*COLUMNS, "p", "interval"])
    return table.sort_values(["paper", "axis", "metric", "model", "sampler", "fix", "steps"], kind="stable")[COLUMNS]


def over_runs(of: Callable[..., Interval], runs: Sequence[Sequence[Mapping[str, Any]]]) -> Interval:
    """Return a difference over training runs, a base score and a changed one each: of one run, its own.

    Of K runs mean(d) +- t(K - 1) sqrt(s(d)^2 / K + e^2), d_k being the difference on the k-th training seed and e the
    jackknife error of that of the mean scores. All runs are sampled from the same noise, so what it does to all of them
    alike does not show in their scatter s(d); what it does to each counts in both, which makes the interval wider.

    Args:
        of: the difference of two scores, by their values and replicates.
        runs: the two scores of each run, with ``value`` and ``replicates``.
    """
    found = [of(base["value"], base["replicates"], changed["value"], changed["replicates"]) for base, changed in runs]
    if len(found) == 1:
        return found[0]
    means = [np.mean([run[side][part] for run in runs], axis=0) for side in (0, 1) for part in ("value", "replicates")]
    together, each = of(*means), np.array([interval.estimate for interval in found])
    noise = (together.high - together.low) / 2 / special.stdtrit(len(means[1]) - 1, 0.975)
    error, freedom = math.hypot(each.std(ddof=1) / math.sqrt(len(each)), noise), len(each) - 1
    estimate, margin = float(each.mean()), float(special.stdtrit(freedom, 0.975)) * error
    p = 2 * float(special.stdtr(freedom, -abs(estimate) / error)) if error else float(estimate == 0)
    return Interval(estimate, estimate - margin, estimate + margin, p)


def _row(pair: Pair, scores: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    base, changed = scores[pair.base_cell], scores[pair.changed_cell]
    cells = ((pair.base_cell, pair.changed_cell), *pair.repeats)
    runs = [[scores[cell][pair.metric] for cell in two] for two in cells]
    difference, percent = over_runs(paired_difference, runs), over_runs(relative_difference, runs)
    return {
        "paper": pair.paper, "tables": " ".join(dict.fromkeys(p.table for p in pair.printed)), "axis": pair.axis,
        "changed": pair.changed, "base": pair.base, "cell": pair.changed_cell, **{axis: changed[axis] for axis in AXES},
        "against": base[pair.axis], "metric": pair.metric, "difference": difference.estimate, "low": difference.low,
        "high": difference.high, "percent": percent.estimate, "percent_low": percent.low, "percent_high": percent.high,
        "printed": "; ".join(f"{p.table} {p.dataset} {p.percent:+.1f}" for p in pair.printed),
        "direction": pair.direction, "n": changed["n_fake"], "seeds": len(runs), "p": difference.p,
        "interval": difference,
    }  # fmt: skip


def _judge(family: list[dict[str, Any]], searched: Collection[str]) -> None:
    few = [row for row in family if row["axis"] == "model" and row["seeds"] in FEW_RUNS]
    for row in few:
        row |= {"p_adjusted": None, "verdict": FEW_RUNS[row["seeds"]]}
    judged = [row for row in family if "verdict" not in row]
    adjusted = holm([row["p"] for row in judged])
    for row, p in zip(judged, adjusted, strict=True):
        if not row["direction"]:
            row |= {"p_adjusted": None, "verdict": MIXED}
        else:
            # A search is for the fix; how a variant is trained was not searched for.
            tuned = row["axis"] == "fix" and row["cell"] in searched
            row |= {"p_adjusted": p, "verdict": verdict(row["interval"], p, row["direction"], tuned)}


def verdict_counts(differences: pd.DataFrame) -> dict[str, int]:
    """Return how many pairs have each verdict, in the order of the words."""
    words = ["replicates", "contradicted", "not seen at this setting", "inconclusive", MIXED, *FEW_RUNS.values()]
    found = differences["verdict"]
    return {word: int((found == word).sum()) for word in words if (found == word).any()}

"""Paired differences of measured scores, and their verdicts on what the papers print."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd

from stages.config.entries import Searched
from stages.plan.pairs import Pair
from stages.reporting.results.measurements import AXES, metric_scores
from stages.scoring.intervals import Estimate, paired_difference
from stages.store.records import Distance, ScoreRecord

# Of the sign of a difference alone: networks and data are others than the papers', whose values are no measure here.
Verdict = Literal["same direction", "opposite", "undecided", "base too poor"]
VERDICTS: tuple[Verdict, ...] = ("same direction", "opposite", "undecided", "base too poor")
MIXED = "printed both ways"
ONE_RUN = "one training seed"
# The unit of a training variant is the run: below three paired ones there is a difference but no verdict.
FEW_RUNS = {1: ONE_RUN, 2: "two training seeds"}
# Published pairs without a verdict, and pairs that no paper prints.
UNJUDGED = (MIXED, *FEW_RUNS.values())
NOT_PUBLISHED = "not published"
# The family-wise error of the verdicts on one claim.
ALPHA = 0.05
# How many times the mean FID of real images against other real ones a model's best FID may be. On digits that mean is
# 5.2, with 3 to 12.5 for single splits. Pure noise has 211, an ADM network after 100 of its 2,000 iterations 205, and
# each trained network of the study has less than 9 at its best. Ten times is about the geometric mean of both ends.
POOR = 10
# A value of the fix or of the training that nobody searched for with these networks.
NOT_SEARCHED = "at this setting"
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
    "default_cell",
    *AXES,
    "against",
    "metric",
    "base_score",
    "score",
    "difference",
    "level",
    "low",
    "high",
    "percent",
    "percent_low",
    "percent_high",
    "printed",
    "direction",
    "p",
    "p_adjusted",
    "verdict",
    "at",
    "n",
    "seeds",
]


def difference_table(
    pairs: Sequence[Pair],
    scores: Mapping[str, ScoreRecord],
    searched: Mapping[str, Searched],
    floor: float | None,
) -> pd.DataFrame:
    """Return one row per pair: the paired difference, in units of the score and in percent, and its verdict.

    The difference is that of the two scores as they are printed; percent are of the base's score, which is taken as
    given. The interval is the one that the verdict rests on: it has the level at which Holm's procedure tests it among
    the step counts of a claim, so it excludes 0 just where the adjusted p-value is below ALPHA. Each reading is
    adjusted for itself: a further one asks the claim anew, and makes no verdict under the default ones stricter. Pairs
    without a verdict have a level of 95 %. Training variants get no verdict on fewer than three training seeds, because
    their unit is the run; pairs that no paper prints get none either and come last.

    Args:
        pairs: the pairs of the study.
        scores: the score record of each cell.
        searched: the searches of the cells whose values were searched for.
        floor: the FID of real images against other real ones, None if it is not known.
    """
    published = []
    unpublished = []
    families: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    poor = poor_models(scores, floor)
    for pair in pairs:
        row = _row(pair, scores, searched)
        if pair.paper:
            published.append(row)
            families.setdefault(tuple(row[name] for name in FAMILY), []).append(row)
        else:
            unpublished.append(row | {"verdict": NOT_PUBLISHED, "at": ""})
    for family in families.values():
        _judge(family, poor)
    order = ["paper", "axis", "metric", "model", "sampler", "fix", "steps"]
    parts = [
        pd.DataFrame(rows, columns=COLUMNS).sort_values(order, kind="stable")
        for rows in (published, unpublished)
        if rows
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)


def poor_models(scores: Mapping[str, ScoreRecord], floor: float | None) -> set[str]:
    """Return the models that are not trained enough for a verdict: even their best cell is far from real images."""
    best: dict[str, float] = {}
    for record in scores.values():
        best[record.model] = min(best.get(record.model, math.inf), metric_scores(record)["fid"].value)
    return {model for model, fid in best.items() if floor is not None and fid > POOR * floor}


def over_runs(runs: Sequence[tuple[Distance, Distance]]) -> Estimate:
    """Return the difference of scores over training runs, each of a base and a changed score; of a single run, its own.

    Of K runs mean(d) with the error sqrt(s(d)^2 / K + e^2) and K - 1 degrees of freedom, d_k being the difference on
    the k-th training seed and e the jackknife error of that of the mean scores. All runs are sampled from the same
    noise, so what it does to all of them alike does not show in their scatter s(d); what it does to each counts in
    both, which makes the interval wider.
    """
    found = [
        paired_difference(base.value, base.replicates, changed.value, changed.replicates) for base, changed in runs
    ]
    if len(found) == 1:
        return found[0]
    base_value, changed_value = np.mean([[each.value for each in run] for run in runs], axis=0)
    base_replicates, changed_replicates = np.mean([[each.replicates for each in run] for run in runs], axis=0)
    noise = paired_difference(base_value, base_replicates, changed_value, changed_replicates).error
    each = np.array([estimate.value for estimate in found])
    error = math.hypot(each.std(ddof=1) / math.sqrt(len(each)), noise)
    return Estimate(float(each.mean()), error, len(each) - 1)


def _row(pair: Pair, scores: Mapping[str, ScoreRecord], searched: Mapping[str, Searched]) -> dict[str, Any]:
    """Return the columns of a pair but for its verdict, at a level of 95 %, with the ``estimate`` of its difference."""
    base = scores[pair.base_cell]
    changed = scores[pair.changed_cell]
    cells = ((pair.base_cell, pair.changed_cell), *pair.repeats)
    runs = [
        (getattr(scores[base_cell], pair.metric), getattr(scores[changed_cell], pair.metric))
        for base_cell, changed_cell in cells
    ]
    difference = over_runs(runs)
    base_score, score = np.mean([[each.value for each in run] for run in runs], axis=0)
    row = {
        "paper": pair.paper,
        "tables": " ".join(dict.fromkeys(printed.table for printed in pair.printed)),
        "reading": pair.reading,
        "axis": pair.axis,
        "changed": pair.changed,
        "base": pair.base,
        "cell": pair.changed_cell,
        "default_cell": pair.default_cell,
        **{axis: getattr(changed, axis) for axis in AXES},
        "against": getattr(base, pair.axis),
        "metric": pair.metric,
        "base_score": base_score,
        "score": score,
        "difference": difference.value,
        "percent": 100 * difference.value / base_score,
        "printed": "; ".join(f"{p.table} {p.dataset} {p.percent:+.1f}" for p in pair.printed),
        "direction": pair.direction,
        "p": difference.p,
        "p_adjusted": math.nan,
        "at": _at(pair, searched),
        "n": changed.n_fake,
        "seeds": len(runs),
        "estimate": difference,
        "base_model": base.model,
    }
    return row | _interval(row, 1 - ALPHA)


def _interval(row: Mapping[str, Any], level: float) -> dict[str, float]:
    """Return the columns of the interval of a row, in units of the score and in percent of its base."""
    low, high = row["estimate"].interval(level)
    return {
        "level": level,
        "low": low,
        "high": high,
        "percent_low": 100 * low / row["base_score"],
        "percent_high": 100 * high / row["base_score"],
    }


def _at(pair: Pair, searched: Mapping[str, Searched]) -> str:
    """Return what a verdict is true of but for the best values in a range: nothing to add is empty."""
    # A search is for values of the fix, not for how a variant is trained.
    if pair.axis != "fix" or pair.changed_cell not in searched:
        return NOT_SEARCHED
    places = searched[pair.changed_cell].places
    at_an_end = [name for name, place in places.items() if place != "inside"]
    return f"at the best {' and '.join(at_an_end)} tried" if at_an_end else ""


def _judge(family: Sequence[dict[str, Any]], poor: Collection[str]) -> None:
    """Add the verdicts of the rows of one claim, with their adjusted p-values and the intervals that they rest on."""
    judged = []
    for row in family:
        if row["axis"] == "model" and row["seeds"] in FEW_RUNS:
            row["verdict"] = FEW_RUNS[row["seeds"]]
        elif row["base_model"] in poor:
            row["verdict"] = "base too poor"
        else:
            judged.append(row)
    for row, step in zip(judged, holm([row["p"] for row in judged]), strict=True):
        if not row["direction"]:
            row["verdict"] = MIXED
        else:
            row |= _interval(row, 1 - ALPHA / step.divisor)
            row |= {"p_adjusted": step.p, "verdict": verdict(row["difference"], step.p, row["direction"])}


class HolmStep(NamedTuple):
    """A Holm-adjusted p-value, and by what the level of its test is divided."""

    p: float
    divisor: int


def holm(p_values: Sequence[float]) -> list[HolmStep]:
    """Return the steps of Holm's procedure in the order given; comparing p to ALPHA bounds the family-wise error.

    The k-th smallest of m p-values is tested at ALPHA / (m + 1 - k). At the first that is not rejected the procedure
    stops: all that remain have the level of that step.
    """
    m = len(p_values)
    order = np.argsort(p_values)
    adjusted = np.minimum(1, np.maximum.accumulate(np.asarray(p_values)[order] * (m - np.arange(m))))
    rejected = int((adjusted < ALPHA).sum())
    steps = [HolmStep(float(p), m - min(k, rejected)) for k, p in enumerate(adjusted)]
    return [steps[place] for place in np.argsort(order)]


def verdict(difference: float, adjusted_p: float, printed: int) -> Verdict:
    """Return what a paired difference says of a printed one, whose sign is ``printed`` (-1: the score falls)."""
    if adjusted_p >= ALPHA:
        return "undecided"
    return "same direction" if difference * printed > 0 else "opposite"


def verdict_text(row: Mapping[Any, Any]) -> str:
    """Return the verdict of a row in words: an opposite one is so at its setting, if the setting may be to blame."""
    return f"{row['verdict']} {row['at']}".strip() if row["verdict"] == "opposite" else str(row["verdict"])


def verdict_counts(differences: pd.DataFrame) -> dict[str, int]:
    """Return how many published pairs have each verdict or reason for none, in the order of the words.

    A pair counts once, under the default readings.
    """
    verdicts = differences[differences["reading"] == ""]["verdict"]
    counts = {word: int((verdicts == word).sum()) for word in (*VERDICTS, *UNJUDGED)}
    return {word: count for word, count in counts.items() if count}

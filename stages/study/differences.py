"""Paired differences of measured scores, and their verdicts on what the papers print."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pandas as pd

from stages.metrics.intervals import paired_difference, relative_difference
from stages.study.pairs import Pair
from stages.study.scores import AXES
from stages.study.verdicts import ONE_RUN, holm, verdict

MIXED = "printed both ways"
# What the rows of one claim share; they differ in the step count.
FAMILY = ["paper", "axis", "changed", "base", "model", "sampler", "fix", "against", "metric"]
COLUMNS = [
    "paper", "tables", "axis", "changed", "base", "cell", *AXES, "against", "metric", "difference", "low", "high",
    "percent", "percent_low", "percent_high", "printed", "direction", "p_adjusted", "verdict", "n",
]  # fmt: skip


def difference_table(
    pairs: Sequence[Pair], scores: Mapping[str, Mapping[str, Any]], searched: Collection[str]
) -> pd.DataFrame:
    """Return one row per pair: the paired difference, in units of the score and in percent, and its verdict.

    Verdicts are Holm-adjusted over the step counts of a claim. Training variants get none, their unit being the
    training run. ``searched`` names the cells whose values come from a search for them.
    """
    rows = [_row(pair, scores[pair.base_cell], scores[pair.changed_cell]) for pair in pairs]
    families: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        families.setdefault(tuple(row[name] for name in FAMILY), []).append(row)
    for family in families.values():
        _judge(family, searched)
    table = pd.DataFrame(rows, columns=[*COLUMNS, "p", "interval"])
    return table.sort_values(["paper", "axis", "metric", "model", "sampler", "fix", "steps"], kind="stable")[COLUMNS]


def _row(pair: Pair, base: Mapping[str, Any], changed: Mapping[str, Any]) -> dict[str, Any]:
    first, second = base[pair.metric], changed[pair.metric]
    values = first["value"], first["replicates"], second["value"], second["replicates"]
    difference, percent = paired_difference(*values), relative_difference(*values)
    return {
        "paper": pair.paper, "tables": " ".join(dict.fromkeys(p.table for p in pair.printed)), "axis": pair.axis,
        "changed": pair.changed, "base": pair.base, "cell": pair.changed_cell, **{axis: changed[axis] for axis in AXES},
        "against": base[pair.axis], "metric": pair.metric, "difference": difference.estimate, "low": difference.low,
        "high": difference.high, "percent": percent.estimate, "percent_low": percent.low, "percent_high": percent.high,
        "printed": "; ".join(f"{p.table} {p.dataset} {p.percent:+.1f}" for p in pair.printed),
        "direction": pair.direction, "n": changed["n_fake"], "p": difference.p, "interval": difference,
    }  # fmt: skip


def _judge(family: list[dict[str, Any]], searched: Collection[str]) -> None:
    adjusted = holm([row["p"] for row in family])
    for row, p in zip(family, adjusted, strict=True):
        if row["axis"] == "model":
            row |= {"p_adjusted": None, "verdict": ONE_RUN}
        elif not row["direction"]:
            row |= {"p_adjusted": None, "verdict": MIXED}
        else:
            word = verdict(row["interval"], p, row["direction"], tuned=row["cell"] in searched)
            row |= {"p_adjusted": p, "verdict": word}


def verdict_counts(differences: pd.DataFrame) -> dict[str, int]:
    """Return how many pairs have each verdict, in the order of the words."""
    words = ["replicates", "contradicted", "not seen at this setting", "inconclusive", MIXED, ONE_RUN]
    found = differences["verdict"]
    return {word: int((found == word).sum()) for word in words if (found == word).any()}

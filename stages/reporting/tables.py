"""Tables of the report: the score of every cell, and what each fix or training variant changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from stages.metrics.intervals import Interval, holm, paired_difference, verdict
from stages.papers.directions import Direction

METRICS = ("fid", "sfid", "fd_pixel", "precision", "recall")
HIGHER_IS_BETTER = ("precision", "recall")
AXES = ["model", "sampler", "fix", "steps"]
NO_VERDICT = "one training seed"


def score_table(scores: Sequence[dict[str, Any]], samples: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Return one row per cell: settings, n, scores with their 95 % margins.

    Args:
        scores: what ``evaluate`` wrote, one per cell.
        samples: what ``sample`` wrote, in the same order.
    """
    rows = []
    for score, sample in zip(scores, samples, strict=True):
        row = {
            "dataset": score["reference"], "model": score["model"], "sampler": score["sampler"],
            "spacing": sample["sampler_params"]["spacing"], "fix": score["fix"], "steps": score["steps"],
            "nfe": sample["nfe"], "eta": sample["sampler_params"].get("eta"), "seed": sample["seed"],
            "n": score["n_fake"],
        }  # fmt: skip
        for metric in (m for m in METRICS if m in score):
            row |= {metric: score[metric]["value"], f"{metric}_margin": score[metric]["margin"]}
        rows.append(row)
    return pd.DataFrame(rows)


def difference_table(
    scores: Sequence[dict[str, Any]], directions: Sequence[Direction], searched: Sequence[str]
) -> pd.DataFrame:
    """Return one row per paired difference: every claimed one, then every other fix against none and model against adm.

    Claims get a verdict per cell, Holm-adjusted over the claim's step counts; training variants get none, their unit
    being the training run. ``searched`` names the fixes whose values come from a search.
    """
    cells = {tuple(score[axis] for axis in AXES): score for score in scores}
    rows = [row for claim in directions for row in _claimed(cells, claim, searched)]
    seen = {(*(row[axis] for axis in AXES), row["metric"], row["base"]) for row in rows}
    for key, score in cells.items():
        for base, axis in (("none", "fix"), ("adm", "model")):
            other = dict(zip(AXES, key, strict=True)) | {axis: base}
            if score[axis] == base or tuple(other.values()) not in cells or (*key, "fid", base) in seen:
                continue
            difference = _difference(cells[tuple(other.values())], score, "fid")
            rows.append(_row(None, base, score, "fid", difference, None, ""))
    columns = ["claim", *AXES, "base", "metric", "difference", "low", "high", "p_adjusted", "verdict", "n"]
    return pd.DataFrame(rows, columns=columns)


def _claimed(cells: dict[tuple, dict[str, Any]], claim: Direction, searched: Sequence[str]) -> list[dict[str, Any]]:
    pairs = []
    for score in cells.values():
        wanted = {"model": claim.model, "sampler": claim.sampler, claim.axis: claim.changed}
        other = {axis: score[axis] for axis in AXES} | {claim.axis: claim.base}
        if all(score[axis] == value for axis, value in wanted.items()) and tuple(other.values()) in cells:
            if claim.axis == "model" and score["fix"] != "none":
                continue
            pairs.append((score, _difference(cells[tuple(other.values())], score, claim.metric)))
    adjusted = holm([difference.p for _, difference in pairs])
    return [
        _row(claim.id, claim.base, score, claim.metric, difference, *_judged(claim, difference, p, searched))
        for (score, difference), p in zip(pairs, adjusted, strict=True)
    ]


def _judged(
    claim: Direction, difference: Interval, adjusted_p: float, searched: Sequence[str]
) -> tuple[float | None, str]:
    if claim.axis == "model":
        return None, NO_VERDICT
    return adjusted_p, verdict(difference, adjusted_p, tuned=claim.changed in searched)


def _difference(base: dict[str, Any], changed: dict[str, Any], metric: str) -> Interval:
    first, second = base[metric], changed[metric]
    return paired_difference(first["value"], first["replicates"], second["value"], second["replicates"])


def _row(
    claim: str | None, base: str, score: dict[str, Any], metric: str, difference: Interval, p: float | None, word: str
) -> dict[str, Any]:
    settings = {axis: score[axis] for axis in AXES}
    return {
        "claim": claim, **settings, "base": base, "metric": metric, "difference": difference.estimate,
        "low": difference.low, "high": difference.high, "p_adjusted": p, "verdict": word, "n": score["n_fake"],
    }  # fmt: skip


def best_per_column(table: pd.DataFrame, metric: str) -> pd.Series:
    """Return whether a row has its model's and step count's best value of ``metric``, among all samplers and fixes."""
    groups = table.groupby(["model", "steps"])[metric]
    best = groups.transform("max" if metric in HIGHER_IS_BETTER else "min")
    return table[metric] == best


def summary(table: pd.DataFrame, differences: pd.DataFrame, floor: dict[str, Any] | None) -> dict[str, Any]:
    """Return the headline numbers for ``dvc metrics diff``: FID per cell, verdict counts, and the real-data floor."""
    fid: dict[str, Any] = {}
    for row in table.to_dict("records"):
        place = fid.setdefault(row["model"], {}).setdefault(row["sampler"], {}).setdefault(row["fix"], {})
        place[str(row["steps"])] = round(row["fid"], 4)
    claimed = differences[differences["claim"].notna() & (differences["verdict"] != NO_VERDICT)]
    counts = {str(word): int(count) for word, count in claimed["verdict"].value_counts().items()}
    return {"fid": fid, "verdicts": counts, "floor_fid": round(floor["fid"], 4) if floor else None}

"""What was measured: one row per cell, with its settings and the margins of its scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from stages.scoring.evaluation import metrics

METRICS = tuple(metrics())
AXES = ["model", "sampler", "fix", "steps"]


def score_table(scores: Mapping[str, Mapping[str, Any]], samples: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Return one row per cell: settings, n, scores with their 95 % margins.

    Args:
        scores: what ``evaluate`` wrote, by cell.
        samples: what ``sample`` wrote, by cell.
    """
    rows = []
    for key, score in scores.items():
        sample = samples[key]
        row = {
            "dataset": score["reference"], **{axis: score[axis] for axis in AXES[:2]},
            "spacing": sample["sampler_params"]["spacing"], "fix": score["fix"], "steps": score["steps"],
            "nfe": sample["nfe"], "eta": sample["sampler_params"].get("eta"), "seed": sample["seed"],
            "n": score["n_fake"],
        }  # fmt: skip
        for metric in (m for m in METRICS if m in score):
            row |= {metric: score[metric]["value"], f"{metric}_margin": score[metric]["margin"]}
        rows.append(row)
    return pd.DataFrame(rows)


def summary(table: pd.DataFrame, floor: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return FID per cell, nested by the axes, and the real-data floor, for ``dvc metrics diff``."""
    fid: dict[str, Any] = {}
    for row in table.to_dict("records"):
        place = fid.setdefault(row["model"], {}).setdefault(row["sampler"], {}).setdefault(row["fix"], {})
        place[str(row["steps"])] = round(row["fid"], 4)
    return {"fid": fid, "floor_fid": round(floor["fid"], 4) if floor else None}

"""Training curves: FID against training iterations, each model beside its base, on the same noise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from stages.scoring.intervals import paired_difference
from stages.store.records import TrajectoryPoint, TrajectoryRecord

COLUMNS = [
    "model",
    "base",
    "sampler",
    "fix",
    "steps",
    "n",
    "iteration",
    "fid",
    "fid_margin",
    "difference",
    "low",
    "high",
    "to_last",
    "to_last_low",
    "to_last_high",
]


def iteration_table(trajectories: Mapping[str, TrajectoryRecord], bases: Mapping[str, str]) -> pd.DataFrame:
    """Return one row per model and iteration: FID with its 95 % margin, and paired differences with their intervals.

    ``difference`` is that to the base after the same number of iterations, ``to_last`` that to the last weights of the
    base.

    Args:
        trajectories: the records of FID along the training, by model.
        bases: the base of each model that has one.
    """
    rows = []
    for name, record in trajectories.items():
        base_points = trajectories[bases[name]].points if name in bases else []
        base_at = {point.iteration: point for point in base_points}
        for point in record.points:
            row: dict[str, Any] = {
                "model": record.model,
                "base": bases.get(name),
                "sampler": record.sampler,
                "fix": record.fix,
                "steps": record.steps,
                "n": record.n,
                "iteration": point.iteration,
                "fid": point.value,
                "fid_margin": point.margin,
            }
            if point.iteration in base_at:
                row |= _difference(base_at[point.iteration], point, ("difference", "low", "high"))
            if base_points:
                row |= _difference(base_points[-1], point, ("to_last", "to_last_low", "to_last_high"))
            rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS)


def _difference(base: TrajectoryPoint, point: TrajectoryPoint, names: tuple[str, str, str]) -> dict[str, float]:
    found = paired_difference(base.value, base.replicates, point.value, point.replicates)
    return dict(zip(names, (found.value, *found.interval()), strict=True))


def first_below_base(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return for each model with a base when its FID is first below that of the last weights of the base (IP, Table 4).

    ``first`` is the iteration, None where it never is; ``certain`` that from which the interval of the difference lies
    below 0.
    """
    found = []
    for name, rows in table.dropna(subset=["base"]).groupby("model", sort=False):
        base = table[table["model"] == rows["base"].iloc[0]].iloc[-1]
        found.append(
            {
                "model": name,
                "base": base["model"],
                "iterations": int(base["iteration"]),
                "fid": float(base["fid"]),
                "first": _first_iteration(rows[rows["fid"] < base["fid"]]),
                "certain": _first_iteration(rows[rows["to_last_high"] < 0]),
                "last": int(rows["iteration"].iloc[-1]),
            }
        )
    return found


def _first_iteration(rows: pd.DataFrame) -> int | None:
    return int(rows["iteration"].iloc[0]) if len(rows) else None

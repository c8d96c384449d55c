"""FID against training iterations: each model beside the one that it is set against, on the same noise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from stages.config.models import Model
from stages.scoring.intervals import paired_difference

COLUMNS = [
    "model", "base", "sampler", "fix", "steps", "n", "iteration", "fid", "fid_margin", "difference", "low", "high",
    "to_last", "to_last_low", "to_last_high",
]  # fmt: skip


def bases(models: Mapping[str, Model], followed: Mapping[str, Any]) -> dict[str, str]:
    """Return which followed model each other is set against: of its recipe and seed, the first without its change."""
    found: dict[str, str] = {}
    for name in followed if len(followed) > 1 else ():
        section = models[name]
        alike = (
            other for other in followed
            if models[other].coordinate() == section.base
            and (models[other].recipe, models[other].seed) == (section.recipe, section.seed)
        )  # fmt: skip
        if section.coordinate() != section.base and (base := next(alike, None)):
            found[name] = base
    return found


def iteration_table(trajectories: Mapping[str, Mapping[str, Any]], against: Mapping[str, str]) -> pd.DataFrame:
    """Return one row per model and iteration: FID with its 95 % margin, and paired differences with their intervals.

    ``difference`` is that to the base after as many iterations, ``to_last`` that to the base's last weights.

    Args:
        trajectories: what ``trajectory`` wrote, by model.
        against: the base of each model that has one.
    """
    rows = []
    for name, record in trajectories.items():
        base = trajectories[against[name]]["points"] if name in against else []
        alike = {point["iteration"]: point for point in base}
        for point in record["points"]:
            row = {axis: record[axis] for axis in ("model", "sampler", "fix", "steps", "n")}
            row |= {"base": against.get(name), "iteration": point["iteration"]}
            row |= {"fid": point["value"], "fid_margin": point["margin"]}
            if point["iteration"] in alike:
                row |= _difference(alike[point["iteration"]], point, ("difference", "low", "high"))
            if base:
                row |= _difference(base[-1], point, ("to_last", "to_last_low", "to_last_high"))
            rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS)


def _difference(base: Mapping[str, Any], point: Mapping[str, Any], names: tuple[str, str, str]) -> dict[str, float]:
    found = paired_difference(base["value"], base["replicates"], point["value"], point["replicates"])
    return dict(zip(names, (found.estimate, found.low, found.high), strict=True))


def first_below(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return for each model with a base when its FID is first below that of the base's last weights (IP, Table 4).

    ``first`` is the iteration, None where it never is; ``certain`` that from which the interval of the difference lies
    below 0.
    """
    found = []
    for name, rows in table.dropna(subset=["base"]).groupby("model", sort=False):
        base = table[table["model"] == rows["base"].iloc[0]].iloc[-1]
        found.append({
            "model": name, "base": base["model"], "iterations": int(base["iteration"]), "fid": float(base["fid"]),
            "first": _first(rows[rows["fid"] < base["fid"]]), "certain": _first(rows[rows["to_last_high"] < 0]),
            "last": int(rows["iteration"].iloc[-1]),
        })  # fmt: skip
    return found


def _first(rows: pd.DataFrame) -> int | None:
    return int(rows["iteration"].iloc[0]) if len(rows) else None

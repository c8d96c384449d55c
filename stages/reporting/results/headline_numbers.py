"""The headline numbers of a study, as reports/summary.json holds them for ``dvc metrics``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from stages.reporting.figures.figure_states import FigureState, figure_counts
from stages.reporting.results.differences import VERDICTS, verdict_counts
from stages.reporting.results.regenerated import Table, distinct_scores
from stages.store.records import ReferenceRecord


def headline_numbers(
    differences: pd.DataFrame, tables: Sequence[Table], figures: Sequence[FigureState], reference: ReferenceRecord
) -> dict[str, dict[str, float] | float | None]:
    """Return the headline numbers of a study.

    ``floor_fid`` is the FID of real images against other real ones, None if it was not measured. ``verdicts`` counts
    the published pairs by verdict. ``coverage`` counts the published numbers, those that have a measured number beside
    them, the different scores that these are, and the tables that have one; then the published figures with numbers,
    and those of them that are drawn. ``fid_percent`` is the mean change of FID, in percent, that each fix and model
    makes to its base.
    """
    counts = verdict_counts(differences)
    floor = floor_fid(reference)
    return {
        "floor_fid": None if floor is None else round(floor, 4),
        "verdicts": {word: counts[word] for word in VERDICTS if word in counts},
        "coverage": {
            "measured": sum(table.counts["measured"] for table in tables),
            "scores": distinct_scores(tables),
            "published": sum(len(table.rows) for table in tables),
            "tables": sum(table.coverage in ("measured", "partly") for table in tables),
            "figures": figure_counts(figures)["published"],
            "figures_drawn": figure_counts(figures)["drawn"],
        },
        "fid_percent": mean_changes(differences),
    }


def floor_fid(reference: ReferenceRecord) -> float | None:
    """Return the FID of real images against other real ones, None if none remain."""
    return reference.floor.model_dump()["fid"] if reference.floor else None


def mean_floor(reference: ReferenceRecord) -> float | None:
    """Return the mean FID of real images against other real ones over random splits, None if none remain."""
    return reference.floor.splits.mean if reference.floor else None


def mean_changes(differences: pd.DataFrame) -> dict[str, float]:
    """Return the mean change of FID in percent by the fix or model that changed; each of its cells counts once.

    A fix is compared with none only, even if tables compare it with another fix too. Under a further reading a name has
    that of the reading behind it.
    """
    without_fix = (differences["axis"] != "fix") | (differences["base"] == "none") | (differences["paper"] == "")
    compared = differences[(differences["metric"] == "fid") & without_fix].drop_duplicates(["axis", "cell"])
    changes = {}
    for axis in ("fix", "model"):
        for (reading, name), rows in compared[compared["axis"] == axis].groupby(["reading", axis]):
            changes[f"{name} ({reading})" if reading else str(name)] = round(float(rows["percent"].mean()), 3)
    return changes


def coverage_table(tables: Sequence[Table]) -> pd.DataFrame:
    """Return one row per published table: how many of its numbers are measured, settings, absent or lost."""
    rows: list[dict[str, Any]] = []
    for table in tables:
        counts = table.counts
        statuses = {status: counts[status] for status in ("measured", "setting", "absent", "lost")}
        rows.append({"table": table.id, "coverage": table.coverage, "numbers": len(table.rows), **statuses})
    return pd.DataFrame(rows)

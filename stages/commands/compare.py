"""Compare the regenerated scores with the committed ones; not a pipeline stage, ``make reproduce`` ends with it."""

from __future__ import annotations

import io
import subprocess

import pandas as pd

from stages.config.errors import InputError
from stages.reporting.results.measurements import AXES
from stages.store.paths import DATA, REPORTS

SCORES = REPORTS / "tables" / "scores.csv"
MARGIN = "_margin"
SCORE_RECORDS = DATA / "scores"


def run() -> None:
    """Print how many scores are identical to the committed ones, within their interval, or different."""
    if not SCORES.is_file():
        raise InputError(f"{SCORES}: not found; run dvc repro to make it")
    if not SCORE_RECORDS.is_dir():
        raise InputError(f"{SCORE_RECORDS}: not found: no score was made here; run dvc repro, or make reproduce")
    shown = subprocess.run(["git", "show", f"HEAD:./{SCORES.as_posix()}"], capture_output=True)
    if shown.returncode:
        reason = shown.stderr.decode(errors="replace").strip()
        raise InputError(f"{SCORES}: no committed version to compare with ({reason})")
    committed = parse_scores(shown.stdout, "the committed version")
    regenerated = parse_scores(SCORES.read_bytes(), "run dvc repro")
    counts = compare_scores(committed, regenerated)
    print("Regenerated against committed scores: " + ", ".join(f"{n} {word}" for word, n in counts.items()))


def parse_scores(content: bytes, hint: str) -> pd.DataFrame:
    """Return the table of scores that a CSV file holds.

    Raises:
        InputError: it is no such table; ``hint`` ends the line.
    """
    try:
        table = pd.read_csv(io.BytesIO(content), keep_default_na=False, na_values=[""])
        metrics = metrics_of(table)
        measured = [*metrics, *(f"{metric}{MARGIN}" for metric in metrics)]
        table[measured] = table[measured].astype(float)
        table[AXES] = table[AXES].astype({axis: int if axis == "steps" else str for axis in AXES})
        unique = not table.duplicated(AXES).any()
    except (KeyError, ValueError, OverflowError) as error:
        raise InputError(f"{SCORES}: no table of scores ({' '.join(str(error).split())}); {hint}") from None
    if not (metrics and unique):
        raise InputError(f"{SCORES}: no table of scores; {hint}")
    return table


def metrics_of(table: pd.DataFrame) -> list[str]:
    """Return the metrics of a table of scores: the columns with a margin."""
    return [name.removesuffix(MARGIN) for name in map(str, table.columns) if name.endswith(MARGIN)]


def compare_scores(committed: pd.DataFrame, regenerated: pd.DataFrame) -> dict[str, int]:
    """Return how many scores are identical to six digits, within the committed 95 % margin, or different.

    Cells of only one of the two tables count as not compared.
    """
    both = committed.merge(regenerated, on=AXES, suffixes=("", "_new"))
    counts = {"identical": 0, "within interval": 0, "different": 0}
    for metric in metrics_of(committed):
        if metric not in regenerated:
            continue
        equal = both[metric] == both[f"{metric}_new"]
        near = (both[metric] - both[f"{metric}_new"]).abs() <= both[f"{metric}{MARGIN}"]
        counts["identical"] += int(equal.sum())
        counts["within interval"] += int((near & ~equal).sum())
        counts["different"] += int((~near & ~equal).sum())
    missing = len(committed) + len(regenerated) - 2 * len(both)
    return counts | ({"cells not compared": missing} if missing else {})

"""Compare the regenerated scores with the committed ones; not a pipeline stage, ``make reproduce`` ends with it."""

from __future__ import annotations

import io
import subprocess

import pandas as pd

from stages.config.errors import InputError
from stages.reporting.results.scores import AXES, METRICS
from stages.store.paths import REPORTS

SCORES = REPORTS / "tables" / "scores.csv"


def run() -> None:
    """Print how many scores are identical to the committed ones, within their interval, or different."""
    if not SCORES.is_file():
        raise InputError(f"{SCORES}: not found; run dvc repro to make it")
    committed = subprocess.run(["git", "show", f"HEAD:./{SCORES.as_posix()}"], capture_output=True)
    if committed.returncode:
        reason = committed.stderr.decode(errors="replace").strip()
        raise InputError(f"{SCORES}: no committed version to compare with ({reason})")
    tables = parse_scores(committed.stdout, "the committed version"), parse_scores(SCORES.read_bytes(), "run dvc repro")
    counts = compare_scores(*tables)
    print("Regenerated against committed scores: " + ", ".join(f"{n} {word}" for word, n in counts.items()))


def parse_scores(content: bytes, told: str) -> pd.DataFrame:
    """Return the table of scores that a CSV file holds.

    Raises:
        InputError: it is no such table; ``told`` ends the line.
    """
    try:
        table = pd.read_csv(io.BytesIO(content), keep_default_na=False, na_values=[""])
        measured = [name for metric in METRICS if metric in table for name in (metric, f"{metric}_margin")]
        table[measured] = table[measured].astype(float)
        table[AXES] = table[AXES].astype({axis: int if axis == "steps" else str for axis in AXES})
        unique = not table.duplicated(AXES).any()
    except (KeyError, ValueError, OverflowError) as error:
        raise InputError(f"{SCORES}: no table of scores ({' '.join(str(error).split())}); {told}") from None
    if not (measured and unique):
        raise InputError(f"{SCORES}: no table of scores; {told}")
    return table


def compare_scores(committed: pd.DataFrame, regenerated: pd.DataFrame) -> dict[str, int]:
    """Return how many scores are identical to six digits, within the committed 95 % margin, or different.

    Cells of only one of the two tables count as not compared.
    """
    both = committed.merge(regenerated, on=AXES, suffixes=("", "_new"))
    counts = {"identical": 0, "within interval": 0, "different": 0}
    for metric in (m for m in METRICS if m in committed and m in regenerated):
        equal = both[metric] == both[f"{metric}_new"]
        near = (both[metric] - both[f"{metric}_new"]).abs() <= both[f"{metric}_margin"]
        counts["identical"] += int(equal.sum())
        counts["within interval"] += int((near & ~equal).sum())
        counts["different"] += int((~near & ~equal).sum())
    missing = len(committed) + len(regenerated) - 2 * len(both)
    return counts | ({"cells not compared": missing} if missing else {})

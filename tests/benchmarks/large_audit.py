"""Seconds that the audit of a large folder takes: ``python -m tests.benchmarks.large_audit [ROWS ...]``.

Half of the rows are a base, the others what was gained on it, in tables of 2,000 rows; two claims are about one table.
"""

from __future__ import annotations

import csv
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from stages.auditing.claims.claims import COLUMNS
from stages.auditing.tables.schema import DIFFUSION

PER_TABLE = 1_000
OPERANDS = "a = big/1 fix=none; b = big/1 fix=ours"
CLAIMS = [
    {"id": "gain", "formula": "100 * (1 - b / a)", "relation": "=", "stated": "b.improvement"},
    {"id": "better", "formula": "b", "relation": "<", "stated": "a", "quantifier": "most"},
]


def rows(pairs: int) -> Iterator[dict[str, str]]:
    """Yield the rows of so many pairs, with improvements that are right."""
    drawn = random.Random(0)
    for i in range(pairs):
        base = round(drawn.uniform(3, 50), 2)
        ours = round(base * drawn.uniform(0.5, 1.1), 2)
        shared = {
            "paper": "big",
            "table": str(1 + i // PER_TABLE),
            "column": "10 steps",
            "dataset": f"set{i}",
            "steps": "10",
            "metric": "fid",
            "where": f"Table {1 + i // PER_TABLE}",
            "source": "paper",
        }
        yield shared | {"row": f"set{i} | none", "fix": "none", "value": f"{base:.2f}"}
        gain = f"{100 * (1 - ours / base):.2f}"
        yield shared | {"row": f"set{i} | ours", "fix": "ours", "value": f"{ours:.2f}", "improvement": gain}


def make_folder(folder: Path, count: int) -> None:
    """Write a folder with so many rows in one paper."""
    (folder / "metrics.csv").write_text("metric,type,better,heading\nfid,number,lower,FID\n")
    claims = [
        dict(paper="big", where="Table 1", kind="improvement", statement="as printed", operands=OPERANDS, **claim)
        for claim in CLAIMS
    ]
    for name, columns, records in (("big", DIFFUSION.columns, rows(count // 2)), ("claims", COLUMNS, claims)):
        with open(folder / f"{name}.csv", "w", newline="") as stream:
            writer = csv.DictWriter(stream, columns, restval="", lineterminator="\n")
            writer.writeheader()
            writer.writerows(records)


def main(*counts: str) -> None:
    """Print the seconds for each number of rows."""
    for count in map(int, counts or ("30000", "300000")):
        with tempfile.TemporaryDirectory() as folder:
            make_folder(Path(folder), count)
            start = time.perf_counter()
            command = [sys.executable, "-m", "stages", "audit", "--published", folder]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            print(f"{count} rows: {time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    main(*sys.argv[1:])

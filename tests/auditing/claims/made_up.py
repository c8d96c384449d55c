"""A small made-up paper: for every kind of claim one that holds and one that does not."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from stages.auditing.claims.claims import COLUMNS
from stages.auditing.tables.rows import Metric
from stages.auditing.tables.schema import DIFFUSION

METRICS = [
    ("fid", "number", "lower", "FID"),
    ("precision", "number", "higher", "precision"),
    ("recall", "number", "higher", "recall"),
    ("b", "number", "", "b"),
    ("k", "number", "", "k"),
    ("batch_size", "number", "", "batch size"),
    ("optimizer", "text", "", "optimizer"),
]

# metric, model, fix, steps, value, improvement: table 1 holds results, 2 settings, 3 results printed again.
CELLS = {
    "1": [
        ("fid", "adm", "none", "10", "8.00", ""),
        ("fid", "adm", "none", "20", "6.00", ""),
        ("fid", "adm", "none", "50", "6.10", ""),
        ("fid", "adm", "ours", "10", "4.00", "50.0"),
        ("fid", "adm", "ours", "20", "3.00", "40.0"),
        ("fid", "adm", "ours", "50", "6.30", "-3.3"),
        ("precision", "adm", "none", "50", "0.66", ""),
        ("recall", "adm", "none", "50", "0.60", ""),
        ("precision", "adm", "ours", "50", "0.58", ""),
        ("recall", "adm", "ours", "50", "0.65", ""),
    ],
    "2": [
        ("b", "adm", "uniform", "50", "1.011", ""),
        ("b", "adm", "uniform", "20", "1.011", ""),
        ("b", "adm", "uniform", "10", "1.017", ""),
        ("k", "adm", "linear", "20", "0.0008", ""),
        ("b", "adm", "linear", "20", "1.0034", ""),
        ("k", "adm", "linear", "10", "0.0025", ""),
        ("b", "adm", "linear", "10", "1.0", ""),
        ("batch_size", "adm", "", "", "128", ""),
        ("optimizer", "adm", "", "", "AdamW", ""),
        ("fid", "lost", "", "", "", ""),
    ],
    "3": [("fid", "adm", "none", "10", "8.0", ""), ("fid", "adm", "ours", "20", "3.20", "")],
}
PAIR = "a = toy/1 fix=none metric=fid; b = toy/1 fix=ours metric=fid"
AT_10, AT_20 = (f"a = toy/1 fix=none metric=fid steps={n}; b = toy/1 fix=ours metric=fid steps={n}" for n in (10, 20))
MEAN = "k = toy/2 metric=k fix=linear; b = toy/2 metric=b fix=linear; u = toy/2? metric=b fix=uniform"
SHORTER = "a = toy/1 fix=none metric=fid steps=50; b = toy/1 fix=ours metric=fid steps=10"
ORIENTATION = "p = toy/1 metric=precision fix={0}; r = toy/1 metric=recall fix={0}"

# kind, statement, operands, formula, relation, stated, quantifier -> the verdicts of its findings
CLAIMS = {
    "printed-gain": ("improvement", PAIR, "100 * (1 - b / a)", "=", "b.improvement", ""),
    "gain": ("difference", AT_10, "a - b", "=", "4.00", ""),
    "wrong-gain": ("difference", AT_20, "a - b", "=", "3.50", ""),
    "half": ("ratio", AT_10, "b / a", "=", "0.5", ""),
    "third": ("ratio", AT_10, "b / a", "=", "0.33", ""),
    "again": ("repeated", "a = toy/1?; b = toy/3", "a", "=", "b", ""),
    "digit-short": ("repeated", "a = toy/3 fix=none", "a", "=", "8.06", ""),
    "digit-wrong": ("repeated", "a = toy/3 fix=none", "a", "=", "9.0", ""),
    "better-at-most": ("ordering", PAIR, "b", "<", "a", "most"),
    "always-better": ("ordering", PAIR, "b", "<", "a", "all"),
    "tie": ("ordering", "a = toy/1 fix=none steps=20 metric=fid; b = 6.00", "a", "<", "b", ""),
    "ours-worsens": ("trend", "a = toy/1 fix=ours metric=fid", "a", "rises with steps", "", "most"),
    "base-falls": ("trend", "a = toy/1 fix=none metric=fid", "a", "falls with steps", "", "all"),
    "gain-falls": ("trend", PAIR, "a - b", "falls with steps", "", "all"),
    "mean-rule": ("mean", MEAN, "exact(b) + 9.5 * exact(k)", "=", "u", ""),
    "best-of-base": (
        "ordering",
        "a = toy/1 fix=none steps=20 metric=fid; o = toy/1 fix=none metric=fid",
        "min(o)",
        "=",
        "a",
        "",
    ),
    "five-times": ("speed-up", SHORTER, "a.steps / b.steps", ">=", "5", ""),
    "more-than-five-times": ("speed-up", SHORTER, "a.steps / b.steps", ">", "5", ""),
    "optimizer": ("hyperparameter", "a = toy/2 metric=optimizer", "a", "is", "adamw", ""),
    "batch": ("hyperparameter", "a = toy/2 metric=batch_size", "a", "=", "256", ""),
    "orientation": ("sanity", ORIENTATION.format("none"), "p", ">", "r", ""),
    "exchanged": ("sanity", ORIENTATION.format("ours"), "p", ">", "r", ""),
    "at-most-50-steps": ("protocol", "a = toy/1 metric=fid", "a.steps", "<=", "50", "all"),
    "at-most-20-steps": ("protocol", "a = toy/1 metric=fid", "a.steps", "<=", "20", "all"),
    # Said in weaker words these would hold.
    "smaller-b-for-more-steps": ("trend", "a = toy/2 metric=b fix=uniform", "exact(a)", "falls with steps", "", "all"),
    "recall-unaffected": ("ordering", PAIR.replace("fid", "recall"), "b", "=", "a", "all"),
    "larger-gain-at-20-than-at-10": (
        "ordering",
        f"{AT_20}; {AT_10.replace('a =', 'c =').replace('b =', 'd =')}",
        "1 - b / a",
        ">",
        "1 - d / c",
        "",
    ),
    "appendix-5-is-appendix-1": ("repeated", "a = 5", "exact(a)", "=", "1", ""),
    "lost": ("repeated", "a = toy/2 model=lost metric=fid", "a", "=", "2.00", ""),
    "sharper": ("ordering", "", "", "", "", ""),
}
EXPECTED = {
    "printed-gain.10": "consistent",
    "printed-gain.20": "inconsistent",
    "printed-gain.50": "consistent",
    "gain": "consistent",
    "wrong-gain": "inconsistent",
    "half": "consistent",
    "third": "inconsistent",
    "again.none-10": "consistent",
    "again.ours-20": "inconsistent",
    "digit-short": "rounding",
    "digit-wrong": "inconsistent",
    "better-at-most": "consistent",
    "always-better": "wording",
    "tie": "rounding",
    "ours-worsens": "wording",
    "base-falls": "wording",
    "gain-falls": "consistent",
    "mean-rule.10": "inconsistent",
    "mean-rule.20": "consistent",
    "best-of-base": "consistent",
    "five-times": "consistent",
    "more-than-five-times": "wording",
    "optimizer": "consistent",
    "batch": "inconsistent",
    "smaller-b-for-more-steps": "wording",
    "recall-unaffected": "wording",
    "larger-gain-at-20-than-at-10": "rounding",
    "appendix-5-is-appendix-1": "inconsistent",
    "at-most-50-steps": "consistent",
    "at-most-20-steps": "wording",
    "orientation": "holds",
    "exchanged": "fails",
    "lost": "unverifiable",
    "sharper": "unverifiable",
}


def write_paper(folder: Path) -> None:
    """Write the made-up paper's folder: metrics.csv, toy.csv, claims.csv."""
    rows = [
        (
            "toy",
            table,
            f"{model} | {fix or 'training'}",
            f"{steps} steps",
            "cifar10",
            model,
            "ddim",
            "",
            "",
            fix,
            steps,
            metric,
            value,
            improvement,
            "",
            "",
            f"Table {table}",
            "paper",
            "" if value else "cut off",
        )
        for table, cells in CELLS.items()
        for metric, model, fix, steps, value, improvement in cells
    ]
    claims = [
        (
            name,
            "toy",
            "Sec. 1",
            "7",
            kind,
            name.replace("-", " "),
            *check,
            "",
            "",
            "",
            "" if check[0] else "no numbers given",
        )
        for name, (kind, *check) in CLAIMS.items()
    ]
    write_csv(folder / "metrics.csv", Metric._fields, METRICS)
    write_csv(folder / "toy.csv", DIFFUSION.columns, rows)
    write_csv(folder / "claims.csv", COLUMNS, claims)


def write_csv(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write records under a header."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(stream.getvalue())

"""What the report's page shows, in values that a template can take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import pandas as pd

from stages.auditing.tables.rows import Metric
from stages.plan.times import Times
from stages.reporting.page.blocks import block_layout
from stages.reporting.results.differences import FAMILY, MIXED, verdict_counts
from stages.reporting.results.regenerated import Table, reasons
from stages.reporting.results.replication import FEW_RUNS

# How the methods are called in a sentence.
NAMES = {
    "es": "Epsilon Scaling", "es-linear": "linear Epsilon Scaling", "ts": "Time-Shift",
    "adm-ip": "input perturbation (ADM-IP)", "ddpm-ip": "input perturbation (DDIM-IP)",
}  # fmt: skip
BETTER, WORSE = "lower here", "higher here"
# Why a difference has no verdict.
UNJUDGED = (*FEW_RUNS.values(), MIXED)
# What the verdicts are on, by the axis of their pairs.
JUDGED = {"fix": ["Epsilon Scaling", "Time-Shift"], "model": ["variants of training"]}


def headline(dataset: Mapping[str, Any], tables: Sequence[Table], differences: pd.DataFrame) -> dict[str, Any]:
    """Return the numbers of the page's first sentence, and of the tiles below it."""
    measured, counts = sum(table.counts["measured"] for table in tables), verdict_counts(differences)
    judged = {word: count for word, count in counts.items() if word not in UNJUDGED}
    axes = set(differences.loc[differences["verdict"].isin(judged), "axis"])
    *others, last = [name for axis, names in JUDGED.items() if axis in axes for name in names] or [""]
    return {
        "dataset": dataset["dataset"], "images": dataset["n"], "shape": dataset["shape"], "measured": measured,
        "published": sum(len(table.rows) for table in tables), "tables": len(tables),
        "filled": sum(table.coverage in ("measured", "partly") for table in tables), "judged": sum(judged.values()),
        "verdicts": judged, "unjudged": {word: counts[word] for word in UNJUDGED if word in counts},
        "judged_of": f"{', '.join(others)} and {last}" if others else last,
    }  # fmt: skip


def coverage_map(tables: Sequence[Table], titles: Mapping[tuple[str, str], str]) -> list[dict[str, Any]]:
    """Return the tables by paper, each with its coverage in a word and in numbers."""
    return [
        {"paper": paper, "tables": [_covered(table, titles) for table in group]}
        for paper, group in groupby(tables, key=lambda table: table.rows[0].row.paper)
    ]


def _covered(table: Table, titles: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    row, counts = table.rows[0].row, table.counts
    return {
        "anchor": f"{row.paper}-table-{row.table}", "table": row.table, "coverage": table.coverage,
        "title": titles.get((row.paper, row.table), row.where), "measured": counts["measured"],
        "settings": counts["setting"], "published": len(table.rows), "lost": counts["lost"],
    }  # fmt: skip


def regenerated_sections(
    tables: Sequence[Table], titles: Mapping[tuple[str, str], str], metrics: Mapping[str, Metric],
    differences: pd.DataFrame, published: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:  # fmt: skip
    """Return a section per published table: its parts as printed, the study's block, reasons, readings and pairs."""
    sections = []
    for table in tables:
        covered, row = _covered(table, titles), table.rows[0].row
        # Of type bool where there are no differences too.
        named = pd.Series([table.id in ids.split() for ids in differences["tables"]], differences.index, dtype=bool)
        pairs = differences[named]
        words = {(p["cell"], p["metric"]): _word(p) for p in pairs.to_dict("records")}
        readings = {(r.setting, r.value, r.reason): None for planned in table.rows for r in planned.readings}
        sections.append({
            **covered, "id": table.id, "paper": row.paper,
            "parts": [part for part in published if part["anchor"] == covered["anchor"]],
            "block": block_layout(table, metrics, words), "reasons": reasons(table),
            "readings": [{"setting": s, "value": v, "reason": r} for s, v, r in readings],
            "verdicts": {str(word): int(n) for word, n in pairs["verdict"].value_counts(sort=False).items()},
        })  # fmt: skip
    return sections


def _word(pair: Mapping[Any, Any]) -> str:
    """Return a pair's verdict, or for one without a verdict which way the score goes."""
    if pair["verdict"] in UNJUDGED:
        certain = pair["low"] > 0 or pair["high"] < 0
        return (BETTER if pair["difference"] < 0 else WORSE) if certain else "inconclusive"
    return str(pair["verdict"])


def claim_rows(differences: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a row per claim, a statement over several step counts, with its differences by step count."""
    rows = []
    for _, family in differences.groupby(FAMILY, sort=False):
        first = family.iloc[0]
        rows.append({
            "paper": first["paper"], "tables": list(dict.fromkeys(" ".join(family["tables"]).split())),
            "statement": statement(first.to_dict()), "metric": first["metric"],
            "cells": {int(row["steps"]): row for row in family.to_dict("records")},
        })  # fmt: skip
    return rows


def statement(pair: Mapping[Any, Any]) -> str:
    """Return what the paper says of a pair's kind, in words."""
    name = NAMES.get(pair["changed"], pair["changed"])
    against = f" further than {NAMES.get(pair['base'], pair['base'])}" if pair["base"] in NAMES else ""
    metric = {"fid": "FID", "sfid": "sFID"}[pair["metric"]]
    # A variant of training is the model itself.
    model = "" if pair["axis"] == "model" else f", {pair['model']}"
    return f"{name} lowers {metric} of {pair['sampler']}{model}{against}"


def forest_rows(differences: pd.DataFrame) -> pd.DataFrame:
    """Return the differences of FID as the forest plot takes them."""
    rows = [
        {
            "paper": pair["paper"], "label": f"{pair['changed']}: {pair['model']}, {pair['sampler']}"
            + (f" (against {pair['base']})" if pair["base"] in NAMES else "")
            + (f", {pair['seeds']} seeds" if pair["seeds"] > 1 else ""),
            "steps": pair["steps"], "relative": pair["percent"], "low": pair["percent_low"],
            "high": pair["percent_high"], "verdict": pair["verdict"],
            "published": [float(text.split()[-1]) for text in pair["printed"].split("; ")],
        }
        for pair in differences.to_dict("records")
        if pair["metric"] == "fid"
    ]  # fmt: skip
    return pd.DataFrame(rows)


def sampled_settings(samples: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """Return each sampler's and fix's name with the values that its cells were sampled with."""
    found = {sample["sampler"]: sample["sampler_params"] for sample in samples.values()}
    found |= {sample["fix"]: sample["fix_params"] for sample in samples.values()}
    return list(found.items())


def timing_rows(times: Times, scores: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a row per cell with a fix that was timed beside the one without: its axes, both times, what it adds."""
    rows = []
    for key, timed in times.cells.items():
        if key not in scores or timed.overhead is None:
            continue
        axes = {axis: scores[key][axis] for axis in ("model", "sampler", "fix", "steps")}
        base = next(s["time_ms"]["value"] for s in scores.values()
                    if all(s[axis] == value for axis, value in (axes | {"fix": "none"}).items()))  # fmt: skip
        rows.append(axes | {"base": base, "ms": timed.ms, "overhead": timed.overhead, "rounds": timed.rounds})
    return sorted(rows, key=lambda row: (row["model"], row["sampler"], row["steps"]))


def image_rows(cells: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return which cells' images stand beside one another: per model and sampler, by steps, a row per fix.

    Args:
        cells: the axes of each cell with its ``key``; only samplers with several fixes have something to compare.
    """
    groups: dict[tuple[str, str], dict[int, list[Mapping[str, Any]]]] = {}
    for cell in cells:
        groups.setdefault((cell["model"], cell["sampler"]), {}).setdefault(cell["steps"], []).append(cell)
    return [
        {"model": model, "sampler": sampler, "steps": [(s, cs) for s, cs in sorted(steps.items()) if len(cs) > 1]}
        for (model, sampler), steps in groups.items()
        if any(len(cs) > 1 for cs in steps.values())
    ]

"""Render what was measured: one self-contained page, the same tables as CSV, and headline numbers for DVC."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import pandas as pd
from markupsafe import Markup

from stages.files import read_json, write_bytes, write_json
from stages.layout import AUDIT, FEATURE_NETWORK, REFERENCE, REPORTS, Cell, cells, dataset_path, model_path
from stages.pages import render_page
from stages.papers.directions import DIRECTIONS
from stages.params import Grid, read_params
from stages.reporting.plots import fid_against_steps
from stages.reporting.tables import (
    HIGHER_IS_BETTER,
    METRICS,
    NO_VERDICT,
    best_per_column,
    difference_table,
    score_table,
    summary,
)  # fmt: skip

HEADINGS = {"fid": "FID", "sfid": "sFID", "fd_pixel": "FD on pixels", "precision": "precision", "recall": "recall"}


def run() -> None:
    """Write reports/tables/*.csv, reports/report.html and reports/summary.json from the cells of the grid."""
    grid, report = read_params("grid", "report")
    found = cells(grid)
    scores = [read_json(cell.scores) for cell in found]
    samples = [read_json(cell.samples.with_suffix(".json")) for cell in found]
    table = score_table(scores, samples)
    differences = difference_table(scores, DIRECTIONS, report.searched)
    reference = read_json(REFERENCE.with_suffix(".json"))
    page = render(grid, table, differences, reference, samples, scores)
    for name, content in (("scores", table), ("differences", differences)):
        write_bytes(REPORTS / "tables" / f"{name}.csv", content.to_csv(index=False, float_format="%.6g").encode())
    write_bytes(REPORTS / "report.html", page.encode())
    write_json(REPORTS / "summary.json", summary(table, differences, reference["floor"]))


def render(
    grid: Grid,
    table: pd.DataFrame,
    differences: pd.DataFrame,
    reference: dict[str, Any],
    samples: Sequence[dict[str, Any]],
    scores: Sequence[dict[str, Any]],
) -> str:
    """Return the page; equal inputs give equal bytes, and nothing in it points outside."""
    metrics = [metric for metric in METRICS if metric in table]
    models = {model: read_json(model_path(model).with_suffix(".json")) for model in grid.models}
    return render_page(
        "report.html.j2", grid=grid, headings=HEADINGS, metrics=metrics, higher=HIGHER_IS_BETTER,
        rows=score_rows(grid, table, metrics), columns=[(m, s) for m in grid.models for s in grid.steps],
        claims=claim_rows(differences), others=differences[differences["claim"].isna()].to_dict("records"),
        counts=verdict_counts(differences), reference=reference, models=models,
        dataset=read_json(dataset_path(reference["reference"]).with_suffix(".json")),
        extractor=read_json(FEATURE_NETWORK.with_suffix(".json")), samples=samples, scores=scores,
        settings=settings(samples), audit=read_json(AUDIT),
        plots=[Markup(fid_against_steps(table))], preview=preview_uri,
    )  # fmt: skip


def score_rows(grid: Grid, table: pd.DataFrame, metrics: Sequence[str]) -> list[dict[str, Any]]:
    """Return one entry per sampler and fix: for every metric, the cells of all models and step counts in order."""
    best = {metric: best_per_column(table, metric) for metric in metrics}
    place = {cell: i for i, cell in enumerate(cells(grid))}
    rows = []
    for sampler in grid.samplers:
        for fix in grid.fixes:
            indices = [place[Cell(model, sampler, fix, steps)] for model in grid.models for steps in grid.steps]
            values = {
                metric: [
                    {
                        "value": table[metric][i], "best": bool(best[metric][i]), "nfe": table["nfe"][i],
                        "margin": table[f"{metric}_margin"][i],
                    }
                    for i in indices
                ]
                for metric in metrics
            }  # fmt: skip
            rows.append({"sampler": sampler, "fix": fix, "values": values})
    return rows


def claim_rows(differences: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the claims that this grid can test, each with its differences by step count."""
    rows = []
    for claim in DIRECTIONS:
        part = differences[differences["claim"] == claim.id].sort_values("steps")
        if len(part):
            rows.append({"claim": claim, "cells": {row["steps"]: row for row in part.to_dict("records")}})
    return rows


def verdict_counts(differences: pd.DataFrame) -> dict[str, int]:
    """Return how many claimed cells have each verdict, those without one last."""
    words = differences.loc[differences["claim"].notna(), "verdict"]
    order = ["replicates", "contradicted", "not seen at this setting", "inconclusive", NO_VERDICT]
    return {word: int((words == word).sum()) for word in order if (words == word).any()}


def settings(samples: Sequence[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """Return each sampler's and fix's name with the values that its cells were sampled with."""
    found = {sample["sampler"]: sample["sampler_params"] for sample in samples}
    found |= {sample["fix"]: sample["fix_params"] for sample in samples}
    return list(found.items())


def preview_uri(model: str, sampler: str, fix: str, steps: int) -> str:
    """Return a cell's preview picture as a data URI."""
    content = Cell(model, sampler, fix, steps).samples.with_suffix(".png").read_bytes()
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"

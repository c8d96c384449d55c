"""What was measured: scores of cells, curves of diagnoses and times, as numbers for the tables and in long form."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

import pandas as pd

from stages.plan.result_files import Times
from stages.scoring.evaluation import metrics
from stages.store.records import DiagnosisRecord, SampleRecord, Score, ScoreRecord

AXES = ["model", "sampler", "fix", "steps"]
DIAGNOSIS_COLUMNS = ["model", "sampler", "steps", "fix", "measure", "at", "value", "margin"]
# As many as plots show: the table is in git.
DIGITS = 4
MARGIN_DIGITS = 2
# Measures that the table in git has of some models alone: they hardly differ between models of one network, or follow
# from others.
SHAPES = (
    "chosen",
    "coupling_to",
    "delta_released",
    "eps_norm_ceiling",
    "eps_norm_ratio_fit",
    "histogram_at",
    "nearest",
    "shift_",
    "step_",
    "variance",
    "window_",
)


class Measurement(NamedTuple):
    """A measured number with the margin of its 95 % interval, over n images."""

    value: float
    margin: float
    n: int


def measurements(
    scores: Mapping[str, ScoreRecord], diagnoses: Iterable[DiagnosisRecord], times: Times
) -> dict[str, dict[str, Measurement]]:
    """Return the measured numbers by metric, for each cell and for each ``diagnosis_key``.

    Args:
        scores: the score record of each cell.
        diagnoses: the diagnosis records, which measure delta_bar.
        times: the timed cells; cells without scores are left out.
    """
    found: dict[str, dict[str, Measurement]] = {}
    for key, record in scores.items():
        found[key] = {
            metric: Measurement(score.value, score.margin, record.n_fake)
            for metric, score in metric_scores(record).items()
        }
        if key in times.cells:
            timed = times.cells[key]
            found[key]["time_ms"] = Measurement(timed.ms, timed.margin, timed.images)
    for record in diagnoses:
        for error in record.reverse:
            key = diagnosis_key(record.model, error.steps)
            found[key] = {"delta_bar": Measurement(error.value, error.margin, error.n)}
    return found


def diagnosis_key(model: str, steps: str | int) -> str:
    """Return the key of what the diagnosis of a model measured, among the keys of cells; no cell has such a key."""
    return f"{model} @ {steps}"


def metric_scores(record: ScoreRecord) -> dict[str, Score]:
    """Return the scores of a cell by metric."""
    return {name: value for name, value in record if isinstance(value, Score)}


def metric_names(scores: Iterable[ScoreRecord]) -> list[str]:
    """Return the metrics that these records have, in the order of tables."""
    found = {name for record in scores for name in metric_scores(record)}
    return [name for name in metrics() if name in found]


def score_table(
    scores: Mapping[str, ScoreRecord], samples: Mapping[str, SampleRecord], floor: float | None
) -> pd.DataFrame:
    """Return one row per cell: settings, n, the scores with their 95 % margins, and whether FID is below the floor.

    Args:
        scores: the score record of each cell.
        samples: the record of the images of each cell.
        floor: the FID of real images against other real ones, None if it is not known.
    """
    names = metric_names(scores.values())
    rows = []
    for key, record in scores.items():
        sample = samples[key]
        row = {
            "dataset": record.reference,
            "model": record.model,
            "sampler": record.sampler,
            "spacing": sample.sampler_params["spacing"],
            "fix": record.fix,
            "steps": record.steps,
            "nfe": sample.nfe,
            "eta": sample.sampler_params.get("eta"),
            "seed": sample.seed,
            "n": record.n_fake,
        }
        measured = metric_scores(record)
        for metric in names:
            if metric in measured:
                row[metric] = measured[metric].value
                row[f"{metric}_margin"] = measured[metric].margin
        row["below_floor"] = floor is not None and measured["fid"].value < floor
        rows.append(row)
    return pd.DataFrame(rows)


def diagnosis_table(records: Mapping[str, DiagnosisRecord]) -> pd.DataFrame:
    """Return all curves of the diagnoses in long form, one row per value.

    ``at`` is a time (-1 the clean image), a frequency band (``power``), the distance from the target time of a step
    (``coupling_to``), or the centre of a bin; rows of ``control`` are what a measure is compared with. ``margin`` is
    half the width of the 95 % interval over images, where there is one. ``steps`` are those of the sampler's grid; the
    deterministic chain of ``delta_bar``, which starts at the time ``at``, stands beside the first of these. Of the
    power along chains the table has the finest band. Values have 4 significant digits and margins 2.
    """
    rows = []
    for model, record in records.items():
        bands = [curve.measure for curve in record.curves if curve.measure.startswith("power_")]
        coarse = {band for band in bands if band != max(bands, key=lambda name: int(name.removeprefix("power_")))}
        for curve in record.curves:
            if curve.measure in coarse:
                continue
            margins = curve.margins or [None] * len(curve.values)
            for at, value, margin in zip(curve.at, curve.values, margins, strict=True):
                rows.append((model, curve.sampler, curve.steps, curve.fix, curve.measure, at, value, margin))
    for model, record in records.items():
        steps = record.diagnose.steps[0]
        for error in record.reverse:
            rows.append((model, "ddpm", steps, "none", "delta_bar", error.steps - 1, error.value, error.margin))
    table = pd.DataFrame(rows, columns=DIAGNOSIS_COLUMNS)
    for column, digits in (("at", DIGITS), ("value", DIGITS), ("margin", MARGIN_DIGITS)):
        table[column] = [float(f"{number:.{digits}g}") for number in table[column].astype(float)]
    return table


def diagnosis_in_git(diagnosis: pd.DataFrame, detailed: Collection[str]) -> pd.DataFrame:
    """Return the long form of the diagnoses without the ``SHAPES`` of models that are not ``detailed``."""
    return diagnosis[diagnosis["model"].isin(detailed) | ~diagnosis["measure"].str.startswith(SHAPES)]


def exposure_bias_curves(diagnosis: pd.DataFrame) -> pd.DataFrame:
    """Return the curves of delta and of the eps-norm ratio along the chain without a fix, and of their controls.

    They are of the samplers that all models have, at the first number of steps.
    """
    shown = diagnosis["measure"].isin(["delta", "eps_norm_ratio"]) & diagnosis["fix"].isin(["none", "control"])
    shown &= diagnosis["sampler"].isin(["ddpm", "ddim"]) & (diagnosis["steps"] == diagnosis["steps"].iloc[:1].max())
    return diagnosis[shown].rename(columns={"at": "time"})

"""What diagnoses found, as scores and in long form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from stages.reporting.results.regenerated import diagnosis_key
from stages.store.record_types import Curve, DiagnosisRecord

COLUMNS = ("model", "sampler", "fix", "measure", "at", "value", "margin")


def diagnosed_scores(records: Iterable[DiagnosisRecord]) -> dict[str, dict[str, Any]]:
    """Return delta_bar of every model and number of steps, as tables take scores."""
    return {
        diagnosis_key(record.model, each.steps): {"delta_bar": each.model_dump()}
        for record in records
        for each in record.reverse
    }


def diagnosis_table(records: Mapping[str, DiagnosisRecord]) -> pd.DataFrame:
    """Return all curves in long form: a row for each value.

    ``at`` is a time (-1 the clean image), a band of frequencies (``power``), or how far from a step's target time
    (``coupling``); the rows of ``control`` are what a measure is held against. ``margin`` is half the width of the
    95 % interval over images, where there is one.
    """
    rows = [
        (model, curve.sampler, curve.fix, curve.measure, at, value, margin)
        for model, record in records.items()
        for curve in record.curves
        for at, value, margin in zip(curve.at, curve.values, _margins(curve), strict=True)
    ]
    rows += [
        (model, "ddpm", "none", "delta_bar", each.steps - 1, each.value, each.margin)
        for model, record in records.items()
        for each in record.reverse
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _margins(curve: Curve) -> Sequence[float | None]:
    return [None] * len(curve.values) if curve.margins is None else curve.margins

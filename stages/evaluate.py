"""Score one cell: FID, sFID, raw-pixel Frechet distance, precision and recall, with jackknife replicates."""

from __future__ import annotations

from typing import Any

from stages.metrics.features import Features
from stages.metrics.frechet import frechet_distance, frechet_replicates, statistics
from stages.metrics.intervals import jackknife, share_margin
from stages.metrics.neighbours import precision_recall
from stages.pipeline.cells import planned_cell
from stages.pipeline.errors import InputError
from stages.pipeline.feature_network import extract_features, load_feature_network
from stages.pipeline.files import read_config, read_json, read_npz, write_json
from stages.pipeline.layout import FEATURE_NETWORK, REFERENCE, REFERENCE_RECORD, samples_path, scores_path
from stages.pipeline.params import read_params
from stages.pipeline.runtime import versions
from stages.sections.study import Evaluate


def run(cell: str) -> None:
    """Write the scores of one cell's images."""
    params, axes = read_params(), planned_cell(cell).axes
    evaluate, n = params.evaluate, params.sample.n
    (images,) = read_npz(samples_path(cell), "arr_0")
    if len(images) != n:
        raise InputError(f"{samples_path(cell)}: {len(images)} images, sample.n is {n}; run dvc repro")
    fake = extract_features(load_feature_network(), images, f"evaluate {cell}")
    reference = read_json(REFERENCE_RECORD)
    record = {
        **axes,
        "n_fake": n,
        "n_real": reference["n_real"],
        "reference": reference["reference"],
        "feature_network": read_config(FEATURE_NETWORK)["network"],
        "evaluate": evaluate.model_dump(),
        "versions": versions("numpy", "scipy", "torch-fidelity", "scikit-learn"),
    }
    write_json(scores_path(cell), record | score(fake, evaluate))


def score(fake: Features, evaluate: Evaluate) -> dict[str, Any]:
    """Return every score against the reference; with the margin of its 95 % interval.

    Frechet distances have their replicates too, one group of images left out at a time: paired differences need them.
    """
    scores: dict[str, Any] = {}
    for name, features in fake.frechet().items():
        mu, sigma = read_npz(REFERENCE, f"mu_{name}", f"sigma_{name}")
        real = {"mu": mu, "sigma": sigma}
        value = frechet_distance(statistics(features), real)
        replicates = frechet_replicates(features, real, evaluate.jackknife_groups)
        interval = jackknife(value, replicates)
        scores[name] = {"value": value, "margin": (interval.high - interval.low) / 2, "replicates": replicates}
    (pooled,) = read_npz(REFERENCE, "pooled")
    fidelity = precision_recall(fake.pooled, pooled, evaluate.neighborhood)
    counted = {"precision": len(fake.pooled), "recall": len(pooled)}
    margins = {name: share_margin(value, counted[name]) for name, value in fidelity.items()}
    return scores | {name: {"value": value, "margin": margins[name]} for name, value in fidelity.items()}

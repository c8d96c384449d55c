"""Score one cell: FID, sFID, raw-pixel Frechet distance, precision and recall, with jackknife replicates."""

from __future__ import annotations

from typing import Any

from stages.feature_network import extract_features, load_feature_network
from stages.files import InputError, read_config, read_json, read_npz, write_json
from stages.layout import FEATURE_NETWORK, REFERENCE, Cell
from stages.metrics.features import Features
from stages.metrics.fidelity import frechet_distance, frechet_replicates, precision_recall, statistics
from stages.metrics.intervals import jackknife, share_margin
from stages.params import Evaluate, read_params
from stages.runtime import versions


def run(model: str, sampler: str, fix: str, steps: int) -> None:
    """Write the scores of one cell's images."""
    cell = Cell(model, sampler, fix, steps)
    sample, evaluate = read_params("sample", "evaluate")
    (images,) = read_npz(cell.samples, "arr_0")
    if len(images) != sample.n:
        raise InputError(f"{cell.samples}: {len(images)} images, sample.n is {sample.n}; run dvc repro")
    fake = extract_features(load_feature_network(), images, f"evaluate {cell.key}")
    reference = read_json(REFERENCE.with_suffix(".json"))
    record = {
        **cell._asdict(),
        "n_fake": sample.n,
        "n_real": reference["n_real"],
        "reference": reference["reference"],
        "feature_network": read_config(FEATURE_NETWORK)["network"],
        "evaluate": evaluate.model_dump(),
        "versions": versions("numpy", "scipy", "torch-fidelity", "scikit-learn"),
    }
    write_json(cell.scores, record | score(fake, evaluate))


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

"""Score one cell: FID, sFID, raw-pixel Frechet distance, precision and recall, with jackknife replicates."""

from __future__ import annotations

from typing import Any

from stages.feature_network import extract_features, load_feature_network
from stages.files import InputError, read_config, read_json, read_npz, write_json
from stages.layout import FEATURE_NETWORK, REFERENCE, Cell
from stages.metrics.features import Features
from stages.metrics.fidelity import frechet_distance, frechet_replicates, precision_recall, statistics
from stages.metrics.intervals import jackknife
from stages.params import Evaluate, read_params


def run(model: str, sampler: str, fix: str, steps: int) -> None:
    """Write the scores of one cell's images."""
    cell = Cell(model, sampler, fix, steps)
    sample, evaluate = read_params("sample", "evaluate")
    (images,) = read_npz(cell.samples, "arr_0")
    if len(images) != sample.n:
        raise InputError(f"{cell.samples}: {len(images)} images, sample.n is {sample.n}; run dvc repro")
    least = max(evaluate.jackknife_groups, evaluate.neighborhood + 2)
    if sample.n < 2 * least:
        raise InputError(f"sample.n: {sample.n} images are too few to score; allowed are {2 * least} and more")
    fake = extract_features(load_feature_network(), images, f"evaluate {cell.key}")
    reference = read_json(REFERENCE.with_suffix(".json"))
    record = {
        **cell._asdict(),
        "n_fake": sample.n,
        "n_real": reference["n_real"],
        "reference": reference["reference"],
        "feature_network": read_config(FEATURE_NETWORK)["network"],
    }
    write_json(cell.scores, record | score(fake, evaluate))


def score(fake: Features, evaluate: Evaluate) -> dict[str, Any]:
    """Return every score against the reference; each Frechet distance with the margin of its 95 % interval.

    The replicates, one group of images left out at a time, are what paired differences are made of.
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
    return scores | {name: {"value": value} for name, value in fidelity.items()}

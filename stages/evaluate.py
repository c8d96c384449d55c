"""Score one cell: FID, sFID, raw-pixel Frechet distance, Inception score, precision and recall, with their margins."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from stages.config.errors import InputError
from stages.config.params import Evaluate
from stages.config.params_file import read_params
from stages.plan.plan_file import planned_cell
from stages.scoring.extract import extract_features, load_feature_network
from stages.scoring.features import Features
from stages.scoring.frechet import frechet_distance, frechet_replicates
from stages.scoring.inception_score import inception_score, inception_score_replicates
from stages.scoring.intervals import jackknife_margin, share_margin
from stages.scoring.neighbours import precision_recall
from stages.scoring.statistics import GroupMoments, Statistics, group_sizes
from stages.store.files import read_npz, sha256
from stages.store.images import image_parts, image_shape
from stages.store.paths import FEATURE_NETWORK, REFERENCE, REFERENCE_RECORD, samples_path, scores_path
from stages.store.record_types import ReferenceRecord, ScoreRecord
from stages.store.records import read_record, write_record


def run(cell: str) -> None:
    """Write the scores of one cell's images."""
    params, axes, path = read_params(), planned_cell(cell).axes, samples_path(cell)
    evaluate, n, reference = params.evaluate, params.sample.n, read_record(REFERENCE_RECORD, ReferenceRecord)
    check_reference(reference)
    if (found := image_shape(path)) != (n, *reference.shape):
        raise InputError(f"{path}: images {list(found)}, expected {[n, *reference.shape]}; run dvc repro")
    network = load_feature_network()
    fake = extract_features(network, not_all_alike(image_parts(path), path), n, f"evaluate {cell}")
    record = ScoreRecord(
        **axes, n_fake=n, n_real=reference.n_real, reference=reference.reference, feature_network=network.name,
        evaluate=evaluate, samples_sha256=sha256(path), reference_sha256=reference.sha256, **score(fake, n, evaluate),
    )  # fmt: skip
    write_record(scores_path(cell), record)


def check_reference(record: ReferenceRecord) -> None:
    """Refuse features and a feature network that are not those of the record."""
    for path, expected in ((REFERENCE, record.sha256), (FEATURE_NETWORK, record.network_sha256)):
        if sha256(path) != expected:
            raise InputError(f"{path}: not what {REFERENCE_RECORD} was written with; run dvc repro")


def not_all_alike(parts: Iterable[np.ndarray], path: Path) -> Iterator[np.ndarray]:
    """Yield parts of images, refusing a set whose pixels all have one value: no sampler makes it."""
    values: set[int] = set()
    for part in parts:
        values |= {int(part.min()), int(part.max())}
        yield part
    if len(values) == 1:
        raise InputError(f"{path}: every pixel is {values.pop()}; delete it and run dvc repro")


def score(fake: Iterable[Features], n: int, evaluate: Evaluate) -> dict[str, Any]:
    """Return every score of n images against the reference; with the margin of its 95 % interval.

    Scores of the whole set have their replicates too, one group of images left out at a time: paired differences need
    them.
    """
    moments: dict[str, GroupMoments] = {}
    kept, logits, sizes = [], [], group_sizes(n, evaluate.jackknife_groups)
    for features in fake:
        kept.append(features.pooled)
        logits.append(features.logits)
        for name, values in features.frechet().items():
            moments.setdefault(name, GroupMoments(sizes)).add(values)
    scores: dict[str, Any] = {}
    for name, counted in moments.items():
        mu, sigma, root = read_npz(REFERENCE, f"mu_{name}", f"sigma_{name}", f"root_{name}")
        real = Statistics(mu, sigma)
        value = frechet_distance(counted.statistics(), real, root)
        scores[name] = with_margin(value, frechet_replicates(counted, real, root))
    told = np.concatenate(logits)
    scores["inception_score"] = with_margin(inception_score(told), inception_score_replicates(told, sizes))
    return scores | fidelity(np.concatenate(kept), evaluate.neighborhood)


def with_margin(value: float, replicates: list[float]) -> dict[str, Any]:
    """Return a score with its margin and replicates, as the record has it."""
    return {"value": value, "margin": jackknife_margin(value, replicates), "replicates": replicates}


def fidelity(pooled: np.ndarray, neighborhood: int) -> dict[str, dict[str, float]]:
    """Return precision and recall of features [n, d] against the reference, with their margins."""
    (real,) = read_npz(REFERENCE, "pooled")
    counted = {"precision": len(pooled), "recall": len(real)}
    shares = precision_recall(pooled, real, neighborhood)
    return {name: {"value": share, "margin": share_margin(share, counted[name])} for name, share in shares.items()}

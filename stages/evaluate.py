"""Score the images of one cell against the reference, by every metric."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from stages.config.errors import InputError
from stages.plan.plan_file import planned_cell
from stages.scoring.evaluation import scores
from stages.scoring.features import extract_features, gather, read_reference
from stages.scoring.statistics import group_sizes
from stages.store.files import sha256
from stages.store.images import image_parts, image_shape
from stages.store.models import load_feature_network
from stages.store.paths import FEATURE_NETWORK, REFERENCE, REFERENCE_RECORD, samples_path, scores_path
from stages.store.records import ReferenceRecord, ScoreRecord, read_record, write_record


def run(cell: str) -> None:
    """Write the scores of one cell's images, with the settings that the reference was made with."""
    axes = planned_cell(cell).axes
    reference = read_record(REFERENCE_RECORD, ReferenceRecord)
    check_reference(reference)
    n = reference.n_fake
    path = samples_path(cell)
    shape = image_shape(path)
    if shape != (n, *reference.shape):
        raise InputError(f"{path}: images {list(shape)}, expected {[n, *reference.shape]}; run dvc repro")
    network = load_feature_network()
    features = extract_features(network, not_all_alike(image_parts(path), path), n, f"evaluate {cell}")
    fake = gather(features, group_sizes(n, reference.evaluate.jackknife_groups))
    record = {
        **axes,
        "n_fake": n,
        "n_real": reference.n_real,
        "reference": reference.reference,
        "feature_network": network.name,
        "evaluate": reference.evaluate,
        "samples_sha256": sha256(path),
        "reference_sha256": reference.sha256,
        **scores(fake, read_reference(), reference.evaluate.neighborhood),
    }
    write_record(scores_path(cell), ScoreRecord.model_validate(record))


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

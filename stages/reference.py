"""Extract the real images' features and statistics once, and score real images against one another: the floor."""

from __future__ import annotations

import numpy as np
import torch

from stages.config.errors import InputError
from stages.config.params import PARAMS, read_params
from stages.diffusion.random_streams import stream
from stages.plan.plan_file import read_cells
from stages.scoring.evaluation import values
from stages.scoring.features import (
    Features,
    extract_features,
    gather,
    real_features,
    reference_arrays,
)
from stages.store.files import read_npz, sha256, write_npz
from stages.store.models import load_feature_network
from stages.store.paths import DATASET, FEATURE_NETWORK, REFERENCE, REFERENCE_RECORD
from stages.store.records import Floor, ReferenceRecord, write_record

SPLIT = 5


def run() -> None:
    """Write pooled features, mean, covariance and its root for each kind of features, and the floor.

    Raises:
        InputError: an image has fewer neighbours among the real images than precision and recall need.
    """
    params = read_params()
    read_cells()  # refuses a plan for another feature network, whose file DVC would then depend on
    (images,) = read_npz(DATASET, "images")
    n = len(images)
    neighborhood = params.evaluate.neighborhood
    if neighborhood >= n:
        raise InputError(f"{PARAMS}: evaluate.neighborhood: {neighborhood}; of {n} real images, at most {n - 1}")
    features = extracted(images)
    write_npz(REFERENCE, **reference_arrays(real_features(features, neighborhood)))
    record = ReferenceRecord(
        reference=params.prepare.dataset,
        n_real=n,
        n_fake=params.sample.n,
        evaluate=params.evaluate,
        shape=images.shape[1:],
        sha256=sha256(REFERENCE),
        dataset_sha256=sha256(DATASET),
        network_sha256=sha256(FEATURE_NETWORK),
        floor=real_floor(features, params.sample.n, params.seed, neighborhood),
    )
    write_record(REFERENCE_RECORD, record)


def extracted(images: np.ndarray) -> Features:
    """Return the features of all images NHWC."""
    batches = list(extract_features(load_feature_network(), [images], len(images), "reference"))
    pixels = [batch.pixels for batch in batches if batch.pixels is not None]
    return Features(
        pooled=np.concatenate([batch.pooled for batch in batches]),
        spatial=np.concatenate([batch.spatial for batch in batches]),
        pixels=np.concatenate(pixels) if pixels else None,
        logits=np.concatenate([batch.logits for batch in batches]),
    )


def real_floor(features: Features, n: int, seed: int, neighborhood: int) -> Floor | None:
    """Return the scores of ``n`` real images drawn at random against the remaining ones, or None if too few remain."""
    remaining = len(features.pooled) - n
    if remaining < neighborhood + 2:
        return None
    order = torch.randperm(len(features.pooled), generator=stream(seed, SPLIT, 1)).numpy()
    drawn = gather([chosen(features, order[:n])], [n])
    rest = real_features(chosen(features, order[n:]), neighborhood)
    return Floor.model_validate({**values(drawn, rest, neighborhood), "n_fake": n, "n_real": remaining})


def chosen(features: Features, indices: np.ndarray) -> Features:
    """Return the features of some of the images."""
    return Features(
        pooled=features.pooled[indices],
        spatial=features.spatial[indices],
        pixels=None if features.pixels is None else features.pixels[indices],
        logits=features.logits[indices],
    )

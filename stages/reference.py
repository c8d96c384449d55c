"""Extract the real images' features and statistics once, and score real images against one another: the floor."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean

import numpy as np
import torch

from stages.config.errors import InputError
from stages.config.params import PARAMS, read_params
from stages.diffusion.block_noise import block_labels
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
from stages.scoring.frechet import frechet_distance
from stages.scoring.statistics import square_root, statistics
from stages.store.files import read_npz, sha256, write_npz
from stages.store.models import load_feature_network
from stages.store.paths import DATASET, FEATURE_NETWORK, REFERENCE, REFERENCE_RECORD
from stages.store.records import Floor, ReferenceRecord, Splits, write_record

SPLIT = 5
# The random splits of real images whose FID tells how far that of a single one may be off.
SPLITS = 20


def run() -> None:
    """Write pooled features, mean, covariance and its root for each kind of features, and the floor.

    Raises:
        InputError: an image has fewer neighbours among the real images than precision and recall need.
    """
    params = read_params()
    read_cells()  # refuses a plan for another feature network, whose file DVC would then depend on
    images, labels = read_npz(DATASET, "images", "labels")
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
        floor=real_floor(features, labels, params.sample.n, params.seed, neighborhood),
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


def real_floor(features: Features, labels: np.ndarray, n: int, seed: int, neighborhood: int) -> Floor | None:
    """Return the scores of ``n`` real images drawn at random against the remaining ones, or None if too few remain."""
    remaining = len(features.pooled) - n
    if remaining < neighborhood + 2:
        return None
    orders = [torch.randperm(len(labels), generator=stream(seed, SPLIT, i)).numpy() for i in range(1, SPLITS + 1)]
    drawn = gather([chosen(features, orders[0][:n])], [n])
    rest = real_features(chosen(features, orders[0][n:]), neighborhood)
    splits = split_fids(features.pooled, labels, orders, n, seed)
    return Floor.model_validate(
        {**values(drawn, rest, neighborhood), "n_fake": n, "n_real": remaining, "splits": splits}
    )


def split_fids(pooled: np.ndarray, labels: np.ndarray, orders: Sequence[np.ndarray], n: int, seed: int) -> Splits:
    """Return the FID of ``n`` real images by how they are drawn and what they are compared with.

    Where n is small, FID depends on the draw: on the classes that happen to be in it, and on whether it is compared
    with images that are not among it or, as cells are, with all.

    Args:
        pooled: features of all real images [N, d].
        labels: their classes [N].
        orders: random orders of the images, of each of which the first ``n`` are drawn.
        n: the number of images drawn.
        seed: of the labels that class-conditional cells draw.
    """
    whole = statistics(pooled)
    whole_root = square_root(whole.sigma)

    def against_rest(order: np.ndarray) -> float:
        rest = statistics(pooled[order[n:]])
        return frechet_distance(statistics(pooled[order[:n]]), rest, square_root(rest.sigma))

    def against_all(order: np.ndarray) -> float:
        return frechet_distance(statistics(pooled[order[:n]]), whole, whole_root)

    fids = [against_rest(order) for order in orders]
    classes = int(labels.max()) + 1
    wanted = np.bincount(block_labels(seed, 0, n, classes, torch.device("cpu")).numpy(), minlength=classes)
    enough = (wanted <= np.bincount(labels, minlength=classes)).all()
    return Splits(
        count=len(orders),
        mean=mean(fids),
        low=min(fids),
        high=max(fids),
        balanced=mean(against_rest(by_class(order, labels, shares(labels, n))) for order in orders),
        whole=mean(map(against_all, orders)),
        labelled=mean(against_all(by_class(order, labels, wanted)) for order in orders) if enough else None,
    )


def shares(labels: np.ndarray, n: int) -> np.ndarray:
    """Return the numbers of images of each class among ``n`` that keep the shares of the classes, to rounding."""
    cumulated = np.cumsum(np.bincount(labels)) * n // len(labels)
    return np.diff(cumulated, prepend=0)


def by_class(order: np.ndarray, labels: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return an order of the images whose first ones are the first of each class, in these numbers."""
    first = np.concatenate([order[labels[order] == label][:count] for label, count in enumerate(wanted)])
    return np.concatenate([first, np.setdiff1d(order, first)])


def chosen(features: Features, indices: np.ndarray) -> Features:
    """Return the features of some of the images."""
    return Features(
        pooled=features.pooled[indices],
        spatial=features.spatial[indices],
        pixels=None if features.pixels is None else features.pixels[indices],
        logits=features.logits[indices],
    )

"""Features of images: by batches from the feature network, and what scores take of a whole set of images."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
from tqdm import tqdm

from stages.config.errors import InputError
from stages.config.runtime import batches, pick_device
from stages.scoring.neighbours import ball_radii
from stages.scoring.statistics import GroupMoments, Statistics, square_root, statistics
from stages.store.files import read_npz
from stages.store.models import FeatureNetwork
from stages.store.paths import FEATURE_NETWORK, REFERENCE

# Pixels are features only where an image has at most so many values.
PIXEL_LIMIT = 256
# Features of which mean and covariance are taken.
Kind = Literal["pooled", "spatial", "pixels"]
KINDS: tuple[Kind, ...] = ("pooled", "spatial", "pixels")


class Features(NamedTuple):
    """Features of n images, float32: pooled [n, d], spatial [n, s], pixels [n, p] or None, logits of classes [n, K]."""

    pooled: np.ndarray
    spatial: np.ndarray
    pixels: np.ndarray | None
    logits: np.ndarray


class FakeFeatures(NamedTuple):
    """What scores take of generated images.

    Attributes:
        sizes: numbers of images of the consecutive groups that replicates leave out.
        moments: by kind of features, apart for each group.
        pooled: [n, d].
        logits: [n, K].
    """

    sizes: Sequence[int]
    moments: Mapping[Kind, GroupMoments]
    pooled: np.ndarray
    logits: np.ndarray


class RealStatistics(NamedTuple):
    """Mean and covariance of real features, and the square root of the covariance."""

    statistics: Statistics
    root: np.ndarray


class RealFeatures(NamedTuple):
    """What scores take of real images, the same for all cells.

    Attributes:
        statistics: by kind of features.
        pooled: features [n, d].
        radii: the distance of each to its k-th neighbour, for precision [n].
    """

    statistics: Mapping[Kind, RealStatistics]
    pooled: np.ndarray
    radii: np.ndarray


def extract_features(network: FeatureNetwork, parts: Iterable[np.ndarray], n: int, label: str) -> Iterator[Features]:
    """Yield the features of n uint8 images NHWC that come in ``parts``, by batches of at most runtime.batch_size.

    Raises:
        InputError: a feature is not finite.
    """
    import torch

    device = pick_device()
    with tqdm(total=n, desc=label, unit="img", mininterval=1) as progress:
        for part in parts:
            for start, stop in batches(len(part)):
                images = part[start:stop]
                batch = torch.from_numpy(images).permute(0, 3, 1, 2).to(device)
                pooled, spatial, logits = (features.cpu().numpy() for features in network.features(batch))
                if not all(np.isfinite(features).all() for features in (pooled, spatial, logits)):
                    raise InputError(f"{FEATURE_NETWORK}: features of images are not finite; check extractor in params")
                flat = images.reshape(len(images), -1)
                pixels = flat.astype(np.float32) / 255 if flat.shape[1] <= PIXEL_LIMIT else None
                progress.update(len(images))
                yield Features(pooled, spatial, pixels, logits)


def gather(batches: Iterable[Features], sizes: Sequence[int], kinds: Collection[Kind] = KINDS) -> FakeFeatures:
    """Return what scores take of generated images, from their features by batches, in the order of the images.

    Args:
        batches: features of all images.
        sizes: numbers of images of the consecutive groups that replicates leave out; one group without replicates.
        kinds: features of which moments are needed; fewer take less time.
    """
    moments: dict[Kind, GroupMoments] = {}
    pooled = []
    logits = []
    for features in batches:
        pooled.append(features.pooled)
        logits.append(features.logits)
        for kind in kinds:
            values = getattr(features, kind)
            if values is not None:
                moments.setdefault(kind, GroupMoments(sizes)).add(values)
    return FakeFeatures(sizes, moments, np.concatenate(pooled), np.concatenate(logits))


def real_features(features: Features, neighborhood: int) -> RealFeatures:
    """Return what scores take of real images; ``neighborhood`` is the k of precision and recall."""
    found: dict[Kind, RealStatistics] = {}
    for kind in KINDS:
        values = getattr(features, kind)
        if values is not None:
            counted = statistics(values)
            found[kind] = RealStatistics(counted, square_root(counted.sigma))
    return RealFeatures(found, features.pooled, ball_radii(features.pooled, neighborhood))


def reference_arrays(real: RealFeatures) -> dict[str, np.ndarray]:
    """Return the arrays of the reference's file."""
    arrays = {"pooled": real.pooled, "radii": real.radii, "kinds": np.array(list(real.statistics))}
    for kind, found in real.statistics.items():
        arrays[f"mu_{kind}"] = found.statistics.mu
        arrays[f"sigma_{kind}"] = found.statistics.sigma
        arrays[f"root_{kind}"] = found.root
    return arrays


def read_reference(only: Collection[Kind] = KINDS) -> RealFeatures:
    """Return the real features of the reference's file; ``only`` these kinds of statistics are read.

    Raises:
        InputError: the file is missing or damaged.
    """
    pooled, radii, kinds = read_npz(REFERENCE, "pooled", "radii", "kinds")
    found: dict[Kind, RealStatistics] = {}
    for kind in only:
        if kind in kinds:
            mu, sigma, root = read_npz(REFERENCE, f"mu_{kind}", f"sigma_{kind}", f"root_{kind}")
            found[kind] = RealStatistics(Statistics(mu, sigma), root)
    return RealFeatures(found, pooled, radii)

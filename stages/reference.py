"""Extract the real data's features and statistics once, and score real data against itself: the floor."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from stages.config.params_file import read_params
from stages.diffusion.random_streams import stream
from stages.scoring.extract import extract_features, load_feature_network
from stages.scoring.frechet import frechet_distance, square_root
from stages.scoring.inception_score import inception_score
from stages.scoring.neighbours import precision_recall
from stages.scoring.statistics import statistics
from stages.store.files import read_npz, sha256, write_npz
from stages.store.paths import DATASET, FEATURE_NETWORK, REFERENCE, REFERENCE_RECORD
from stages.store.record_types import Floor, ReferenceRecord
from stages.store.records import write_record

SPLIT = 5


def run() -> None:
    """Write pooled features and, for each Frechet distance, mu, sigma and its root; and the floor."""
    params = read_params()
    (images,) = read_npz(DATASET, "images")
    batches = list(extract_features(load_feature_network(), [images], len(images), "reference"))
    pooled, logits = (np.concatenate([getattr(f, name) for f in batches]) for name in ("pooled", "logits"))
    frechet = {name: np.concatenate([f.frechet()[name] for f in batches]) for name in batches[0].frechet()}
    arrays = {"pooled": pooled}
    for name, features in frechet.items():
        found = statistics(features)
        arrays |= {f"mu_{name}": found.mu, f"sigma_{name}": found.sigma, f"root_{name}": square_root(found.sigma)}
    write_npz(REFERENCE, **arrays)
    record = ReferenceRecord(
        reference=params.prepare.dataset, n_real=len(images), shape=images.shape[1:], sha256=sha256(REFERENCE),
        dataset_sha256=sha256(DATASET), network_sha256=sha256(FEATURE_NETWORK),
        floor=real_floor(pooled, frechet, logits, params.sample.n, params.seed, params.evaluate.neighborhood),
    )  # fmt: skip
    write_record(REFERENCE_RECORD, record)


def real_floor(
    pooled: np.ndarray, frechet: Mapping[str, np.ndarray], logits: np.ndarray, n: int, seed: int, neighborhood: int
) -> Floor | None:
    """Return the scores of ``n`` real images drawn at random against the remaining ones, or None if too few remain."""
    remaining = len(pooled) - n
    if remaining < neighborhood + 2:
        return None
    order = torch.randperm(len(pooled), generator=stream(seed, SPLIT, 1)).numpy()
    drawn, rest = order[:n], order[n:]
    distances = {}
    for name, features in frechet.items():
        real = statistics(features[rest])
        distances[name] = frechet_distance(statistics(features[drawn]), real, square_root(real.sigma))
    return Floor(
        **distances, **precision_recall(pooled[drawn], pooled[rest], neighborhood),
        inception_score=inception_score(logits[drawn]), n_fake=n, n_real=remaining,
    )  # fmt: skip

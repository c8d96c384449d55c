"""Extract the real data's features and statistics once, and score real data against itself: the floor."""

from __future__ import annotations

from typing import Any

import torch

from stages.metrics.features import Features
from stages.metrics.frechet import frechet_distance, statistics
from stages.metrics.neighbours import precision_recall
from stages.pipeline.feature_network import extract_features, load_feature_network
from stages.pipeline.files import read_npz, write_json, write_npz
from stages.pipeline.layout import DATASET, REFERENCE, REFERENCE_RECORD
from stages.pipeline.params import read_params
from stages.pipeline.streams import stream

SPLIT = 5


def run() -> None:
    """Write pooled features and, for each Frechet distance, mu and sigma of all real images; and the floor."""
    params = read_params()
    (images,) = read_npz(DATASET, "images")
    real = extract_features(load_feature_network(), images, "reference")
    arrays = {"pooled": real.pooled}
    for name, features in real.frechet().items():
        moments = statistics(features)
        arrays |= {f"mu_{name}": moments["mu"], f"sigma_{name}": moments["sigma"]}
    record = {
        "reference": params.prepare.dataset, "n_real": len(images),
        "floor": real_floor(real, params.sample.n, params.seed, params.evaluate.neighborhood),
    }  # fmt: skip
    write_json(REFERENCE_RECORD, record)
    write_npz(REFERENCE, **arrays)


def real_floor(real: Features, n: int, seed: int, neighborhood: int) -> dict[str, Any] | None:
    """Return the scores of ``n`` real images drawn at random against the remaining ones, or None if too few remain."""
    remaining = len(real.pooled) - n
    if remaining < neighborhood + 2:
        return None
    order = torch.randperm(len(real.pooled), generator=stream(seed, SPLIT, 1)).numpy()
    drawn, rest = order[:n], order[n:]
    distances = {
        name: frechet_distance(statistics(features[drawn]), statistics(features[rest]))
        for name, features in real.frechet().items()
    }
    fidelity = precision_recall(real.pooled[drawn], real.pooled[rest], neighborhood)
    return {**distances, **fidelity, "n_fake": n, "n_real": remaining}

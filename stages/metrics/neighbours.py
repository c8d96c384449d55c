"""Precision and recall by nearest neighbours, by torch-fidelity."""

from __future__ import annotations

import numpy as np
import torch
from torch_fidelity.metric_prc import prc_features_to_metric


def precision_recall(fake: np.ndarray, real: np.ndarray, neighborhood: int) -> dict[str, float]:
    """Return the share of fakes inside a real k-NN ball and of reals inside a fake one (Kynkaanniemi et al. 2019).

    ``neighborhood`` is k, 3 in the papers; distances are computed in blocks to bound the memory.
    """
    scores = prc_features_to_metric(
        torch.from_numpy(fake), torch.from_numpy(real),
        prc_neighborhood=neighborhood, prc_batch_size=10_000, save_cpu_ram=True, verbose=False,
    )  # fmt: skip
    return {name: float(scores[name]) for name in ("precision", "recall")}

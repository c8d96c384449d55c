"""FID along one model's training: of each of its EMA snapshots and of its last weights, on the same noise."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from stages.config.errors import InputError
from stages.config.params import read_params
from stages.config.runtime import batches
from stages.plan.plan_file import planned_trajectory
from stages.sampling.denoiser import to_uint8
from stages.sampling.draw import Draw, drawing
from stages.scoring.features import extract_features, gather, read_reference
from stages.scoring.metrics import fid
from stages.scoring.statistics import group_sizes
from stages.store.files import sha256
from stages.store.models import load_feature_network, load_model, load_snapshot, load_snapshots
from stages.store.paths import FEATURE_NETWORK, REFERENCE, model_path, snapshots_path, trajectory_record_path
from stages.store.records import TrajectoryRecord, log_run, write_record


def run(model: str) -> None:
    """Write the record of FID against the training iterations of one model, on the noise that scores are made with."""
    params = read_params()
    cell = planned_trajectory(model)
    started = time.monotonic()
    n = params.sample.n
    sizes = group_sizes(n, params.evaluate.jackknife_groups)
    trained = load_model(model, cell.network)
    draw = drawing(params, cell, trained, params.seed)
    network = load_feature_network()
    real = read_reference(fid.KINDS)
    snapshots, training = load_snapshots(model)
    last = {name: tensor.clone() for name, tensor in trained.network.state_dict().items()}
    points = []
    weights = {**snapshots, training["iterations"]: last}
    for iteration, tensors in tqdm(weights.items(), desc=f"trajectory {model}", unit="checkpoint"):
        load_snapshot(trained.network, tensors, model)
        label = f"{model}, {iteration} iterations"
        features = extract_features(network, drawn_images(draw, cell.values, n, label), n, label)
        score = fid.score(gather(features, sizes, fid.KINDS), real, params.evaluate.neighborhood)
        points.append({"iteration": iteration, **score})
    record = {
        **cell.axes,
        **params.sample.model_dump(),
        "labels": params.labels(cell),
        "seed": params.seed,
        "evaluate": params.evaluate,
        "sampler_params": params.samplers[cell.sampler].model_dump(),
        "fix_params": params.fixes[cell.fix].resolved(cell.values).model_dump(),
        "model_sha256": sha256(model_path(model)),
        "snapshot_sha256": sha256(snapshots_path(model)),
        "reference_sha256": sha256(REFERENCE),
        "network_sha256": sha256(FEATURE_NETWORK),
        "points": points,
    }
    write_record(trajectory_record_path(model), TrajectoryRecord.model_validate(record))
    log_run(f"trajectory-{model}", started)


def drawn_images(draw: Draw, values: Mapping[str, int | float], n: int, label: str) -> Iterator[np.ndarray]:
    """Yield ``n`` images, uint8 NHWC, drawn a batch at a time with the weights that the network has now.

    Raises:
        InputError: an image is not finite.
    """
    for start, stop in batches(n):
        x: Tensor = draw(values, start, stop)
        if not torch.isfinite(x).all():
            raise InputError(f"{label}: images {start} to {stop - 1} are not finite; check its params")
        yield to_uint8(x)

"""FID along one model's training: of each of the weights that it kept, and of the last ones, on the same noise."""

from __future__ import annotations

import time
from collections.abc import Mapping

import torch
from torch import Tensor
from tqdm import tqdm

from stages.config.errors import InputError
from stages.config.params import Params
from stages.config.params_file import read_params
from stages.config.runtime import batches
from stages.plan.plan_file import planned_trajectory
from stages.sampling.denoiser import to_uint8
from stages.sampling.draw import Draw, drawing
from stages.scoring.extract import FeatureNetwork, extract_features, load_feature_network
from stages.scoring.frechet import frechet_distance, frechet_replicates
from stages.scoring.intervals import jackknife_margin
from stages.scoring.statistics import GroupMoments, Statistics, group_sizes
from stages.store.ema_snapshots import load_kept, put_weights
from stages.store.files import read_npz, sha256
from stages.store.models import load_model
from stages.store.paths import FEATURE_NETWORK, REFERENCE, kept_path, model_path, trajectory_record_path
from stages.store.record_types import TrajectoryPoint, TrajectoryRecord
from stages.store.records import write_record
from stages.store.run_logs import log_run


def run(model: str) -> None:
    """Write the record of FID against the training iterations of one model, on the noise that scores are made with."""
    params, cell, started = read_params(), planned_trajectory(model), time.monotonic()
    trained = load_model(model, cell.network)
    fix = params.fixes[cell.fix].resolved(cell.values)
    draw, features = drawing(params, cell, trained, params.seed), load_feature_network()
    weights = by_iteration(model, trained.network.state_dict())
    points = []
    for iteration, tensors in tqdm(weights.items(), desc=f"trajectory {model}", unit="checkpoint"):
        put_weights(trained.network, tensors, model)
        moments = drawn_moments(draw, cell.values, features, params, f"{model}, {iteration} iterations")
        points.append(point(iteration, moments))
    record = {
        **cell.axes, **params.sample.model_dump(), "seed": params.seed, "evaluate": params.evaluate,
        "sampler_params": params.samplers[cell.sampler].model_dump(), "fix_params": fix.model_dump(),
        "model_sha256": sha256(model_path(model)), "kept_sha256": sha256(kept_path(model)),
        "reference_sha256": sha256(REFERENCE), "network_sha256": sha256(FEATURE_NETWORK), "points": points,
    }  # fmt: skip
    write_record(trajectory_record_path(model), TrajectoryRecord.model_validate(record))
    log_run(f"trajectory-{model}", started)


def by_iteration(model: str, last: Mapping[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    """Return the weights that a model kept, and a copy of its last ones, by iteration."""
    kept, training = load_kept(model)
    return {**kept, training["iterations"]: {name: tensor.clone() for name, tensor in last.items()}}


def drawn_moments(
    draw: Draw, values: Mapping[str, int | float], network: FeatureNetwork, params: Params, label: str
) -> GroupMoments:
    """Return the moments of the features of images drawn with the weights of now.

    Raises:
        InputError: an image is not finite.
    """
    n, groups = params.sample.n, params.evaluate.jackknife_groups
    moments = GroupMoments(group_sizes(n, groups))
    for start, stop in batches(n):
        x = draw(values, start, stop)
        if not torch.isfinite(x).all():
            raise InputError(f"{label}: images {start} to {stop - 1} are not finite; check its params")
        for found in extract_features(network, [to_uint8(x)], stop - start, label):
            moments.add(found.pooled)
    return moments


def point(iteration: int, moments: GroupMoments) -> TrajectoryPoint:
    """Return FID against the reference with its margin and replicates."""
    mu, sigma, root = read_npz(REFERENCE, "mu_fid", "sigma_fid", "root_fid")
    real = Statistics(mu, sigma)
    value, replicates = frechet_distance(moments.statistics(), real, root), frechet_replicates(moments, real, root)
    margin = jackknife_margin(value, replicates)
    return TrajectoryPoint(iteration=iteration, value=value, margin=margin, replicates=replicates)

"""Estimate the mean square of one model's noise predictions at every training time, for samplers that take it."""

from __future__ import annotations

import numpy as np
import torch
from tqdm import tqdm

from stages.config.params import read_params
from stages.config.runtime import pick_device
from stages.plan.plan_file import planned_model
from stages.sampling.denoiser import denoiser, from_uint8
from stages.sampling.moments import eps_power
from stages.store.files import read_npz, sha256, write_npz
from stages.store.models import load_model
from stages.store.paths import DATASET, model_path, moments_path, moments_record_path
from stages.store.records import MomentsRecord, write_record


def run(model: str) -> None:
    """Write the moments of one model and their record."""
    params = read_params()
    device = pick_device()
    precision = params.sample.precision
    n = params.moments.images
    trained = load_model(model, planned_model(model).network).to(device)
    trained.autoencoder.network.eval()
    along = trained.velocity_schedule
    denoise = denoiser(trained.network, trained.predicts_variance, precision, velocity_schedule=along)
    with torch.no_grad():
        images = trained.autoencoder.encode(from_uint8(*read_npz(DATASET, "images")).to(device))
        found = eps_power(denoise, images, trained.schedule, params.seed, n)
        power = list(tqdm(found, total=trained.schedule.timesteps, desc=f"moments {model}", unit="time"))
    write_npz(moments_path(model), eps_power=np.array(power))
    record = MomentsRecord(
        model=model,
        images=n,
        seed=params.seed,
        precision=precision,
        sha256=sha256(moments_path(model)),
        model_sha256=sha256(model_path(model)),
        dataset_sha256=sha256(DATASET),
    )
    write_record(moments_record_path(model), record)

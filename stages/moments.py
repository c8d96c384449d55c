"""Estimate the mean square of one model's noise predictions at every training time, for samplers that take it."""

from __future__ import annotations

import numpy as np
import torch
from tqdm import tqdm

from stages.config.params_file import read_params
from stages.config.runtime import pick_device
from stages.plan.plan_file import planned_model
from stages.sampling.denoiser import denoiser
from stages.sampling.moments import eps_power
from stages.store.files import read_npz, sha256, write_npz
from stages.store.models import load_model
from stages.store.paths import DATASET, model_path, moments_path, moments_record_path
from stages.store.record_types import MomentsRecord
from stages.store.records import write_record


def run(model: str) -> None:
    """Write the moments of one model and their record."""
    params, device = read_params(), pick_device()
    trained = load_model(model, planned_model(model).network).to(device)
    pixels = torch.from_numpy(read_npz(DATASET, "images")[0]).permute(0, 3, 1, 2).float()
    denoise = denoiser(trained.network, trained.predicts_variance, params.sample.precision, lambda _: None)
    n = params.moments.images
    with torch.no_grad():
        images = trained.autoencoder.encode((pixels / 127.5 - 1).to(device))
        found = eps_power(denoise, images, trained.schedule, params.seed, n)
        power = list(tqdm(found, total=trained.schedule.timesteps, desc=f"moments {model}", unit="time"))
    write_npz(moments_path(model), eps_power=np.array(power))
    record = MomentsRecord(
        model=model, images=n, seed=params.seed, precision=params.sample.precision,
        sha256=sha256(moments_path(model)), model_sha256=sha256(model_path(model)), dataset_sha256=sha256(DATASET),
    )  # fmt: skip
    write_record(moments_record_path(model), record)

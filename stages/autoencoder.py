"""Train one autoencoder of latent models, or take the weights that its module provides."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from stages.config.errors import InputError
from stages.config.networks import TrainedAutoencoderSettings
from stages.config.params import read_params
from stages.config.registry import method_module
from stages.config.runtime import batches, pick_device
from stages.store.files import read_npz, scratch_folder, sha256
from stages.store.models import Autoencoder, build_autoencoder, save_autoencoder
from stages.store.paths import DATASET, autoencoder_path, autoencoder_record_path
from stages.store.records import AutoencoderRecord, log_run, write_record
from stages.training.autoencoding import autoencoder_state, batch_of, quality, set_scale
from stages.training.loop import BatchLoss, fit
from stages.training.processes import accelerator
from stages.training.stable_diffusion import read_part


def run(autoencoder: str) -> None:
    """Write the autoencoder and its record."""
    params = read_params()
    started = time.monotonic()
    device = pick_device()
    if autoencoder not in params.autoencoders:
        allowed = ", ".join(params.autoencoders)
        raise InputError(f"{autoencoder!r} is no autoencoder of params.yaml; allowed are {allowed}")
    settings = params.autoencoders[autoencoder]
    images = torch.from_numpy(read_npz(DATASET, "images")[0]).permute(0, 3, 1, 2).float() / 127.5 - 1
    scratch = scratch_folder(
        f"autoencoder-{autoencoder}", settings.model_dump(), params.seed, sha256(DATASET), str(device)
    )
    if isinstance(settings, TrainedAutoencoderSettings):
        made = trained(autoencoder, settings, images, params.seed, scratch)
    else:
        pretrained = method_module("autoencoders", settings.module).pretrained
        arguments, weights = pretrained(autoencoder, settings, images.shape[1:], read_part)
        made = build_autoencoder(settings, arguments)
        made.network.load_state_dict(weights)
    made = made.to(device)
    made.network.eval()
    found = quality(made, partial(parts, images))
    save_autoencoder(autoencoder, made)
    record = AutoencoderRecord(
        autoencoder=autoencoder,
        section=settings.model_dump(),
        seed=params.seed,
        n=len(images),
        parameters=sum(p.numel() for p in made.network.parameters()),
        scale=float(cast(Tensor, made.network.scale)),
        mse=found.mse,
        mean_image_mse=found.mean_image_mse,
        sha256=sha256(autoencoder_path(autoencoder)),
        dataset_sha256=sha256(DATASET),
    )
    write_record(autoencoder_record_path(autoencoder), record)
    log_run(f"autoencoder-{autoencoder}", started)
    shutil.rmtree(scratch, ignore_errors=True)


def trained(name: str, settings: TrainedAutoencoderSettings, images: Tensor, seed: int, scratch: Path) -> Autoencoder:
    """Return an autoencoder trained on images [N, C, H, W] in [-1, 1]."""
    check_images(name, settings, images)
    device = pick_device()
    build = partial(build_autoencoder, settings, {"image_channels": images.shape[1]})
    made, state = autoencoder_state(build, seed, settings.lr, accelerator(device))
    losses = method_module("autoencoders", settings.module).losses
    on_device = images.to(device)

    def loss(iteration: int) -> BatchLoss:
        batch = batch_of(len(images), settings.batch_size, seed, iteration).to(device)
        terms = losses(made.network, on_device[batch])
        total = torch.stack(list(terms.values())).sum()
        return BatchLoss(total, {term: value.detach() for term, value in terms.items()})

    advice = f"no autoencoder was written; lower {name}.lr ({settings.lr})"
    fit(state, loss, settings.iterations, scratch, f"autoencoder {name}", advice, lr=settings.lr)
    made.network.eval()
    set_scale(made, parts(images))
    return made


def parts(images: Tensor) -> Iterator[Tensor]:
    """Yield images [N, C, H, W] a batch at a time, on the device."""
    for start, stop in batches(len(images)):
        yield images[start:stop].to(pick_device())


def check_images(name: str, settings: TrainedAutoencoderSettings, images: Tensor) -> None:
    """Refuse images [N, C, H, W] that the autoencoder cannot halve or that make no batch."""
    n, _, height, width = images.shape
    levels = len(settings.multipliers)
    factor = 2 ** (levels - 1)
    if height % factor or width % factor:
        raise InputError(
            f"{DATASET}: {height}x{width} images; {name}.multipliers ({levels} levels) need sides that {factor} divides"
        )
    if n < settings.batch_size:
        raise InputError(f"{DATASET}: {n} images make no batch of {name}.batch_size = {settings.batch_size}")

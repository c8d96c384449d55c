"""Train one autoencoder, the first stage of latent models."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from stages.pipeline.errors import InputError
from stages.pipeline.files import read_npz, sha256
from stages.pipeline.first_stages import build_first_stage, save_autoencoder
from stages.pipeline.layout import DATASET, autoencoder_path, autoencoder_record_path
from stages.pipeline.params import read_params
from stages.pipeline.records import write_record
from stages.pipeline.runs import log_run
from stages.pipeline.runtime import batches, pick_device
from stages.sections.autoencoders import Autoencoder
from stages.sections.records import AutoencoderRecord
from stages.training.autoencoding import batches_of, fresh, quality, set_scale, update


def run(autoencoder: str) -> None:
    """Write the autoencoder and its record."""
    params, started, device = read_params(), time.monotonic(), pick_device()
    if autoencoder not in params.autoencoders:
        allowed = ", ".join(params.autoencoders)
        raise InputError(f"{autoencoder!r} is no autoencoder of params.yaml; allowed are {allowed}")
    section = params.autoencoders[autoencoder]
    images = torch.from_numpy(read_npz(DATASET, "images")[0]).permute(0, 3, 1, 2).float() / 127.5 - 1
    sizes = autoencoder_sizes(autoencoder, section, images)
    network = fresh(partial(build_first_stage, section.module, sizes), params.seed).to(device)
    fit(network, images.to(device), params.seed, section, autoencoder)
    network.eval()

    def parts() -> Iterator[Tensor]:
        for start, stop in batches(len(images)):
            yield images[start:stop].to(device)

    scale = set_scale(network, lambda: (network.encode(part) for part in parts()))
    found = quality(network, parts)
    save_autoencoder(autoencoder, network, section.module, sizes)
    record = AutoencoderRecord(
        autoencoder=autoencoder, section=section.model_dump(), seed=params.seed, n=len(images),
        parameters=sum(p.numel() for p in network.parameters()), scale=scale, **found._asdict(),
        sha256=sha256(autoencoder_path(autoencoder)), dataset_sha256=sha256(DATASET),
    )  # fmt: skip
    write_record(autoencoder_record_path(autoencoder), record)
    log_run(f"autoencoder-{autoencoder}", started)


def autoencoder_sizes(name: str, section: Autoencoder, images: Tensor) -> dict[str, Any]:
    """Return all sizes of an autoencoder, refusing images [N, C, H, W] that it cannot halve or that make no batch."""
    n, channels, height, width = images.shape
    if height % section.factor or width % section.factor:
        raise InputError(
            f"{DATASET}: {height}x{width} images; {name}.multipliers ({len(section.multipliers)} levels) need sides "
            f"that {section.factor} divides"
        )
    if n < section.batch_size:
        raise InputError(f"{DATASET}: {n} images make no batch of {name}.batch_size = {section.batch_size}")
    return {**section.sizes(), "image_channels": channels}


def fit(network: Any, images: Tensor, seed: int, section: Autoencoder, name: str) -> None:
    """Train an autoencoder in place.

    Raises:
        InputError: the loss is no longer finite.
    """
    optimizer = torch.optim.Adam(network.parameters(), lr=section.lr)
    drawn = batches_of(len(images), section.batch_size, section.iterations, seed)
    losses: dict[str, Tensor] = {}
    for chosen in tqdm(drawn, total=section.iterations, desc=f"autoencoder {name}", unit="it", mininterval=1):
        losses = update(network, optimizer, images[chosen.to(images.device)])
    if not all(math.isfinite(loss.item()) for loss in losses.values()):
        raise InputError(f"autoencoder {name}: the loss is not finite; no file was written; lower {name}.lr")

"""Train one autoencoder, the first stage of latent models, or take it from a Stable Diffusion folder."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from stages.config.autoencoders import Kl, Trained
from stages.config.errors import InputError
from stages.config.params_file import read_params
from stages.config.runtime import batches, pick_device
from stages.store.autoencoders import build_first_stage, save_autoencoder
from stages.store.files import read_npz, scratch_folder, sha256
from stages.store.paths import DATASET, autoencoder_path, autoencoder_record_path
from stages.store.record_types import AutoencoderRecord
from stages.store.records import write_record
from stages.store.run_logs import log_run
from stages.training.autoencoding import fresh, iterate, quality, set_scale
from stages.training.fit import fit
from stages.training.pretrained import read_part
from stages.training.processes import accelerator


def run(autoencoder: str) -> None:
    """Write the autoencoder and its record."""
    params, started, device = read_params(), time.monotonic(), pick_device()
    if autoencoder not in params.autoencoders:
        allowed = ", ".join(params.autoencoders)
        raise InputError(f"{autoencoder!r} is no autoencoder of params.yaml; allowed are {allowed}")
    section = params.autoencoders[autoencoder]
    images = torch.from_numpy(read_npz(DATASET, "images")[0]).permute(0, 3, 1, 2).float() / 127.5 - 1
    scratch = scratch_folder(
        f"autoencoder-{autoencoder}", section.model_dump(), params.seed, sha256(DATASET), str(device)
    )
    if isinstance(section, Kl):
        network, sizes = taken(autoencoder, section, images)
    else:
        network, sizes = trained(autoencoder, cast(Trained, section), images, params.seed, scratch)
    network = network.to(device).eval()
    found = quality(network, partial(parts, images))
    save_autoencoder(autoencoder, network, section.module, sizes)
    record = AutoencoderRecord(
        autoencoder=autoencoder, section=section.model_dump(), seed=params.seed, n=len(images),
        parameters=sum(p.numel() for p in network.parameters()), scale=float(network.scale), **found._asdict(),
        sha256=sha256(autoencoder_path(autoencoder)), dataset_sha256=sha256(DATASET),
    )  # fmt: skip
    write_record(autoencoder_record_path(autoencoder), record)
    log_run(f"autoencoder-{autoencoder}", started)
    shutil.rmtree(scratch, ignore_errors=True)


def parts(images: Tensor) -> Iterator[Tensor]:
    """Yield images [N, C, H, W] a batch at a time, on the device."""
    for start, stop in batches(len(images)):
        yield images[start:stop].to(pick_device())


def trained(name: str, section: Trained, images: Tensor, seed: int, scratch: Path) -> tuple[Any, dict[str, Any]]:
    """Return an autoencoder trained on images [N, C, H, W] in [-1, 1], and its sizes."""
    sizes, device = autoencoder_sizes(name, section, images), pick_device()
    state = fresh(partial(build_first_stage, section.module, sizes), seed, section.lr, accelerator(device))
    update = partial(iterate, state, images.to(device), section.batch_size, seed)
    advice = f"no autoencoder was written; lower {name}.lr ({section.lr})"
    fit(state, update, section.iterations, scratch, f"autoencoder {name}", advice)
    network: Any = state.network.eval()
    set_scale(network, lambda: (network.encode(part) for part in parts(images)))
    return network, sizes


def taken(name: str, section: Kl, images: Tensor) -> tuple[Any, dict[str, Any]]:
    """Return the autoencoder of a folder, and its sizes, refusing images [N, C, H, W] that it cannot encode."""
    vae, weights = read_part(section.folder, "vae", section.sha256, f"{name}.sha256")
    network = build_first_stage(section.module, {"vae": vae})
    network.network.load_state_dict(weights)
    _, channels, *sides = images.shape
    wanted, factor = network.network.config.in_channels, 2 ** (len(network.network.config.block_out_channels) - 1)
    if channels != wanted or any(side % factor for side in sides):
        told = "x".join(map(str, (*sides, channels)))
        raise InputError(
            f"{DATASET}: images of {told}; the autoencoder of {section.folder} takes {wanted} channels and sides that "
            f"{factor} divides"
        )
    return network, {"vae": vae}


def autoencoder_sizes(name: str, section: Trained, images: Tensor) -> dict[str, Any]:
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

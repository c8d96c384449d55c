"""Sample one cell of the grid: exactly n images, the record of how they were made, and a preview."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from stages.diffusion import samplers
from stages.diffusion.fixes import Fix, epsilon_scaling, time_shift
from stages.diffusion.grids import check_steps, expected_nfe, timestep_grid
from stages.diffusion.noise import block_noise
from stages.diffusion.schedule import Schedule
from stages.files import InputError, read_npz, scratch_folder, sha256, write_atomic, write_json, write_npz
from stages.layout import Cell, model_path
from stages.models import load_model
from stages.networks.unet import UNet
from stages.params import read_params
from stages.runtime import batches, pick_device, versions

SAMPLERS: dict[str, Callable[..., Tensor]] = {
    "ddpm": samplers.ddpm,
    "ddim": samplers.ddim,
    "ddim-clipped": samplers.ddim_clipped,
    "s-pndm": samplers.s_pndm,
    "f-pndm": samplers.f_pndm,
}
PREVIEW_ROWS, PREVIEW_COLUMNS = 5, 10


def run(model: str, sampler: str, fix: str, steps: int) -> None:
    """Write the images, record and preview of one cell."""
    cell = Cell(model, sampler, fix, steps)
    seed, sample, sampler_params, fix_params = read_params("seed", "sample", sampler, fix)
    network, schedule = load_model(model)
    grid = cell_timesteps(cell, sampler_params.spacing, schedule)
    options = sampler_params.model_dump(exclude={"spacing"})
    remedy = make_fix(fix, fix_params, schedule)
    draw = partial(SAMPLERS[sampler], schedule=schedule, timesteps=grid, fix=remedy, **options)
    record = {
        **cell._asdict(), "n": sample.n, "seed": seed, "nfe": expected_nfe(sampler, steps), "timesteps": grid,
        "sampler_params": sampler_params.model_dump(), "fix_params": fix_params.model_dump(),
        "model_sha256": sha256(model_path(model)),
        "device": str(pick_device()), "versions": versions(),
    }  # fmt: skip
    scratch, started = scratch_folder(f"sample-{cell.key}", record), time.monotonic()
    images = sample_images(draw, network, cell, seed, sample.n, scratch)
    write_preview(cell.samples.with_suffix(".png"), images)
    write_json(cell.samples.with_suffix(".json"), record | {"seconds": round(time.monotonic() - started, 1)})
    write_npz(cell.samples, arr_0=images)
    shutil.rmtree(scratch, ignore_errors=True)


def cell_timesteps(cell: Cell, spacing: Any, schedule: Schedule) -> list[int]:
    """Return the cell's time grid, refusing a step count that it cannot hold."""
    try:
        check_steps(cell.sampler, cell.steps)
        return timestep_grid(spacing, cell.steps, schedule.timesteps)
    except ValueError as error:
        raise InputError(f"{cell.key}: {error}") from None


def make_fix(name: str, params: Any, schedule: Schedule) -> Fix:
    """Return the fix of a params section."""
    if name == "ts":
        return time_shift(schedule, **params.model_dump())
    return Fix() if name == "none" else epsilon_scaling(**params.model_dump())


def sample_images(
    draw: Callable[..., Tensor], network: UNet, cell: Cell, seed: int, n: int, scratch: Path
) -> np.ndarray:
    """Return ``n`` images as uint8 NHWC, by batches; those that a killed run left in ``scratch`` are taken from there.

    Raises:
        InputError: an image is not finite.
        RuntimeError: the sampler did not evaluate the network as often as it is known to.
    """
    device, nfe = pick_device(), expected_nfe(cell.sampler, cell.steps)
    network = network.to(device)
    shape = (network.config.image_channels, network.config.image_size, network.config.image_size)
    parts = []
    with tqdm(total=n * nfe, desc=f"sample {cell.key}", unit="img-eval", unit_scale=True, mininterval=1) as progress:
        for start, stop in batches(n):
            part = scratch / f"{start}-{stop}.npz"
            if not part.exists():
                noise = block_noise(seed, start, stop, shape, device)
                calls: list[int] = []
                with torch.inference_mode():
                    x = draw(_denoiser(network, calls, progress), noise(), noise=noise)
                if len(calls) != nfe:
                    raise RuntimeError(f"{cell.key}: {len(calls)} network evaluations, expected {nfe}")
                if not torch.isfinite(x).all():
                    raise InputError(f"{cell.key}: images {start} to {stop - 1} are not finite; check its params")
                write_npz(part, arr_0=to_uint8(x))
            parts.append(read_npz(part, "arr_0")[0])
    return np.concatenate(parts)


def _denoiser(network: UNet, calls: list[int], progress: tqdm) -> samplers.Denoiser:
    def denoise(x: Tensor, times: Tensor) -> tuple[Tensor, Tensor | None]:
        output = network(x, times)
        calls.append(len(x))
        progress.update(len(x))
        if not network.config.learn_sigma:
            return output, None
        eps, v = output.chunk(2, dim=1)
        return eps, v

    return denoise


def to_uint8(x: Tensor) -> np.ndarray:
    """Return images [B, C, H, W] in [-1, 1] as uint8 NHWC, truncated as in ADM's sample files."""
    return ((x + 1) * 127.5).clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()


def write_preview(path: Path, images: np.ndarray) -> None:
    """Write the first images as a PNG of rows and columns; equal places hold equal noise in every cell."""
    count, height, width, channels = images.shape
    tiles = np.zeros((PREVIEW_ROWS * PREVIEW_COLUMNS, height, width, channels), np.uint8)
    tiles[: min(count, len(tiles))] = images[: len(tiles)]
    rows = tiles.reshape(PREVIEW_ROWS, PREVIEW_COLUMNS, height, width, channels)
    sheet = rows.transpose(0, 2, 1, 3, 4).reshape(PREVIEW_ROWS * height, PREVIEW_COLUMNS * width, channels)
    picture = Image.fromarray(sheet[..., 0] if channels == 1 else sheet)
    write_atomic(path, lambda stream: picture.save(stream, format="PNG"))

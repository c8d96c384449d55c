"""Sample one cell: exactly n images, the record of how they were made, and a preview."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from functools import partial
from itertools import chain as chained
from math import prod
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from stages.config.errors import InputError
from stages.config.params import Sample
from stages.config.params_file import read_params
from stages.config.registry import method_module
from stages.config.runtime import batches, pick_device
from stages.config.samplers import Sampler
from stages.diffusion.block_noise import block_noise
from stages.diffusion.chain import Chain
from stages.diffusion.time_grid import TimeGrid
from stages.plan.plan_file import planned_cell
from stages.sampling.denoiser import to_uint8
from stages.sampling.inputs import Inputs, sampler_inputs
from stages.store.files import scratch_folder, sha256
from stages.store.images import image_parts, image_shape, write_images
from stages.store.models import TrainedModel, load_model
from stages.store.paths import DATA, model_path, preview_path, sample_record_path, samples_path
from stages.store.previews import write_preview
from stages.store.record_types import SampleRecord
from stages.store.records import write_record
from stages.store.run_logs import log_run


def run(cell: str) -> None:
    """Write the images, record and preview of one cell."""
    params, planned = read_params(), planned_cell(cell)
    sampler, fix = params.samplers[planned.sampler], params.fixes[planned.fix].resolved(planned.values)
    model = load_model(planned.model, planned.network)
    check_space(params.sample.n, model.image_shape)
    grid = cell_grid(cell, sampler, planned.steps, model.schedule.timesteps)
    nfe, chain = sampler.nfe(grid), Chain(model.schedule, grid)
    made = {
        **planned.axes, **params.sample.model_dump(), "seed": params.seed, "nfe": nfe, "timesteps": list(grid.times),
        "sampler_params": sampler.model_dump(), "fix_params": fix.model_dump(),
        "model_sha256": sha256(model_path(planned.model)), "input_sha256": sha256(DATA / planned.input),
    }  # fmt: skip
    remedy = method_module("fixes", planned.fix_module).make(chain, **fix.settings())
    sample = method_module("samplers", planned.sampler_module).sample
    draw = partial(sample, chain=chain, fix=remedy, **sampler.settings())
    scratch, started = scratch_folder(f"sample-{cell}", made, str(pick_device())), time.monotonic()
    inputs = sampler_inputs(sampler, planned, model, params.seed, params.sample.precision)
    parts = sample_parts(draw, inputs, model, cell, params.seed, params.sample, nfe, scratch)
    channels, *size = model.image_shape
    images = chained.from_iterable(image_parts(part) for part in parts)
    write_images(samples_path(cell), images, (params.sample.n, *size, channels))
    write_preview(preview_path(cell), next(image_parts(samples_path(cell))))
    digests = {"sha256": sha256(samples_path(cell)), "preview_sha256": sha256(preview_path(cell))}
    write_record(sample_record_path(cell), SampleRecord.model_validate(made | digests))
    log_run(f"sample-{cell}", started)
    shutil.rmtree(scratch, ignore_errors=True)


def cell_grid(cell: str, sampler: Sampler, steps: int, timesteps: int) -> TimeGrid:
    """Return the cell's time grid, refusing a step count that it cannot hold."""
    try:
        return sampler.grid(steps, timesteps)
    except ValueError as error:
        raise InputError(f"{cell}: {error}") from None


def sample_parts(
    draw: Callable[..., Tensor], inputs: Inputs, model: TrainedModel, cell: str, seed: int, section: Sample, nfe: int,
    scratch: Path,
) -> list[Path]:  # fmt: skip
    """Return the files of all images, a batch each; those that a killed run left in ``scratch`` are kept.

    Raises:
        InputError: an image is not finite.
        RuntimeError: the sampler did not evaluate the network as often as it is known to.
    """
    device = pick_device()
    model, n, parts = model.to(device), section.n, []
    channels, *size = model.image_shape
    with tqdm(total=n * nfe, desc=f"sample {cell}", unit="img-eval", unit_scale=True, mininterval=1) as progress:
        for start, stop in batches(n):
            parts.append(part := scratch / f"{start}-{stop}.npz")
            if _is_whole(part, (stop - start, *size, channels)):
                progress.update((stop - start) * nfe)
                continue
            noise, before = block_noise(seed, start, stop, model.shape, device), progress.n
            # Not inference mode, which a sampler that needs a gradient could not leave.
            with torch.no_grad():
                denoise, further = inputs(start, stop, progress.update)
                x = model.autoencoder.decode(draw(denoise, noise(), noise=noise, **further))
            if (found := round((progress.n - before) / (stop - start))) != nfe:
                raise RuntimeError(f"{cell}: {found} network evaluations, expected {nfe}")
            if not torch.isfinite(x).all():
                raise InputError(f"{cell}: images {start} to {stop - 1} are not finite; check its params")
            images = to_uint8(x)
            write_images(part, [images], images.shape)
    return parts


def _is_whole(part: Path, shape: tuple[int, ...]) -> bool:
    """Return whether a batch that a killed run left is there and undamaged; its checksum stands in the archive."""
    if not part.exists():
        return False
    try:
        return image_shape(part) == shape and sum(len(images) for images in image_parts(part)) == shape[0]
    except InputError as error:
        print(f"{str(error).partition(';')[0]}; drawn again", file=sys.stderr)
        return False


def check_space(n: int, shape: tuple[int, int, int]) -> None:
    """Refuse more images than the disk can hold twice, in parts and as a whole."""
    needed, free = 2 * n * prod(shape), shutil.disk_usage(".").free
    if needed > free:
        raise InputError(f"sample.n: {n:,} images need {needed / 1e9:,.1f} GB of disk; {free / 1e9:,.1f} GB are free")

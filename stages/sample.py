"""Sample one cell: exactly n images, the record of how they were made, and a preview."""

from __future__ import annotations

import shutil
import sys
import time
from itertools import chain
from math import prod
from pathlib import Path

import torch
from tqdm import tqdm

from stages.config.errors import InputError
from stages.config.params import read_params
from stages.config.runtime import batches, pick_device
from stages.plan.plan_file import planned_cell
from stages.sampling.denoiser import to_uint8
from stages.sampling.draw import cell_grid, drawing
from stages.store.files import scratch_folder, sha256
from stages.store.images import image_parts, image_shape, write_images, write_preview
from stages.store.models import load_model
from stages.store.paths import DATA, model_path, preview_path, sample_record_path, samples_path
from stages.store.records import SampleRecord, log_run, write_record


def run(cell: str) -> None:
    """Write the images, record and preview of one cell.

    A killed run leaves its finished batches in a scratch folder, from which the next one goes on.

    Raises:
        InputError: an image is not finite.
        RuntimeError: the sampler did not evaluate the network as often as its settings say.
    """
    started = time.monotonic()
    params = read_params()
    planned = planned_cell(cell)
    sampler = params.samplers[planned.sampler]
    fix = params.fixes[planned.fix].resolved(planned.values)
    model = load_model(planned.model, planned.network)
    n = params.sample.n
    channels, height, width = model.image_shape
    check_space(n, model.image_shape)
    grid = cell_grid(planned, sampler, model.schedule)
    nfe = sampler.nfe(len(grid.times))
    made = {
        **planned.axes,
        **params.sample.model_dump(),
        "labels": params.labels(planned),
        "seed": params.seed,
        "nfe": nfe,
        "timesteps": list(grid.times),
        "sampler_params": sampler.model_dump(),
        "fix_params": fix.model_dump(),
        "model_sha256": sha256(model_path(planned.model)),
        "input_sha256": sha256(DATA / planned.input),
    }
    draw = drawing(params, planned, model, params.seed)
    scratch = scratch_folder(f"sample-{cell}", made, str(pick_device()))
    parts = []
    with tqdm(total=n * nfe, desc=f"sample {cell}", unit="img-eval", unit_scale=True, mininterval=1) as progress:
        for start, stop in batches(n):
            part = scratch / f"{start}-{stop}.npz"
            parts.append(part)
            if is_whole(part, (stop - start, height, width, channels)):
                progress.update((stop - start) * nfe)
                continue
            before = progress.n
            x = draw(planned.values, start, stop, progress.update)
            evaluations = round((progress.n - before) / (stop - start))
            if evaluations != nfe:
                raise RuntimeError(f"{cell}: {evaluations} network evaluations, expected {nfe}")
            if not torch.isfinite(x).all():
                raise InputError(f"{cell}: images {start} to {stop - 1} are not finite; check its params")
            images = to_uint8(x)
            write_images(part, [images], images.shape)
    images = chain.from_iterable(image_parts(part) for part in parts)
    write_images(samples_path(cell), images, (n, height, width, channels))
    write_preview(preview_path(cell), next(image_parts(samples_path(cell))))
    digests = {"sha256": sha256(samples_path(cell)), "preview_sha256": sha256(preview_path(cell))}
    write_record(sample_record_path(cell), SampleRecord.model_validate(made | digests))
    log_run(f"sample-{cell}", started)
    shutil.rmtree(scratch, ignore_errors=True)


def is_whole(part: Path, shape: tuple[int, ...]) -> bool:
    """Return whether a batch that a killed run left is there and undamaged; the archive has its own checksum."""
    if not part.exists():
        return False
    try:
        return image_shape(part) == shape and sum(len(images) for images in image_parts(part)) == shape[0]
    except InputError as error:
        print(f"{str(error).partition(';')[0]}; drawn again", file=sys.stderr)
        return False


def check_space(n: int, shape: tuple[int, int, int]) -> None:
    """Refuse more images than the disk can hold twice, in parts and as a whole."""
    needed = 2 * n * prod(shape)
    free = shutil.disk_usage(".").free
    if needed > free:
        raise InputError(f"sample.n: {n:,} images need {needed / 1e9:,.1f} GB of disk; {free / 1e9:,.1f} GB are free")

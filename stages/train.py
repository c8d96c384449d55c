"""Train one denoiser: a recipe, and the variant of training that its section names."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from stages.config.errors import InputError
from stages.config.networks import Network
from stages.config.params_file import read_params
from stages.config.recipe import Recipe
from stages.config.registry import method_module
from stages.config.runtime import pick_device
from stages.diffusion.schedule import Schedule, make_schedule
from stages.plan.plan_file import planned_model
from stages.store.autoencoders import load_autoencoder
from stages.store.ema_snapshots import save_kept
from stages.store.files import read_npz, scratch_folder, sha256
from stages.store.models import save_model
from stages.store.paths import DATA, DATASET, kept_path, model_path, model_record_path
from stages.store.record_types import ModelRecord
from stages.store.records import write_record
from stages.store.run_logs import log_run
from stages.training.batches import batch_indices, draw_batch
from stages.training.captions import read_captions
from stages.training.fit import fit
from stages.training.initial_networks import initial_network, network_start
from stages.training.losses import Loss
from stages.training.processes import accelerator, launch, launched, part
from stages.training.state import TrainingState, new_state
from stages.training.step import step


def run(model: str) -> int:
    """Return the exit status after training ``model`` and writing its EMA weights, kept and last, and its record."""
    params, planned, started = read_params(), planned_model(model), time.monotonic()
    if params.runtime.train_processes > 1 and not launched():
        return launch(["train", model], params.runtime.train_processes)
    together = accelerator(pick_device())
    variant, recipe = params.models[model], params.recipes[planned.recipe]
    images, labels = read_data(planned.recipe, recipe.network)
    check_batch(planned.recipe, recipe.batch_size, len(images), together.num_processes)
    first, tensors, described = load_autoencoder(variant.encoded_by, planned.autoencoder)
    training, keep = params.training(model), [i for i in planned.keep if i < recipe.iterations]
    batch = partial(examples, images, labels, encoder(first, together.device), training["seed"], recipe)
    sizes, weights = network_start(planned.recipe, recipe, batch(0)[0].shape[1:])
    loss = partial(method_module("objectives", planned.objective).loss, **variant.settings())
    state = new_state(partial(initial_network, planned.network, sizes, weights), recipe, training["seed"], together)
    schedule = make_schedule(recipe.schedule, recipe.timesteps)
    update = partial(iterate, state, batch, training["seed"], recipe, loss, schedule)
    inputs = sha256(DATASET), sha256(DATA / planned.input)
    scratch = scratch_folder(f"train-{model}", training, keep, *inputs, str(pick_device()), together.num_processes)
    fit(state, update, recipe.iterations, scratch, f"train {model}", advice(planned.recipe, recipe), keep)
    if together.is_main_process:
        save_kept(model, state.kept, training)
        save_model(model, state.ema, planned.network, sizes, training, (tensors, with_shape(described, images)))
        record = ModelRecord(
            model=model, parameters=sum(p.numel() for p in state.network.parameters()), losses=state.losses,
            training=training, sha256=sha256(model_path(model)), kept_sha256=sha256(kept_path(model)),
            dataset_sha256=inputs[0], input_sha256=inputs[1],
        )  # fmt: skip
        write_record(model_record_path(model), record)
        log_run(f"train-{model}", started)
        shutil.rmtree(scratch, ignore_errors=True)
    part(together)
    return 0


def read_data(name: str, network: Network) -> tuple[Tensor, Tensor | None]:
    """Return the images [N, C, H, W], uint8, and their labels for a network that is told classes or captions."""
    pixels, labels = read_npz(DATASET, "images", "labels")
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2)
    if network.told is None:
        return images, None
    if network.told == "text":
        count, allowing = len(read_captions()), "the captions allow"
    else:
        count, allowing = network.conditioned_on, f"{name}.network.classes = {network.conditioned_on} allows"
    return images, check_labels(torch.from_numpy(labels), len(images), count, allowing)


def encoder(first_stage: Any, device: torch.device) -> Callable[[Tensor], Tensor]:
    """Return the function from a batch of images to what the denoiser learns, which no gradient passes."""
    first_stage = first_stage.to(device)

    @torch.no_grad()
    def encode(images: Tensor) -> Tensor:
        return first_stage.encode(images.to(device)).cpu()

    return encode


def examples(
    images: Tensor, labels: Tensor | None, encode: Callable[[Tensor], Tensor], seed: int, recipe: Recipe, iteration: int
) -> tuple[Tensor, Tensor | None]:
    """Return what the denoiser learns in one iteration, and the labels of it where it is told them."""
    told = None if labels is None else labels[batch_indices(len(images), seed, recipe, iteration)]
    return encode(draw_batch(images, seed, recipe, iteration)), told


def advice(name: str, recipe: Recipe) -> str:
    """Return what helps against a loss that is not finite."""
    return f"no model was written; lower {name}.lr ({recipe.lr}) or use {name}.precision: fp32 ({recipe.precision})"


def iterate(
    state: TrainingState, batch: Callable[[int], tuple[Tensor, Tensor | None]], seed: int, recipe: Recipe,
    loss: Callable[..., Loss], schedule: Schedule,
) -> Mapping[str, Tensor]:  # fmt: skip
    """Return the terms of the loss of one iteration."""
    x0, labels = batch(state.iteration)
    return step(state, x0, seed, recipe, loss, schedule, labels).terms


def with_shape(described: Mapping[str, Any], images: Tensor) -> dict[str, Any]:
    """Return what a model file tells of its first stage, with the shape of images [N, C, H, W]; nothing of pixels."""
    return {**described, "image_shape": list(images.shape[1:])} if described else {}


def check_batch(name: str, batch_size: int, n: int, processes: int) -> None:
    """Refuse batches that ``n`` images do not fill, or that the processes cannot share."""
    if n < batch_size:
        raise InputError(f"{DATASET}: {n} images make no batch of {name}.batch_size = {batch_size}")
    if batch_size % processes:
        raise InputError(f"{name}.batch_size: {batch_size} does not divide among {processes} processes")


def check_labels(labels: Tensor, n: int, count: int, allowing: str) -> Tensor:
    """Return the labels of the data, refusing those that a network of ``count`` classes or captions cannot be told."""
    if len(labels) != n:
        raise InputError(f"{DATASET}: {len(labels)} labels of {n} images; each needs one")
    if int(labels.min()) < 0 or int(labels.max()) >= count:
        raise InputError(f"{DATASET}: labels {int(labels.min())} to {int(labels.max())}; {allowing} 0 to {count - 1}")
    return labels

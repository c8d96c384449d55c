"""Train one denoiser by its recipe and objective."""

from __future__ import annotations

import shutil
import sys
import time
from functools import partial
from typing import Any

import torch
from torch import Tensor

from stages.config.errors import InputError
from stages.config.networks import NetworkSettings
from stages.config.params import Recipe, read_params
from stages.config.registry import method_module
from stages.config.runtime import pick_device
from stages.diffusion.schedule import make_schedule
from stages.plan.plan_file import planned_model
from stages.store.files import read_npz, scratch_folder, sha256
from stages.store.models import load_autoencoder, save_model, save_snapshots
from stages.store.paths import DATA, DATASET, model_path, model_record_path, snapshots_path
from stages.store.records import COLD_EMA, ModelRecord, log_run, write_record
from stages.training.batch_loss import batch_loss
from stages.training.batches import batch_indices, draw_batch
from stages.training.continuing import continue_finished, keep_finished
from stages.training.initial_networks import initial_network, network_start
from stages.training.loop import BatchLoss, fit
from stages.training.processes import accelerator, finish, launch, launched
from stages.training.state import has_checkpoint, new_state


def run(model: str) -> int:
    """Return the exit status after training ``model`` and writing its EMA weights, EMA snapshots and record."""
    params = read_params()
    planned = planned_model(model)
    started = time.monotonic()
    if params.runtime.train_processes > 1 and not launched():
        return launch(["train", model], params.runtime.train_processes)
    processes = accelerator(pick_device())
    device = processes.device
    section = params.models[model]
    recipe = params.recipes[planned.recipe]
    training = params.training(model)
    seed = training["seed"]
    pixels, labels = read_npz(DATASET, "images", "labels")
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2)
    check_batch(planned.recipe, recipe.batch_size, len(images), processes.num_processes)
    autoencoder = load_autoencoder(section.encoded_by, planned.autoencoder).to(device)
    autoencoder.network.eval()

    @torch.no_grad()
    def batch(iteration: int) -> Tensor:
        return autoencoder.encode(draw_batch(images, seed, recipe, iteration).to(device)).cpu()

    arguments, weights = network_start(planned.recipe, recipe, batch(0).shape[1:])
    state = new_state(partial(initial_network, recipe.network, arguments, weights), recipe, seed, processes)
    conditions = None
    if recipe.network.conditioned_on is not None:
        classes: Any = state.network.classes
        conditions = check_labels(torch.from_numpy(labels), len(images), planned.recipe, recipe.network, classes)
    objective = partial(method_module("objectives", planned.objective).loss, **section.settings())
    schedule = make_schedule(recipe.schedule, recipe.timesteps)

    def loss(iteration: int) -> BatchLoss:
        x0 = batch(iteration)
        drawn = None if conditions is None else conditions[batch_indices(len(images), seed, recipe, iteration)]
        return batch_loss(state, x0, seed, recipe, objective, schedule, drawn)

    snapshots = [iteration for iteration in planned.keep if iteration < recipe.iterations]
    inputs = [sha256(DATASET), sha256(DATA / planned.input)]
    scratch = scratch_folder(
        f"train-{model}", training, snapshots, *inputs, str(pick_device()), processes.num_processes
    )
    beginning = {name: value for name, value in training.items() if name != "iterations"}
    finished = scratch_folder(f"finished-{model}", beginning, *inputs, str(pick_device()), processes.num_processes)
    if not has_checkpoint(scratch):
        continue_finished(finished, state, recipe.iterations, snapshots)
    if processes.is_main_process:
        warn_of_cold_ema(model, planned.recipe, recipe)
    advice = (
        f"no model was written; lower {planned.recipe}.lr ({recipe.lr}) or use {planned.recipe}.precision: fp32 "
        f"({recipe.precision})"
    )
    fit(
        state,
        loss,
        recipe.iterations,
        scratch,
        f"train {model}",
        advice,
        lr=recipe.lr,
        warmup=recipe.warmup,
        clip=recipe.clip,
        ema=recipe.ema,
        snapshots=snapshots,
    )
    if processes.is_main_process:
        save_snapshots(model, state.snapshots, training)
        save_model(
            model, state.ema, recipe.network, arguments, training, autoencoder, images.shape[1:], section.predicts
        )
        record = ModelRecord(
            model=model,
            parameters=sum(p.numel() for p in state.network.parameters()),
            losses=state.losses,
            initial_share=None if recipe.network.pretrained else recipe.ema**state.ema_updates,
            training=training,
            sha256=sha256(model_path(model)),
            snapshot_sha256=sha256(snapshots_path(model)),
            dataset_sha256=inputs[0],
            input_sha256=inputs[1],
        )
        write_record(model_record_path(model), record)
        log_run(f"train-{model}", started)
        if recipe.iterations:
            keep_finished(finished, state)
        shutil.rmtree(scratch, ignore_errors=True)
    finish(processes)
    return 0


def warn_of_cold_ema(model: str, name: str, recipe: Recipe) -> None:
    """Print a line on stderr if the initial weights will still be a part of the EMA at the end of training."""
    share = recipe.ema**recipe.iterations
    if share > COLD_EMA and not recipe.network.pretrained:
        print(
            f"train {model}: the EMA will not have warmed up: {100 * share:.3g} % of it will be the initial weights "
            f"({name}.ema = {recipe.ema}, {recipe.iterations:,} iterations; below {100 * COLD_EMA:g} % is usual)",
            file=sys.stderr,
        )


def check_batch(name: str, batch_size: int, n: int, processes: int) -> None:
    """Refuse batches that ``n`` images do not fill, or that the processes cannot share."""
    if n < batch_size:
        raise InputError(f"{DATASET}: {n} images make no batch of {name}.batch_size = {batch_size}")
    if batch_size % processes:
        raise InputError(f"{name}.batch_size: {batch_size} does not divide among {processes} processes")


def check_labels(labels: Tensor, n: int, name: str, network: NetworkSettings, count: int) -> Tensor:
    """Return the labels of ``n`` images, refusing those beyond the ``count`` classes or captions of a network."""
    if len(labels) != n:
        raise InputError(f"{DATASET}: {len(labels)} labels of {n} images; each needs one")
    if int(labels.min()) < 0 or int(labels.max()) >= count:
        allowing = "the captions allow"
        if network.conditioned_on == "class":
            allowing = f"{name}.network.classes = {count} allows"
        raise InputError(f"{DATASET}: labels {int(labels.min())} to {int(labels.max())}; {allowing} 0 to {count - 1}")
    return labels

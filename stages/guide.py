"""Train the classifier of noised images that guides one model."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from stages.config.errors import InputError
from stages.config.params import Guide
from stages.config.params_file import read_params
from stages.config.recipe import Recipe
from stages.config.runtime import pick_device
from stages.diffusion.schedule import Schedule, make_schedule
from stages.networks.noise_classifier import Config, Network
from stages.plan.plan_file import planned_model
from stages.store.classifiers import save_guide
from stages.store.files import read_npz, scratch_folder, sha256
from stages.store.paths import DATASET, guide_path, guide_record_path
from stages.store.record_types import GuideRecord
from stages.store.records import write_record
from stages.store.run_logs import log_run
from stages.training.batches import batch_indices, draw_batch
from stages.training.fit import fit
from stages.training.noise_classifier import accuracy, accuracy_times, cross_entropy, guide_recipe, kept_apart
from stages.training.processes import accelerator
from stages.training.state import TrainingState, new_state
from stages.training.step import step


def run(model: str) -> None:
    """Write the guide of one model and its record."""
    params, planned, started = read_params(), planned_model(model), time.monotonic()
    recipe, guide, seed = params.recipes[planned.recipe], params.guide, params.seed
    images, labels = read_labelled(recipe.network.conditioned_on, planned.recipe)
    classes = recipe.network.conditioned_on or int(labels.max()) + 1
    test, train = kept_apart(len(images), seed, guide.test_fraction)
    check_sizes(guide, images, len(test), len(train))
    sizes = guide_sizes(guide, images, classes)
    trained_by = guide_recipe(recipe, guide)
    scratch = scratch_folder(f"guide-{model}", params.guiding(model), sha256(DATASET), str(pick_device()))
    state = new_state(lambda: Network(Config(**sizes)), trained_by, seed, accelerator(pick_device()))
    schedule = make_schedule(recipe.schedule, recipe.timesteps)
    update = partial(iterate, state, images[train], labels[train], seed, trained_by, schedule)
    advice = f"no guide was written; lower guide.lr ({guide.lr})"
    fit(state, update, guide.iterations, scratch, f"guide {model}", advice)
    network = state.network.eval()
    x0 = (images[test].float() / 127.5 - 1).to(state.accelerator.device)
    found = {str(t): accuracy(network, x0, labels[test], schedule, seed, t) for t in accuracy_times(recipe.timesteps)}
    save_guide(model, network.state_dict(), sizes)
    record = GuideRecord(
        model=model, parameters=sum(p.numel() for p in network.parameters()), classes=classes,
        iterations=guide.iterations, loss=state.losses[-1]["cross_entropy"], accuracy=found, n_test=len(test),
        n_train=len(train), training=params.guiding(model), sha256=sha256(guide_path(model)),
        dataset_sha256=sha256(DATASET),
    )  # fmt: skip
    write_record(guide_record_path(model), record)
    log_run(f"guide-{model}", started)
    shutil.rmtree(scratch, ignore_errors=True)


def read_labelled(classes: int, recipe: str) -> tuple[Tensor, Tensor]:
    """Return images [N, C, H, W] and labels [N] of the data, refusing labels that are missing or beyond ``classes``."""
    pixels, targets = read_npz(DATASET, "images", "labels")
    if len(targets) != len(pixels) or not len(targets):
        raise InputError(f"{DATASET}: {len(targets)} labels of {len(pixels)} images; guidance needs one each")
    if targets.min() < 0 or (classes and targets.max() >= classes):
        raise InputError(
            f"{DATASET}: labels {targets.min()} to {targets.max()}; allowed are those from 0 on"
            + (f", below {recipe}.network.classes = {classes}" if classes else "")
        )
    return torch.from_numpy(pixels).permute(0, 3, 1, 2), torch.from_numpy(targets).long()


def check_sizes(guide: Guide, images: Tensor, n_test: int, n_train: int) -> None:
    """Refuse sizes of the classifier that do not fit images [N, C, H, W], and too few of them to train and test on."""
    height, size = images.shape[2:]
    allowed = [size // 2**level for level in range(len(guide.multipliers))]
    if height != size or size % 2 ** (len(guide.multipliers) - 1):
        raise InputError(f"{DATASET}: {height}x{size} images; guide.multipliers halve squares to {allowed}")
    if absent := set(guide.attention_sizes) - set(allowed):
        raise InputError(f"guide.attention_sizes: {min(absent)} does not occur; sizes here are {allowed}")
    if not n_test or n_train < guide.batch_size:
        raise InputError(
            f"guide: {n_test} images to test on (guide.test_fraction), {n_train} to train on; allowed are 1 and more, "
            f"and a batch of {guide.batch_size} and more"
        )


def guide_sizes(guide: Guide, images: Tensor, classes: int) -> dict[str, Any]:
    """Return all sizes of the classifier of images [N, C, H, W]."""
    names = ("channels", "multipliers", "res_blocks", "attention_sizes", "head_channels")
    sizes = {name: getattr(guide, name) for name in names}
    sizes = {name: tuple(value) if isinstance(value, list) else value for name, value in sizes.items()}
    return {**sizes, "image_size": images.shape[-1], "image_channels": images.shape[1], "classes": classes}


def iterate(
    state: TrainingState, images: Tensor, labels: Tensor, seed: int, recipe: Recipe, schedule: Schedule
) -> Mapping[str, Tensor]:
    """Return the terms of the loss of one iteration on the training images [N, C, H, W] and their labels [N]."""
    drawn = batch_indices(len(images), seed, recipe, state.iteration)
    objective = partial(cross_entropy, labels=labels[drawn])
    return step(state, draw_batch(images, seed, recipe, state.iteration), seed, recipe, objective, schedule).terms

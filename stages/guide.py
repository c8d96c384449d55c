"""Train the classifier of noised images that guides one model."""

from __future__ import annotations

import shutil
import time
from functools import partial

import torch
from torch import Tensor

from stages.config.errors import InputError
from stages.config.fixed import Guide
from stages.config.params import read_params
from stages.config.runtime import pick_device
from stages.diffusion.schedule import make_schedule
from stages.networks.noise_classifier import Network
from stages.plan.plan_file import planned_model
from stages.store.files import read_npz, scratch_folder, sha256
from stages.store.models import save_classifier
from stages.store.paths import DATASET, guide_path, guide_record_path
from stages.store.records import GuideRecord, log_run, write_record
from stages.training.batch_loss import batch_loss
from stages.training.batches import batch_indices, draw_batch
from stages.training.classification import accuracy, accuracy_times, classifier_recipe, cross_entropy, held_out
from stages.training.loop import BatchLoss, fit
from stages.training.processes import accelerator
from stages.training.state import new_state


def run(model: str) -> None:
    """Write the classifier that guides one model, and its record."""
    params = read_params()
    planned = planned_model(model)
    started = time.monotonic()
    guide = params.guide
    seed = params.seed
    model_recipe = params.recipes[planned.recipe]
    recipe = classifier_recipe(model_recipe, guide)
    images, labels = read_labelled(model_recipe.network.num_classes, planned.recipe)
    classes = model_recipe.network.num_classes or int(labels.max()) + 1
    test, train = held_out(len(images), seed, guide.test_fraction)
    check_sizes(guide, images, len(test), len(train))
    arguments = {"image_size": images.shape[-1], "image_channels": images.shape[1], "classes": classes}
    scratch = scratch_folder(f"guide-{model}", params.guiding(model), sha256(DATASET), str(pick_device()))
    state = new_state(partial(Network, guide, **arguments), recipe, seed, accelerator(pick_device()))
    schedule = make_schedule(recipe.schedule, recipe.timesteps)
    train_images = images[train]
    train_labels = labels[train]

    def loss(iteration: int) -> BatchLoss:
        x0 = draw_batch(train_images, seed, recipe, iteration)
        drawn = train_labels[batch_indices(len(train_images), seed, recipe, iteration)]
        return batch_loss(state, x0, seed, recipe, partial(cross_entropy, labels=drawn), schedule)

    advice = f"no classifier was written; lower guide.lr ({guide.lr})"
    fit(state, loss, guide.iterations, scratch, f"guide {model}", advice, lr=recipe.lr, warmup=recipe.warmup, ema=0.0)
    network = state.network.eval()
    x0 = (images[test].float() / 127.5 - 1).to(state.accelerator.device)
    found = {str(t): accuracy(network, x0, labels[test], schedule, seed, t) for t in accuracy_times(recipe.timesteps)}
    save_classifier(model, network.state_dict(), guide, arguments)
    record = GuideRecord(
        model=model,
        parameters=sum(p.numel() for p in network.parameters()),
        classes=classes,
        iterations=guide.iterations,
        loss=state.losses[-1]["cross_entropy"],
        accuracy=found,
        n_test=len(test),
        n_train=len(train),
        training=params.guiding(model),
        sha256=sha256(guide_path(model)),
        dataset_sha256=sha256(DATASET),
    )
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
    absent = set(guide.attention_sizes) - set(allowed)
    if absent:
        raise InputError(f"guide.attention_sizes: {min(absent)} does not occur; sizes here are {allowed}")
    if not n_test or n_train < guide.batch_size:
        raise InputError(
            f"guide: {n_test} images to test on (guide.test_fraction), {n_train} to train on; allowed are 1 and more, "
            f"and a batch of {guide.batch_size} and more"
        )

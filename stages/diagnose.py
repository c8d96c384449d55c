"""Diagnose the exposure bias of one model: how far its inputs while sampling are from what it was trained on."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from stages.config.entries import PlannedDiagnosis
from stages.config.errors import InputError
from stages.config.params import Params, read_params
from stages.config.runtime import batches, pick_device
from stages.diagnosis.chain_images import chain_images
from stages.diagnosis.chains import diagnosed_samplers
from stages.diagnosis.curves import curves, diagnosed_fixes
from stages.diagnosis.reverse_error import reverse_errors, reverse_pairs
from stages.diagnosis.state_moments import formulas
from stages.diagnosis.subject import Sample, Subject, chosen
from stages.methods.samplers import ddpm
from stages.plan.plan_file import planned_diagnosis
from stages.sampling.denoiser import denoiser, from_uint8, to_uint8
from stages.sampling.guidance import log_gradient
from stages.sampling.trial import Values
from stages.sampling.walk import Denoiser
from stages.store.files import read_npz, sha256, write_npz
from stages.store.models import TrainedModel, load_classifier, load_model
from stages.store.paths import DATA, DATASET, diagnosis_images_path, diagnosis_path, model_path
from stages.store.records import DiagnosisRecord, log_run, write_record


def run(model: str) -> None:
    """Write the record of one model's diagnosis, and the images that it shows."""
    started = time.monotonic()
    params = read_params()
    planned = planned_diagnosis(model)
    section = params.diagnose
    scalings = planned_scalings(params, planned)
    trained = load_model(model, planned.network).to(pick_device())
    with tqdm(desc=f"diagnose {model}", unit="img-eval", unit_scale=True, mininterval=1) as progress, torch.no_grad():
        subject = make_subject(params, planned, model, trained, progress.update)
        try:
            for steps in section.steps:
                diagnosed_samplers(subject, steps)
        except ValueError as error:
            raise InputError(f"diagnose.steps: {error}") from None
        reverse = reverse_errors(subject, planned.reverse_steps)
        formulas_at, found = formulas(subject, section.steps[0])
        drawn = list(curves(subject, section, scalings))
        write_npz(diagnosis_images_path(model), **shown_images(subject, params, planned))
    record = {
        "model": model,
        "diagnose": section,
        "seed": params.seed,
        "precision": params.sample.precision,
        "scalings": {f"{sampler} {steps}": values for (sampler, steps), values in scalings.items()},
        "guided": guided_settings(params, planned),
        "reverse": [{"steps": steps, "n": section.images, **error._asdict()} for steps, error in reverse.items()],
        "formulas_at": formulas_at,
        "formulas": {name: {**each.measured._asdict(), "formula": each.formula} for name, each in found.items()},
        "curves": [curve._asdict() for curve in drawn],
        "model_sha256": sha256(model_path(model)),
        "guide_sha256": sha256(DATA / planned.guide),
        "dataset_sha256": sha256(DATASET),
        "images_sha256": sha256(diagnosis_images_path(model)),
    }
    write_record(diagnosis_path(model), DiagnosisRecord.model_validate(record))
    log_run(f"diagnose-{model}", started)


def planned_scalings(params: Params, planned: PlannedDiagnosis) -> dict[tuple[str, int], Values]:
    """Return b and k of Epsilon Scaling by sampler and steps, as the cells of the plan have them."""
    if not planned.scalings:
        return {}
    fix = params.fixes[planned.fix]
    return {(each.sampler, each.steps): fix.resolved(each.values).settings() for each in planned.scalings}


def guided_settings(params: Params, planned: PlannedDiagnosis) -> dict[str, float | str] | None:
    """Return the keywords of the sampler that a classifier guides; None if the plan has none for the model."""
    return params.samplers[planned.guided].settings() if planned.guided in params.samplers else None


def make_subject(
    params: Params, planned: PlannedDiagnosis, model: str, trained: TrainedModel, evaluated: Callable[[int], object]
) -> Subject:
    """Return a trained model on images of the data set, and on their labels if it is conditioned on classes."""
    precision = params.sample.precision
    device = pick_device()
    pixels, labels = read_npz(DATASET, "images", "labels")
    places, others = chosen(len(pixels), params.diagnose.images, params.seed)
    images = from_uint8(pixels).to(device)
    # Of models without classes the labels are those that the guide leads to.
    conditions = torch.from_numpy(labels)[places].to(device) if len(labels) else None

    def bound(start: int, stop: int) -> Denoiser:
        given = conditions[start:stop] if trained.classes and conditions is not None else None
        along = trained.velocity_schedule
        return denoiser(trained.network, trained.predicts_variance, precision, evaluated, given, along)

    return Subject(
        denoiser=in_batches(bound),
        images=images[places.to(device)],
        others=images[others.to(device)],
        schedule=trained.schedule,
        seed=params.seed,
        labels=conditions if trained.classes else None,
        predicts_variance=trained.predicts_variance,
        guided=guided_sampler(guided_settings(params, planned), model, conditions, precision),
    )


def guided_sampler(
    settings: Mapping[str, float | str] | None, model: str, labels: Tensor | None, precision: str
) -> Sample | None:
    """Return ADM's sampler as the classifier of a model guides it to labels; None without settings or labels."""
    if settings is None or labels is None:
        return None
    network = load_classifier(model).network.to(pick_device())

    def gradient(x: Tensor, times: Tensor) -> Tensor:
        parts = batches(len(x))
        return torch.cat([log_gradient(network, labels[a:b], precision)(x[a:b], times[a:b]) for a, b in parts])

    return partial(ddpm.sample, guide=gradient, **settings)


def in_batches(bound: Callable[[int, int], Denoiser]) -> Denoiser:
    """Return a denoiser that evaluates runtime.batch_size images at a time, by what is bound to these of all images."""

    def evaluate(x: Tensor, times: Tensor) -> tuple[Tensor, Tensor | None]:
        parts = [bound(start, stop)(x[start:stop], times[start:stop]) for start, stop in batches(len(x))]
        eps, v = zip(*parts, strict=True)
        return torch.cat(eps), None if v[0] is None else torch.cat(v)

    return evaluate


def shown_images(subject: Subject, params: Params, planned: PlannedDiagnosis) -> dict[str, np.ndarray]:
    """Return the images that the diagnosis shows, uint8 with channels last.

    ``pairs`` [m, 1 + k, H, W, C] are images and their reconstructions by chains of ``pairs_steps`` [k] steps (IP, Fig.
    5). ``chain_states`` and ``chain_x0`` [2, S, m, H, W, C] go along DDIM's ``chain_times`` [S], the cleanest first,
    without a fix and under Time-Shift (TS, Fig. 11).
    """
    section = params.diagnose
    sample, chain = diagnosed_samplers(subject, section.steps[0])["ddim"]
    fixes = diagnosed_fixes("ddim", chain, section, None)
    states, predicted = chain_images(subject, sample, chain, fixes)
    return {
        "pairs": picture_values(reverse_pairs(subject, planned.pair_steps)),
        "pairs_steps": np.array(planned.pair_steps, dtype=np.int64),
        "chain_states": picture_values(states),
        "chain_x0": picture_values(predicted),
        "chain_times": np.array(chain.grid.times, dtype=np.int64),
    }


def picture_values(images: Tensor) -> np.ndarray:
    """Return images [..., C, H, W] in [-1, 1] as uint8 [..., H, W, C]."""
    pixels = to_uint8(images.flatten(0, -4))
    return pixels.reshape(*images.shape[:-3], *pixels.shape[1:])

"""Diagnose the exposure bias of one model: how far its inputs while sampling are from what it was trained on."""

from __future__ import annotations

import time

import torch
from torch import Tensor
from tqdm import tqdm

from stages.config.errors import InputError
from stages.config.params import read_params
from stages.config.runtime import batches, pick_device
from stages.diagnosis.chains import diagnosed_samplers
from stages.diagnosis.curves import curves
from stages.diagnosis.reverse_error import reverse_errors
from stages.diagnosis.state_moments import formulas
from stages.diagnosis.subject import Subject, chosen
from stages.plan.plan_file import planned_model
from stages.sampling.denoiser import denoiser, from_uint8
from stages.sampling.walk import Denoiser
from stages.store.files import read_npz, sha256
from stages.store.models import load_model
from stages.store.paths import DATASET, diagnosis_path, model_path
from stages.store.records import DiagnosisRecord, log_run, write_record


def run(model: str) -> None:
    """Write the record of one model's diagnosis."""
    started = time.monotonic()
    params = read_params()
    planned = planned_model(model)
    section = params.diagnose
    precision = params.sample.precision
    trained = load_model(model, planned.network)
    images, others = chosen(from_uint8(*read_npz(DATASET, "images")), section.images, params.seed)
    device = pick_device()
    with tqdm(desc=f"diagnose {model}", unit="img-eval", unit_scale=True, mininterval=1) as progress, torch.no_grad():
        network = trained.network.to(device)
        along = trained.velocity_schedule
        evaluate = denoiser(network, trained.predicts_variance, precision, progress.update, velocity_schedule=along)
        subject = Subject(in_batches(evaluate), images.to(device), others.to(device), trained.schedule, params.seed)
        try:
            diagnosed_samplers(subject.schedule, section.steps)
        except ValueError as error:
            raise InputError(f"diagnose.steps: {error}") from None
        reverse = reverse_errors(subject, planned.reverse_steps)
        formulas_at, found = formulas(subject, section.steps)
        drawn = list(curves(subject, section))
    record = {
        "model": model,
        "diagnose": section,
        "seed": params.seed,
        "precision": precision,
        "reverse": [{"steps": steps, "n": section.images, **error._asdict()} for steps, error in reverse.items()],
        "formulas_at": formulas_at,
        "formulas": {name: {**each.measured._asdict(), "formula": each.formula} for name, each in found.items()},
        "curves": [curve._asdict() for curve in drawn],
        "model_sha256": sha256(model_path(model)),
        "dataset_sha256": sha256(DATASET),
    }
    write_record(diagnosis_path(model), DiagnosisRecord.model_validate(record))
    log_run(f"diagnose-{model}", started)


def in_batches(denoise: Denoiser) -> Denoiser:
    """Return a denoiser that evaluates runtime.batch_size images at a time; the predicted variance is left out."""

    def evaluate(x: Tensor, times: Tensor) -> tuple[Tensor, None]:
        return torch.cat([denoise(x[start:stop], times[start:stop])[0] for start, stop in batches(len(x))]), None

    return evaluate

"""Diagnose the exposure bias of one model: how far what it is given while sampling is from what it was trained on."""

from __future__ import annotations

import time

import torch
from torch import Tensor
from tqdm import tqdm

from stages.config.errors import InputError
from stages.config.params import Params
from stages.config.params_file import read_params
from stages.config.runtime import batches, pick_device
from stages.diagnosis.curves import Subject, chains, chosen, curves, formulas, reverse_errors
from stages.plan.plan_file import planned_model
from stages.sampling.denoiser import denoiser
from stages.sampling.walk import Denoiser
from stages.store.files import read_npz, sha256
from stages.store.models import load_model
from stages.store.paths import DATASET, diagnosis_path, model_path
from stages.store.record_types import DiagnosisRecord
from stages.store.records import write_record
from stages.store.run_logs import log_run


def run(model: str) -> None:
    """Write the record of one model's diagnosis."""
    params, planned, started = read_params(), planned_model(model), time.monotonic()
    section = params.diagnose
    with tqdm(desc=f"diagnose {model}", unit="img-eval", unit_scale=True, mininterval=1) as progress, torch.no_grad():
        subject = read_subject(model, planned.network, params, progress)
        try:
            chains(subject.schedule, section.steps)
        except ValueError as error:
            raise InputError(f"diagnose.steps: {error}") from None
        entered = reverse_errors(subject, planned.reverse_steps)
        at, found = formulas(subject, section.steps)
        drawn = [curve._asdict() for curve in curves(subject, section.steps, section.b, section.window, section.cutoff)]
    record = DiagnosisRecord.model_validate({
        "model": model, "diagnose": section, "seed": params.seed, "precision": params.sample.precision,
        "reverse": [{"steps": steps, "n": section.images, **error._asdict()} for steps, error in entered.items()],
        "formulas_at": at, "curves": drawn,
        "formulas": {name: {**each.measured._asdict(), "formula": each.formula} for name, each in found.items()},
        "model_sha256": sha256(model_path(model)), "dataset_sha256": sha256(DATASET),
    })  # fmt: skip
    write_record(diagnosis_path(model), record)
    log_run(f"diagnose-{model}", started)


def read_subject(model: str, network: str, params: Params, progress: tqdm) -> Subject:
    """Return a trained model with the images to diagnose it on; it tells ``progress`` of its evaluations."""
    trained, device = load_model(model, network), pick_device()
    pixels = torch.from_numpy(read_npz(DATASET, "images")[0]).permute(0, 3, 1, 2).float()
    images, others = chosen(pixels / 127.5 - 1, params.diagnose.images, params.seed)
    evaluate = denoiser(trained.network.to(device), trained.predicts_variance, params.sample.precision, progress.update)
    return Subject(in_batches(evaluate), images.to(device), others.to(device), trained.schedule, params.seed)


def in_batches(denoise: Denoiser) -> Denoiser:
    """Return a denoiser that evaluates runtime.batch_size images at a time; the predicted variance is left out."""

    def evaluate(x: Tensor, times: Tensor) -> tuple[Tensor, None]:
        return torch.cat([denoise(x[start:stop], times[start:stop])[0] for start, stop in batches(len(x))]), None

    return evaluate

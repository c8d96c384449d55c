"""Paths of the files between stages. The only values of params in them are names that the plan has checked."""

from __future__ import annotations

import os
from pathlib import Path

CODE = Path(__file__).parents[1]
DATA = Path("data")
REPORTS = Path("reports")
PUBLISHED = DATA / "published"
REGISTRY = DATA / "registry.yaml"
DOWNLOADS = DATA / "downloads"
DATASET = DATA / "dataset.npz"
FEATURE_NETWORK = DATA / "extractor" / "network.safetensors"
REFERENCE = DATA / "reference" / "reference.npz"
RECORDS = DATA / "records"
RUNS = DATA / "runs"
DATASET_RECORD = RECORDS / "dataset.json"
EXTRACTOR_RECORD = RECORDS / "extractor.json"
REFERENCE_RECORD = RECORDS / "reference.json"
AUDIT = REPORTS / "audit.json"


def published_folder() -> Path:
    """Return the folder of published tables: that of the study if it has one, else that of the project."""
    return PUBLISHED if PUBLISHED.is_dir() else Path(os.path.relpath(CODE.parent / PUBLISHED))


def registry_path() -> Path:
    """Return the registry of data sets that others publish: that of the study if it has one, else the project's."""
    return REGISTRY if REGISTRY.is_file() else Path(os.path.relpath(CODE.parent / REGISTRY))


def model_path(model: str) -> Path:
    """Return the path of a trained model's weights."""
    return DATA / "models" / f"{model}.safetensors"


def model_record_path(model: str) -> Path:
    """Return the path of the record of how a model was trained."""
    return RECORDS / "models" / f"{model}.json"


def autoencoder_path(name: str) -> Path:
    """Return the path of a trained autoencoder."""
    return DATA / "autoencoders" / f"{name}.safetensors"


def autoencoder_record_path(name: str) -> Path:
    """Return the path of the record of how an autoencoder was trained."""
    return RECORDS / "autoencoders" / f"{name}.json"


def snapshots_path(model: str) -> Path:
    """Return the path of the EMA snapshots of a model's training."""
    return DATA / "checkpoints" / f"{model}.safetensors"


def trajectory_record_path(model: str) -> Path:
    """Return the path of the record of FID along a model's training."""
    return RECORDS / "trajectories" / f"{model}.json"


def moments_path(model: str) -> Path:
    """Return the path of the moments of a model's predictions."""
    return DATA / "moments" / f"{model}.npz"


def moments_record_path(model: str) -> Path:
    """Return the path of the record of a model's moments."""
    return RECORDS / "moments" / f"{model}.json"


def diagnosis_path(model: str) -> Path:
    """Return the path of the record of a model's diagnosis."""
    return RECORDS / "diagnosis" / f"{model}.json"


def diagnosis_images_path(model: str) -> Path:
    """Return the path of the images that a model's diagnosis shows."""
    return DATA / "previews" / f"diagnosis-{model}.npz"


def guide_path(model: str) -> Path:
    """Return the path of the classifier that guides a model."""
    return DATA / "guides" / f"{model}.safetensors"


def guide_record_path(model: str) -> Path:
    """Return the path of the record of the classifier that guides a model."""
    return RECORDS / "guides" / f"{model}.json"


def samples_path(key: str) -> Path:
    """Return the path of a cell's images."""
    return DATA / "samples" / f"{key}.npz"


def sample_record_path(key: str) -> Path:
    """Return the path of the record of how a cell was sampled."""
    return RECORDS / "samples" / f"{key}.json"


def preview_path(key: str) -> Path:
    """Return the path of the preview of a cell's images."""
    return DATA / "previews" / f"{key}.png"


def scores_path(key: str) -> Path:
    """Return the path of a cell's scores."""
    return DATA / "scores" / f"{key}.json"

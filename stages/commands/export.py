"""Export the images of one cell as PNG files, for other programs that score or show folders of images."""

from __future__ import annotations

import csv
import os
import shutil
import tempfile
from pathlib import Path

from stages.config.entries import Cell
from stages.config.errors import InputError
from stages.config.params import read_params
from stages.plan.plan_file import planned_cell
from stages.store.files import sha256
from stages.store.images import image_parts, write_picture
from stages.store.paths import guide_path, model_path, sample_record_path, samples_path
from stages.store.records import SampleRecord, read_record

LABELS = "labels.csv"


def run(cell: str, folder: Path) -> None:
    """Write the images of a cell as PNG files into a new or empty folder, and their labels if they have any.

    The files are numbered from 0 in the order of the samples; labels.csv has the columns ``file`` and ``label``. Either
    the folder is complete or it is not written.

    Raises:
        InputError: the folder is not empty or cannot be written, or the cell is not sampled or not as its record says.
    """
    planned = planned_cell(cell)
    record = read_record(sample_record_path(cell), SampleRecord)
    check_digest(samples_path(cell), record.sha256, cell)
    labels = label_list(planned, record)
    check_folder(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}.", suffix=".tmp"))
        try:
            names = write_pictures(cell, unfinished, record.n)
            if labels:
                write_labels(unfinished / LABELS, names, labels)
            unfinished.chmod(0o755)
            os.replace(unfinished, folder)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror or error})") from None
    print(f"{folder}: {record.n:,} images of {cell}" + (f", their labels in {LABELS}" if labels else ""))


def check_folder(folder: Path) -> None:
    """Refuse a folder that holds something, or a file in its place."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: a file; name a folder that is new or empty")
    if folder.is_dir() and any(folder.iterdir()):
        raise InputError(f"{folder}: not empty; name a folder that is new or empty")


def check_digest(path: Path, recorded: str, cell: str) -> None:
    """Refuse a file that is not the one that the record of a cell names."""
    if sha256(path) != recorded:
        raise InputError(f"{path}: not the one that the record of {cell} names; run dvc repro")


def label_list(cell: Cell, record: SampleRecord) -> list[int]:
    """Return the label of each image as it was drawn: of its class, or of its caption; empty without labels."""
    if record.labels is None:
        return []
    import torch

    from stages.diffusion.block_noise import image_labels
    from stages.store.models import load_classifier, load_model

    if read_params().samplers[cell.sampler].takes == "guide":
        check_digest(guide_path(cell.model), record.input_sha256, cell.key)
        classes = load_classifier(cell.model).classes
    else:
        check_digest(model_path(cell.model), record.model_sha256, cell.key)
        classes = load_model(cell.model, cell.network).classes
    return image_labels(record.labels, record.seed, 0, record.n, classes, torch.device("cpu")).tolist()


def write_pictures(cell: str, folder: Path, n: int) -> list[str]:
    """Write the images of a cell as PNG files with names of equal length, and return the names."""
    names = [f"{index:0{len(str(n - 1))}}.png" for index in range(n)]
    images = (image for part in image_parts(samples_path(cell)) for image in part)
    for name, image in zip(names, images, strict=True):
        write_picture(folder / name, image)
    return names


def write_labels(path: Path, names: list[str], labels: list[int]) -> None:
    """Write a CSV file with the label of each picture."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["file", "label"])
        writer.writerows(zip(names, labels, strict=True))

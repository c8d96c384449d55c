"""Prepare the data set: images as uint8 NHWC, labels, captions, a record of them, and a picture of the first."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from stages.pipeline.errors import InputError
from stages.pipeline.files import sha256, write_npz
from stages.pipeline.layout import DATASET, DATASET_RECORD, preview_path
from stages.pipeline.params import read_params
from stages.pipeline.previews import write_preview
from stages.pipeline.records import write_record
from stages.sections.records import DatasetRecord

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


class DataSet(NamedTuple):
    """Images [N, H, W, C], uint8, their labels [N], int64, a caption for each label, and where they come from."""

    images: np.ndarray
    labels: np.ndarray
    captions: np.ndarray
    source: str


def digits() -> DataSet:
    """Return scikit-learn's 1,797 handwritten digits (8x8, one channel), with their labels as words for captions."""
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    images = np.round(np.asarray(pixels) * (255 / 16)).astype(np.uint8).reshape(-1, 8, 8, 1)
    source = "scikit-learn load_digits: test part of UCI Optical Recognition of Handwritten Digits (Alpaydin, Kaynak)"
    captions = np.array([f"the digit {word}" for word in WORDS])
    return DataSet(images, np.asarray(labels, dtype=np.int64), captions, source)


DATASETS: dict[str, Callable[[], DataSet]] = {"digits": digits}


def run() -> None:
    """Write the data set, its record (checksum, source and shape) and its preview."""
    dataset = read_params().prepare.dataset
    if dataset not in DATASETS:
        raise InputError(f"prepare.dataset: {dataset!r} is no data set; allowed are {', '.join(DATASETS)}")
    images, labels, captions, source = DATASETS[dataset]()
    write_npz(DATASET, images=images, labels=labels, captions=captions)
    write_preview(preview_path("real"), images)
    record = DatasetRecord(
        dataset=dataset, n=len(images), shape=images.shape[1:], source=source, sha256=sha256(DATASET),
        preview_sha256=sha256(preview_path("real")),
    )  # fmt: skip
    write_record(DATASET_RECORD, record)

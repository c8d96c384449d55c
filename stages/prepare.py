"""Prepare the data set: images as uint8 NHWC, labels, and a record of what they are."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from stages.files import InputError, sha256, write_json, write_npz
from stages.layout import dataset_path
from stages.params import read_params


def digits() -> tuple[np.ndarray, np.ndarray, str]:
    """Return scikit-learn's 1,797 handwritten digits (8x8, one channel), their labels and their source."""
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    images = np.round(np.asarray(pixels) * (255 / 16)).astype(np.uint8).reshape(-1, 8, 8, 1)
    source = "scikit-learn load_digits: test part of UCI Optical Recognition of Handwritten Digits (Alpaydin, Kaynak)"
    return images, np.asarray(labels, dtype=np.int64), source


DATASETS: dict[str, Callable[[], tuple[np.ndarray, np.ndarray, str]]] = {"digits": digits}


def run() -> None:
    """Write the data set and, beside it, its checksum, source and shape."""
    (prepare,) = read_params("prepare")
    if prepare.dataset not in DATASETS:
        raise InputError(f"prepare.dataset: {prepare.dataset!r} is no data set; allowed are {', '.join(DATASETS)}")
    images, labels, source = DATASETS[prepare.dataset]()
    path = dataset_path(prepare.dataset)
    write_npz(path, images=images, labels=labels)
    record = {
        "dataset": prepare.dataset, "n": len(images), "shape": images.shape[1:], "source": source,
        "sha256": sha256(path),
    }  # fmt: skip
    write_json(path.with_suffix(".json"), record)

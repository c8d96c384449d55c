"""Handwritten digits: 1,797 images of 8x8 in one channel, part of scikit-learn, so that nothing is downloaded."""

from __future__ import annotations

from typing import Literal

from stages.config.dataset_settings import DatasetSettings
from stages.datasets.dataset import DataSet

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SOURCE = "scikit-learn load_digits: test part of UCI Optical Recognition of Handwritten Digits (Alpaydin, Kaynak)"


class Digits(DatasetSettings):
    dataset: Literal["digits"]


def load(settings: Digits) -> DataSet:
    """Return scikit-learn's handwritten digits, with their labels as words for captions."""
    import numpy as np
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    images = np.round(np.asarray(pixels) * (255 / 16)).astype(np.uint8).reshape(-1, 8, 8, 1)
    captions = np.array([f"the digit {word}" for word in WORDS])
    return DataSet(images, np.asarray(labels, dtype=np.int64), captions, SOURCE)

"""Fashion-MNIST: 60,000 grey training images of 28x28."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from stages.config.dataset_settings import DatasetSettings
from stages.config.sections import Int
from stages.datasets.dataset import DataSet
from stages.datasets.downloads import gunzipped, published_file
from stages.datasets.image_files import resized_arrays

IMAGES = "train-images-idx3-ubyte.gz"
LABELS = "train-labels-idx1-ubyte.gz"
COUNT = 60_000
SIDE = 28
# An IDX file begins with its type and number of dimensions, and the length of each, 4 bytes apiece.
IMAGES_HEADER = 16
LABELS_HEADER = 8
CLASSES = ("T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")


class FashionMnist(DatasetSettings):
    """``path`` is a folder with the two files (Debian's package has /usr/share/datasets/fashion-mnist).

    Without one they are downloaded.
    """

    dataset: Literal["fashion-mnist"]
    path: str | None = None
    size: Annotated[Int, Field(ge=4, le=28)] = 28


def load(settings: FashionMnist) -> DataSet:
    """Return Fashion-MNIST's training images as [N, size, size, 1].

    Raises:
        InputError: a file is missing, cannot be downloaded, or its content has another sha256.
    """
    import numpy as np

    contents = []
    for name, size in ((IMAGES, IMAGES_HEADER + COUNT * SIDE * SIDE), (LABELS, LABELS_HEADER + COUNT)):
        path = published_file("fashion-mnist", name, settings.path)
        contents.append(gunzipped("fashion-mnist", path, name, size))
    pixels = np.frombuffer(contents[0], np.uint8, offset=IMAGES_HEADER).reshape(-1, SIDE, SIDE, 1)
    labels = np.frombuffer(contents[1], np.uint8, offset=LABELS_HEADER).astype(np.int64)
    source = "Fashion-MNIST (Xiao et al. 2017), training images"
    if settings.size != SIDE:
        source += f", resized to {settings.size}x{settings.size}"
    return DataSet(resized_arrays(pixels, settings.size), labels, np.array(CLASSES), source)

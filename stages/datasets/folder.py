"""Images of one's own: a folder, a zip or a tar file, each sub-folder a class."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from stages.config.dataset_settings import DatasetSettings
from stages.config.sections import Int
from stages.datasets.dataset import DataSet
from stages.datasets.image_files import image_files, labelled_images


class Folder(DatasetSettings):
    """``path`` is relative to the folder of params.yaml; images are resized to ``size`` squares as ADM does it."""

    dataset: Literal["folder"]
    path: Annotated[str, Field(min_length=1)]
    size: Annotated[Int, Field(ge=4, le=1024)]


def load(settings: Folder) -> DataSet:
    """Return the images of a folder or archive as RGB, with their sub-folders as classes and captions.

    Raises:
        InputError: the path does not exist, holds no images, or a file in it is damaged.
    """
    import numpy as np

    path = Path(settings.path)
    found = labelled_images(path, image_files(path), settings.size)
    source = f"{len(found.images):,} images of {path.name}, sha256 of names and contents {found.digest}"
    return DataSet(found.images, found.labels, np.array(found.classes), source)

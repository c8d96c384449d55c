"""CIFAR-10: the 50,000 training images of its python archive."""

from __future__ import annotations

import pickle
import tarfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from stages.config.dataset_settings import DatasetSettings
from stages.config.errors import InputError
from stages.config.sections import Int
from stages.datasets.dataset import DataSet
from stages.datasets.downloads import published_file
from stages.datasets.image_files import resized_arrays

if TYPE_CHECKING:
    import numpy as np

ARCHIVE = "cifar-10-python.tar.gz"
FOLDER = "cifar-10-batches-py"
BATCHES = tuple(f"data_batch_{i}" for i in range(1, 6))
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


class Cifar10(DatasetSettings):
    """``path`` is the archive, or a folder that holds it; without one it is downloaded."""

    dataset: Literal["cifar10"]
    path: str | None = None
    size: Annotated[Int, Field(ge=4, le=32)] = 32


def load(settings: Cifar10) -> DataSet:
    """Return CIFAR-10's training images in the order of the archive.

    Raises:
        InputError: the archive is missing, cannot be downloaded, has another md5, or is not as published.
    """
    import numpy as np

    path = published_file("cifar10", ARCHIVE, settings.path)
    images: list[np.ndarray] = []
    labels: list[int] = []
    for content in _batches(path):
        pixels = np.asarray(content[b"data"], dtype=np.uint8)
        images.append(pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
        labels += content[b"labels"]
    source = f"CIFAR-10 (Krizhevsky 2009), {ARCHIVE}, training images"
    if settings.size != 32:
        source += f", resized to {settings.size}x{settings.size}"
    pixels = resized_arrays(np.concatenate(images), settings.size)
    return DataSet(pixels, np.array(labels, dtype=np.int64), np.array(CLASSES), source)


def _batches(path: Path) -> list[dict[bytes, Any]]:
    found: dict[str, dict[bytes, Any]] = {}
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                folder, _, name = member.name.rpartition("/")
                stream = archive.extractfile(member) if folder == FOLDER and name in BATCHES else None
                if stream is not None:
                    found[name] = _ArraysOnly(stream, encoding="bytes").load()
        return [found[name] for name in BATCHES]
    except KeyError as error:
        raise InputError(f"{path}: {FOLDER}/{error.args[0]} is not in the archive") from None
    except (tarfile.TarError, pickle.UnpicklingError, zlib.error, EOFError, OSError, ValueError) as error:
        raise InputError(f"{path}: not CIFAR-10's archive ({' '.join(str(error).split())[:120]})") from None


class _ArraysOnly(pickle.Unpickler):
    """Reads dicts, lists, numbers and numpy arrays alone: no other name in the file is looked up."""

    def find_class(self, module: str, name: str) -> Any:
        import codecs

        import numpy as np

        reconstruct = np.empty(0).__reduce__()[0]
        multiarray = ("numpy.core.multiarray", "numpy._core.multiarray")
        allowed: dict[tuple[str, str], Any] = {
            ("numpy", "ndarray"): np.ndarray,
            ("numpy", "dtype"): np.dtype,
            ("_codecs", "encode"): codecs.encode,
            **{(each, "_reconstruct"): reconstruct for each in multiarray},
        }
        if (module, name) in allowed:
            return allowed[module, name]
        raise pickle.UnpicklingError(f"it names {module}.{name}")

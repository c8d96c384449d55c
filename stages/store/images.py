"""Images on disk, and previews: pictures of the first of them.

Images are stored as the ADM evaluator takes them: ``arr_0`` uint8 NHWC in an npz file, written and read in parts.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from numpy.lib import format as npy
from PIL import Image

from stages.config.errors import InputError
from stages.store.files import NPZ_FAULTS, existing, npz_member, write_atomic

ARRAY = "arr_0"
PART = 1000
# Images of a preview: rows by columns, one pixel per pixel, without gaps.
ROWS = 5
COLUMNS = 10


def write_images(path: Path, parts: Iterable[np.ndarray], shape: tuple[int, ...]) -> None:
    """Write uint8 images NHWC given in parts; ``shape`` is [n, H, W, C]. The bytes are those of ``write_npz``."""

    def write(stream: BinaryIO) -> None:
        with zipfile.ZipFile(stream, "w") as archive, archive.open(npz_member(ARRAY, prod(shape)), "w") as member:
            header = {"descr": npy.dtype_to_descr(np.dtype(np.uint8)), "fortran_order": False, "shape": shape}
            npy.write_array_header_1_0(cast(BinaryIO, member), header)
            for part in parts:
                member.write(np.ascontiguousarray(part).data)

    write_atomic(path, write)


def image_shape(path: Path) -> tuple[int, ...]:
    """Return the shape [n, H, W, C] of a file of images, without reading the pixels.

    Raises:
        InputError: the file is missing, truncated, or holds something else.
    """
    with _images(path) as (_, shape):
        return shape


def image_parts(path: Path) -> Iterator[np.ndarray]:
    """Yield the images of a file, 1,000 at a time.

    Raises:
        InputError: the file is missing, truncated, or holds something else.
    """
    with _images(path) as (stream, (n, *size)):
        for start in range(0, n, PART):
            count = min(PART, n - start)
            content = stream.read(count * prod(size))
            yield np.frombuffer(bytearray(content), np.uint8).reshape(count, *size)


@contextmanager
def _images(path: Path) -> Iterator[tuple[BinaryIO, tuple[int, ...]]]:
    """Yield the stream of the pixels and the shape of the array."""
    try:
        with zipfile.ZipFile(existing(path)) as archive, archive.open(f"{ARRAY}.npy") as stream:
            binary = cast(BinaryIO, stream)
            version = npy.read_magic(binary)
            if version != (1, 0):
                raise ValueError(f"npy format {version}")
            shape, fortran, dtype = npy.read_array_header_1_0(binary)
            if fortran or dtype != np.uint8 or len(shape) != 4:
                raise ValueError(f"{dtype} {shape}, expected uint8 [n, H, W, C]")
            yield binary, shape
    except (KeyError, *NPZ_FAULTS) as error:
        raise InputError(f"{path}: truncated or not a file of images ({error}); delete it and run dvc repro") from None


def write_picture(path: Path, image: np.ndarray) -> None:
    """Write one image, uint8 HWC, as a PNG; not atomically."""
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(path, format="PNG")


def write_preview(path: Path, images: np.ndarray) -> None:
    """Write the first 50 images, uint8 NHWC, as a PNG; the same place shows the same noise in every cell."""
    count, height, width, channels = images.shape
    tiles = np.zeros((ROWS * COLUMNS, height, width, channels), np.uint8)
    tiles[: min(count, len(tiles))] = images[: len(tiles)]
    rows = tiles.reshape(ROWS, COLUMNS, height, width, channels)
    sheet = rows.transpose(0, 2, 1, 3, 4).reshape(ROWS * height, COLUMNS * width, channels)
    picture = Image.fromarray(sheet[..., 0] if channels == 1 else sheet)
    write_atomic(path, lambda stream: picture.save(stream, format="PNG"))


def read_preview(path: Path) -> np.ndarray:
    """Return the 50 images of a preview as uint8 NHWC.

    Raises:
        InputError: the file is missing, no picture, or of another size.
    """
    try:
        sheet = np.asarray(Image.open(path))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error}); delete it and run dvc repro") from None
    sheet = sheet[..., None] if sheet.ndim == 2 else sheet
    height = sheet.shape[0] // ROWS
    width = sheet.shape[1] // COLUMNS
    if sheet.shape[:2] != (ROWS * height, COLUMNS * width) or sheet.dtype != np.uint8 or not height * width:
        raise InputError(f"{path}: not a preview of this project; delete it and run dvc repro")
    rows = sheet.reshape(ROWS, height, COLUMNS, width, -1)
    return rows.transpose(0, 2, 1, 3, 4).reshape(ROWS * COLUMNS, height, width, -1)

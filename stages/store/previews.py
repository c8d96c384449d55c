"""Previews: a picture of the first images of a set, one pixel a pixel, rows by columns without gaps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from stages.config.errors import InputError
from stages.store.files import write_atomic

ROWS, COLUMNS = 5, 10


def write_preview(path: Path, images: np.ndarray) -> None:
    """Write the first 50 images, uint8 NHWC, as a PNG; equal places hold equal noise in every cell."""
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
    height, width = sheet.shape[0] // ROWS, sheet.shape[1] // COLUMNS
    if sheet.shape[:2] != (ROWS * height, COLUMNS * width) or sheet.dtype != np.uint8 or not height * width:
        raise InputError(f"{path}: not a preview of this project; delete it and run dvc repro")
    rows = sheet.reshape(ROWS, height, COLUMNS, width, -1)
    return rows.transpose(0, 2, 1, 3, 4).reshape(ROWS * COLUMNS, height, width, -1)

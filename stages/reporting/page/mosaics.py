"""Mosaics: many small images in one picture, every pixel of them visible."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

# Grey stands out against dark and against bright images, in one channel and in three.
GAP = 128
# A row of the page: how many images of a cell, the least pixels that the side of an image takes, and the gap. Those of
# a paper's figure are larger.
SHOWN = 12
SIDE = 24
FIGURE_SIDE = 40
ROW_GAP = 3


def picture_uri(images: np.ndarray) -> str:
    """Return a data URI of the first images, in one row at whole-number zoom."""
    return _uri(images[:SHOWN], SHOWN, SIDE)


def row_uri(images: np.ndarray, columns: int | None = None) -> str:
    """Return a data URI of images of a paper's figure, in one row or in rows of ``columns``."""
    return _uri(images, columns or len(images), FIGURE_SIDE)


def _uri(images: np.ndarray, columns: int, side: int) -> str:
    zoom = max(1, -(-side // images.shape[2]))
    return f"data:image/png;base64,{base64.b64encode(mosaic(images, columns, zoom, ROW_GAP)).decode()}"


def mosaic(images: np.ndarray, columns: int, zoom: int, gap: int) -> bytes:
    """Return a PNG of images in rows of ``columns``, each pixel a square of ``zoom``, with gaps between the images.

    Args:
        images: uint8, (n, height, width, channels) with 1 or 3 channels.
        columns: images per row; places without an image have the colour of the gaps.
        zoom: a whole number, so that all pixels are of one size.
        gap: width of the gaps, in pixels of the picture.

    Raises:
        ValueError: the images are of another type or shape, or a number is too small.
    """
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] not in (1, 3) or not images.size:
        raise ValueError(f"{images.dtype} of shape {images.shape}: must be uint8, n × height × width × 1 or 3")
    if columns < 1 or zoom < 1 or gap < 0:
        raise ValueError(f"columns {columns}, zoom {zoom}, gap {gap}: at least 1, 1 and 0")
    n, height, width, channels = images.shape
    rows = -(-n // columns)
    tiles = np.full((rows * columns, height * zoom + gap, width * zoom + gap, channels), GAP, np.uint8)
    tiles[:n, : height * zoom, : width * zoom] = images.repeat(zoom, axis=1).repeat(zoom, axis=2)
    grid = tiles.reshape(rows, columns, *tiles.shape[1:]).swapaxes(1, 2)
    picture = grid.reshape(rows * tiles.shape[1], columns * tiles.shape[2], channels)
    # Gaps stand between images: none after the last ones.
    picture = picture[: picture.shape[0] - gap, : picture.shape[1] - gap]
    stream = io.BytesIO()
    Image.fromarray(picture[..., 0] if channels == 1 else picture).save(stream, "PNG", optimize=True)
    return stream.getvalue()

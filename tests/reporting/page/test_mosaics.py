"""Mosaics: every source pixel is in the picture, at its place, and gaps stand between images only."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from stages.reporting.page.mosaics import GAP, mosaic


def opened(content: bytes, channels: int) -> np.ndarray:
    image = Image.open(io.BytesIO(content))
    assert image.mode == {1: "L", 3: "RGB"}[channels]
    return np.asarray(image).reshape(image.height, image.width, channels)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("columns", "zoom", "gap"), [(3, 4, 2), (1, 1, 0), (7, 3, 1), (10, 2, 5)])
def test_every_pixel_is_there_at_its_place(channels: int, columns: int, zoom: int, gap: int) -> None:
    images = np.random.RandomState(0).randint(0, 256, (7, 5, 6, channels), np.uint8)
    picture = opened(mosaic(images, columns, zoom, gap), channels)
    rows = -(-7 // columns)
    assert picture.shape[:2] == (rows * (5 * zoom + gap) - gap, columns * (6 * zoom + gap) - gap)
    rest = np.ones(picture.shape[:2], bool)
    for i, image in enumerate(images):
        top = (i // columns) * (5 * zoom + gap)
        left = (i % columns) * (6 * zoom + gap)
        for y, x in np.ndindex(5, 6):
            place = slice(top + y * zoom, top + (y + 1) * zoom), slice(left + x * zoom, left + (x + 1) * zoom)
            assert (picture[place] == image[y, x]).all()
            rest[place] = False
    assert (picture[rest] == GAP).all()


def test_same_images_give_the_same_bytes() -> None:
    images = np.arange(2 * 8 * 8 * 3, dtype=np.uint8).reshape(2, 8, 8, 3)
    assert mosaic(images, 2, 3, 1) == mosaic(images.copy(), 2, 3, 1)


@pytest.mark.parametrize(
    ("shape", "dtype", "numbers"),
    [
        ((2, 8, 8), "uint8", (2, 1, 1)),
        ((2, 8, 8, 2), "uint8", (2, 1, 1)),
        ((2, 8, 8, 1), "float32", (2, 1, 1)),
        ((0, 8, 8, 1), "uint8", (2, 1, 1)),
        ((2, 8, 8, 1), "uint8", (0, 1, 1)),
        ((2, 8, 8, 1), "uint8", (2, 0, 1)),
        ((2, 8, 8, 1), "uint8", (2, 1, -1)),
    ],
)
def test_what_is_no_mosaic_is_refused(shape: tuple[int, ...], dtype: str, numbers: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match=r"must be uint8|at least"):
        mosaic(np.zeros(shape, dtype), *numbers)

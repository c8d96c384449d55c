"""Files of images: written and read in parts, and refused in one line where damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stages.config.errors import InputError
from stages.store import images
from stages.store.files import sha256, write_npz
from stages.store.images import image_parts, image_shape, write_images

PIXELS = np.random.RandomState(0).randint(0, 256, (25, 4, 6, 3), np.uint8)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of 25 images, written in three parts."""
    write_images(tmp_path / "images.npz", np.split(PIXELS, [10, 11]), PIXELS.shape)
    return tmp_path / "images.npz"


def test_the_bytes_are_those_of_the_arrays_as_a_whole(path: Path, tmp_path: Path) -> None:
    write_npz(tmp_path / "whole.npz", arr_0=PIXELS)
    assert path.read_bytes() == (tmp_path / "whole.npz").read_bytes()


def test_every_python_writes_the_same_bytes(tmp_path: Path) -> None:
    """np.savez would not: its archives differ between versions of zipfile. Written on Python 3.11.7."""
    write_npz(tmp_path / "two.npz", arr_0=PIXELS, b=np.arange(3.0))
    assert sha256(tmp_path / "two.npz") == "e1e6b2ee3d9d82c193bb59ff32e3b6e4cdd2f2224a1660b37e3953a8acc68317"


@pytest.mark.parametrize("part", [1, 7, 25, 1000])
def test_parts_are_the_images_in_order(path: Path, part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "PART", part)
    parts = list(image_parts(path))
    assert [len(p) for p in parts[:-1]] == [part] * (len(parts) - 1)
    assert np.array_equal(np.concatenate(parts), PIXELS)
    assert image_shape(path) == PIXELS.shape


def test_a_compressed_file_is_read_too(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "small.npz", arr_0=PIXELS)
    assert np.array_equal(next(image_parts(tmp_path / "small.npz")), PIXELS)


@pytest.mark.parametrize("kept", [0, 30, 500, -40])
def test_a_truncated_file_is_one_line(path: Path, kept: int) -> None:
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InputError, match=r"images\.npz: truncated or not a file of images \([^\n]*\); delete it"):
        list(image_parts(path))


@pytest.mark.parametrize(
    "array", [PIXELS.astype(np.float32), PIXELS[0], np.asfortranarray(PIXELS)], ids=["floats", "one image", "fortran"]
)
def test_another_array_is_refused(tmp_path: Path, array: np.ndarray) -> None:
    write_npz(tmp_path / "other.npz", arr_0=array)
    with pytest.raises(InputError, match=r"expected uint8 \[n, H, W, C\]"):
        image_shape(tmp_path / "other.npz")


def test_a_file_without_the_array_is_refused(tmp_path: Path) -> None:
    write_npz(tmp_path / "other.npz", images=PIXELS)
    with pytest.raises(InputError, match="not a file of images"):
        image_shape(tmp_path / "other.npz")

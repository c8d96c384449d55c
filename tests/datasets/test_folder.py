"""Images of one's own: folders and archives, the resizing rule, classes, and files that are none."""

from __future__ import annotations

import io
import os
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from stages import prepare
from stages.__main__ import main
from stages.config.errors import InputError
from stages.datasets import folder, image_files
from stages.datasets.folder import Folder
from stages.datasets.image_files import resized
from stages.store.files import read_json, read_npz
from stages.store.paths import DATASET, DATASET_RECORD
from tests.toy import toy_params, write_params, write_study


def png(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def images(n: int, size: int = 16) -> dict[str, bytes]:
    rng = np.random.RandomState(0)
    return {
        f"{'cat' if i % 3 else 'dog'}/{i:03}.png": png(rng.randint(0, 256, (size, size, 3), dtype=np.uint8))
        for i in range(n)
    }


def as_folder(files: dict[str, bytes], path: Path) -> Path:
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def as_zip(files: dict[str, bytes], path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in reversed(files.items()):
            archive.writestr(name, content)
    return path


def as_tar(files: dict[str, bytes], path: Path) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"./{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def loaded(path: Path, size: int = 16):
    return folder.load(Folder(dataset="folder", path=str(path), size=size))


def refused(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        loaded(path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


def test_a_folder_a_zip_and_a_tar_of_the_same_images_are_one_data_set(tmp_path: Path) -> None:
    files = images(20)
    held = [as_folder(files, tmp_path / "a"), as_zip(files, tmp_path / "a.zip"), as_tar(files, tmp_path / "a.tar.gz")]
    first, *others = (loaded(path) for path in held)
    assert first.images.shape == (20, 16, 16, 3)
    assert sorted(np.bincount(first.labels)) == [7, 13]
    assert list(first.captions) == ["cat", "dog"]
    for other in others:
        assert np.array_equal(first.images, other.images)
        assert np.array_equal(first.labels, other.labels)
        assert first.source.rpartition(" ")[2] == other.source.rpartition(" ")[2], "the digest"
    assert len(set(first.labels[:8])) == 2, "the first images are of all classes"


def test_a_changed_byte_or_name_is_another_data_set(tmp_path: Path) -> None:
    files = images(3)
    (name, content), *_ = files.items()
    base = loaded(as_folder(files, tmp_path / "a")).source
    renamed = {name.replace(".png", "x.png") if each == name else each: data for each, data in files.items()}
    pixels = np.asarray(Image.open(io.BytesIO(content))).copy()
    pixels[0, 0, 0] ^= 1
    assert loaded(as_folder(renamed, tmp_path / "b")).source.rpartition(" ")[2] not in base
    assert loaded(as_folder(files | {name: png(pixels)}, tmp_path / "c")).source.rpartition(" ")[2] not in base


def test_halving_averages_and_other_sizes_are_bicubic() -> None:
    """ADM's rule: box-halving while the shorter side is twice as long as wanted, then bicubic, then the centre."""
    pixels = np.random.RandomState(1).randint(0, 256, (32, 32, 3), dtype=np.uint8)
    averaged = pixels.reshape(16, 2, 16, 2, 3).astype(float).mean((1, 3))
    found = np.asarray(resized(Image.fromarray(pixels), 16)).astype(float)
    assert np.abs(found - averaged).max() <= 1, "averages, rounded along each axis"
    assert np.array_equal(np.asarray(resized(Image.fromarray(pixels), 32)), pixels)
    wide = np.zeros((40, 100, 3), np.uint8)
    wide[:, 40:60] = 255
    square = np.asarray(resized(Image.fromarray(wide), 20))
    assert square.shape == (20, 20, 3)
    assert (square[:, 5:15] == 255).all(), "the centre of the picture"
    assert (square[:, [0, -1]] == 0).all()


@given(width=st.integers(3, 90), height=st.integers(3, 90), size=st.integers(2, 40))
def test_every_shape_becomes_a_square(width: int, height: int, size: int) -> None:
    assert resized(Image.new("RGB", (width, height)), size).size == (size, size)


def test_the_whole_stage(project: Path) -> None:
    as_zip(images(20), Path("mine.zip"))
    params = toy_params()
    params["prepare"] = {"dataset": "folder", "path": "mine.zip", "size": 8}
    write_study(params)
    prepare.run()
    pixels, labels, captions = read_npz(DATASET, "images", "labels", "captions")
    assert pixels.shape == (20, 8, 8, 3)
    assert (labels.dtype, list(captions)) == (np.int64, ["cat", "dog"])
    assert read_json(DATASET_RECORD)["dataset"] == "folder"
    assert '"images": "mine.zip"' in Path("cells.json").read_text(), "a dependency of the stage"


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"dataset": "folder", "size": 8}, "prepare.path: missing"),
        ({"dataset": "folder", "path": "x", "size": 2}, "prepare.size"),
        ({"dataset": "digits", "path": "x"}, "prepare.path: unknown key; allowed are dataset"),
    ],
)
def test_settings_are_those_of_the_data_set(project: Path, capsys, section: dict, message: str) -> None:
    write_params(toy_params() | {"prepare": section})
    assert main(["prepare"]) == 2
    assert message in capsys.readouterr().err


def test_what_is_no_folder_of_images_is_refused_in_one_line(tmp_path: Path) -> None:
    assert "not found" in refused(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    assert "no images" in refused(tmp_path / "empty")
    (tmp_path / "text").write_text("hello")
    assert "allowed are a folder, a zip or a tar file" in refused(tmp_path / "text")
    whole = as_zip(images(5), tmp_path / "whole.zip").read_bytes()
    (tmp_path / "cut.zip").write_bytes(whole[: len(whole) // 2])
    refused(tmp_path / "cut.zip")
    tar = as_tar(images(5), tmp_path / "whole.tar.gz").read_bytes()
    (tmp_path / "cut.tar.gz").write_bytes(tar[: len(tar) // 2])
    assert "damaged" in refused(tmp_path / "cut.tar.gz")


def test_damaged_and_hostile_images_are_refused_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = png(np.zeros((16, 16, 3), np.uint8))
    whole = next(iter(images(1).values()))
    huge = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    header = b"IHDR" + huge
    lying = good[:8] + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header)) + good[33:]
    for i, content in enumerate((b"", b"GIF89a", good[:40], whole[:-200], lying)):
        path = as_folder({"a/good.png": good, "a/x.png": content}, tmp_path / str(i))
        assert "x.png: " in refused(path)
    bomb = as_zip({"a/bomb.png": b"\0" * 10_000_000}, tmp_path / "bomb.zip")
    assert bomb.stat().st_size < 20_000
    monkeypatch.setattr(image_files, "LARGEST", 1_000_000)
    assert "bomb.png: 10,000,000 bytes; allowed" in refused(bomb)


def test_nothing_outside_is_read_or_written(tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(png(np.zeros((16, 16, 3), np.uint8)))
    inside = as_folder(images(2), tmp_path / "inside")
    os.symlink(secret, inside / "cat" / "link.png")
    assert "links out of" in refused(inside)
    before = sorted(tmp_path.iterdir())
    loaded(as_zip({"../../out.png": secret.read_bytes()}, tmp_path / "slip.zip"))
    assert sorted(tmp_path.iterdir()) == sorted([*before, tmp_path / "slip.zip"])


def test_hidden_and_other_files_are_left_out(tmp_path: Path) -> None:
    extra = {"cat/.000.png": b"", "__MACOSX/cat/000.png": b"", "cat/notes.txt": b"hello"}
    assert len(loaded(as_zip(images(4) | extra, tmp_path / "a.zip")).images) == 4

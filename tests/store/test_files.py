"""Files are whole or absent, damage is named, and equal content gives equal bytes."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from stages.config.errors import InputError
from stages.store.files import (
    read_json,
    read_npz,
    read_tensors,
    scratch_folder,
    write_atomic,
    write_bytes,
    write_json,
    write_npz,
    write_tensors,
)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_bytes(path, b"old")

    def fail(stream) -> None:
        stream.write(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomic(path, fail)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize("keep", [0, 10, 200, -30])
def test_a_truncated_npz_is_named(tmp_path: Path, keep: int) -> None:
    path = tmp_path / "images.npz"
    write_npz(path, images=np.arange(100))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError, match=r"images.npz: truncated or not an npz file .*; delete it and run dvc repro"):
        read_npz(path, "images")


def test_a_corrupted_npz_is_named(tmp_path: Path) -> None:
    """Whichever byte is flipped, the array is read unharmed (the byte did not matter) or the file is refused."""
    path = tmp_path / "images.npz"
    array = np.arange(20)
    write_npz(path, images=array)
    content = path.read_bytes()
    refused = 0
    for position in range(len(content)):
        for mask in (255, 1):
            path.write_bytes(content[:position] + bytes([content[position] ^ mask]) + content[position + 1 :])
            try:
                assert np.array_equal(read_npz(path, "images")[0], array)
            except InputError as error:
                refused += len(str(error).splitlines())
    assert 2 * array.nbytes <= refused <= 2 * len(content), "one line each"


def test_an_npy_file_under_an_npz_name_is_refused(tmp_path: Path) -> None:
    with open(tmp_path / "images.npz", "wb") as stream:
        np.save(stream, np.arange(3))
    with pytest.raises(InputError, match="truncated or not an npz file"):
        read_npz(tmp_path / "images.npz", "images")


def test_an_npz_is_never_unpickled(tmp_path: Path) -> None:
    path = tmp_path / "evil.npz"
    np.savez(path, images=np.array([{}], dtype=object))
    with pytest.raises(InputError, match="truncated or not an npz"):
        read_npz(path, "images")


def test_missing_files_and_arrays_are_named(tmp_path: Path) -> None:
    write_npz(tmp_path / "a.npz", images=np.arange(3))
    with pytest.raises(InputError, match=r"a.npz: lacks an array; expected are images, labels"):
        read_npz(tmp_path / "a.npz", "images", "labels")
    with pytest.raises(InputError, match=r"b.npz: not found; run dvc repro to make it"):
        read_npz(tmp_path / "b.npz", "images")
    for content, message in (
        ("{", "not valid JSON"),
        ("[]", "not a record of this project"),
        ("{}", "not a record of this project"),
        ('{"digest": "0"}', "edited or damaged"),
        ("[" * 100_000, "not valid JSON"),
    ):
        (tmp_path / "c.json").write_text(content)
        with pytest.raises(InputError, match=f"c.json: {message}"):
            read_json(tmp_path / "c.json")


def test_a_safetensors_file_that_is_not_ours_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.safetensors").write_bytes(b"\x80\x04pickle")
    save_file({"w": torch.zeros(1)}, tmp_path / "b.safetensors")
    for name in "ab":
        with pytest.raises(InputError, match="not a model file of this project"):
            read_tensors(tmp_path / f"{name}.safetensors")


def damaged(content: bytes, damage: int) -> bytes:
    """A content with one of many single damages: a bit flipped, a block zeroed, an end cut off, bytes added."""
    random = np.random.RandomState(damage)
    position = random.randint(len(content))
    if damage % 4 == 0:
        return content[:position] + bytes([content[position] ^ 1 << random.randint(8)]) + content[position + 1 :]
    if damage % 4 == 1:
        end = min(len(content), position + 32)
        return content[:position] + bytes(end - position) + content[end:]
    return content[:position] if damage % 4 == 2 else content[:position] + random.bytes(7) + content[position:]


def test_no_damage_to_tensors_or_their_configuration_passes(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    tensors = {"w": torch.randn(9, 4), "n": torch.arange(3)}
    write_tensors(path, tensors, {"sizes": {"head_channels": 16}, "schedule": "cosine"})
    content = path.read_bytes()
    lines = []
    for damage in range(400):
        path.write_bytes(damaged(content, damage))
        try:
            found, config = read_tensors(path)
        except InputError as error:
            lines.append(len(str(error).splitlines()))
            continue
        assert config == {"sizes": {"head_channels": 16}, "schedule": "cosine"}
        assert all(torch.equal(found[name], tensors[name]) for name in tensors), "harmless at most"
    assert set(lines) == {1}


def test_no_damage_to_a_record_passes(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    content = {"fid": {"value": 1.25, "margin": 0.5}, "n": 3, "text": "äb"}
    write_json(path, content)
    whole = path.read_bytes()
    lines = []
    for damage in range(400):
        path.write_bytes(damaged(whole, damage))
        try:
            assert read_json(path) == content, "harmless at most"
        except InputError as error:
            lines.append(len(str(error).splitlines()))
    assert set(lines) == {1}


def test_arrays_of_another_byte_order_are_refused(tmp_path: Path) -> None:
    write_npz(tmp_path / "a.npz", images=np.arange(3, dtype=">i4"))
    with pytest.raises(InputError, match=r"a\.npz: truncated or not an npz file \(>i4: of another byte order\)"):
        read_npz(tmp_path / "a.npz", "images")


def test_what_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match=r"file/sub/a: cannot be written \((Not a directory|File exists)\)$"):
        write_bytes(tmp_path / "file/sub/a", b"")
    with pytest.raises(InputError, match=r"b: cannot be written \(No space left on device\)$"):
        write_atomic(tmp_path / "b", full)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def full(stream) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_json_refuses_what_json_cannot_hold(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"fid": float("nan")})
    assert not list(tmp_path.iterdir())


def test_two_processes_write_the_same_model_bytes(tmp_path: Path) -> None:
    code = (
        "import sys, torch; from pathlib import Path; from stages.store.files import write_tensors;"
        "names = list('abcdefgh'); names.sort(key=hash);"
        "config = {n: [1, 2.5, 'x'] for n in names};"
        "write_tensors(Path(sys.argv[1]), {n: torch.full((3,), float(ord(n))) for n in sorted(names)}, config)"
    )
    for name in ("one", "two"):
        subprocess.run([sys.executable, "-c", code, str(tmp_path / name)], check=True)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert read_tensors(tmp_path / "one")[1]["a"] == [1, 2.5, "x"]


def test_tensors_and_configuration_survive(tmp_path: Path) -> None:
    tensors = {"w": torch.randn(3, 2).T, "n": torch.tensor(5)}
    write_tensors(tmp_path / "m", tensors, {"b": 1, "a": {"c": None}})
    found, config = read_tensors(tmp_path / "m")
    assert torch.equal(found["w"], tensors["w"])
    assert found["n"] == 5
    assert config == json.loads('{"b": 1, "a": {"c": null}}')


def test_scratch_depends_on_its_inputs() -> None:
    assert scratch_folder("train", {"lr": 1, "b": 2}) == scratch_folder("train", {"b": 2, "lr": 1})
    assert scratch_folder("train", {"lr": 1}) != scratch_folder("train", {"lr": 2})

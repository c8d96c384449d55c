"""Data sets that others publish: their formats at miniature size, their checksums, and downloads that fail."""

from __future__ import annotations

import gzip
import hashlib
import io
import pickle
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from stages.config.errors import InputError
from stages.config.params import DATASETS
from stages.config.registry import method_module
from stages.datasets import cifar10, downloads, fashion_mnist
from stages.datasets.dataset import DataSet
from stages.datasets.downloads import PublishedFile, registry
from tests.datasets.test_folder import as_zip, images


def loaded(name: str, **settings: Any) -> DataSet:
    return method_module("datasets", name).load(DATASETS[name].model_validate({"dataset": name} | settings))


def refused(name: str, **settings: Any) -> str:
    with pytest.raises(InputError) as caught:
        loaded(name, **settings)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def expect(monkeypatch: pytest.MonkeyPatch, dataset: str, **checksums: dict[str, str]) -> None:
    """Expect other checksums of the files of a data set, by their names with _ for what a name cannot hold."""
    published = registry()[dataset]
    keys = [file.name.partition(".")[0].replace("-", "_") for file in published.files]
    files = [file.model_copy(update=checksums.get(key, {})) for key, file in zip(keys, published.files, strict=True)]
    changed = {**registry(), dataset: published.model_copy(update={"files": files})}
    monkeypatch.setattr(downloads, "registry", lambda: changed)


def batch(i: int) -> dict[bytes, Any]:
    pixels = np.random.RandomState(i).randint(0, 256, (4, 3072), dtype=np.uint8)
    return {b"data": pixels, b"labels": [i, 1, 2, 3], b"filenames": [b"a.png"] * 4}


def cifar_archive(path: Path, **replaced: bytes) -> str:
    """Write an archive in the format of CIFAR-10's, with four images a batch, and return its md5."""
    contents = {name: pickle.dumps(batch(i), protocol=2) for i, name in enumerate(cifar10.BATCHES, 1)} | replaced
    with tarfile.open(path, "w:gz") as archive:
        for name, content in reversed(contents.items()):
            member = tarfile.TarInfo(f"{cifar10.FOLDER}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return hashlib.md5(path.read_bytes()).hexdigest()


def test_cifar10(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / cifar10.ARCHIVE
    expect(monkeypatch, "cifar10", cifar_10_python={"md5": cifar_archive(path)})
    found = loaded("cifar10", path=str(tmp_path))
    assert found.images.shape == (20, 32, 32, 3)
    assert list(found.labels[:8]) == [1, 1, 2, 3, 2, 1, 2, 3], "in the order of the batches"
    planes = batch(1)[b"data"][0].reshape(3, 32, 32)
    assert np.array_equal(found.images[0], planes.transpose(1, 2, 0)), "channels are planes in the archive"
    half = loaded("cifar10", path=str(path), size=16)
    assert half.images.shape == (20, 16, 16, 3)
    assert np.abs(half.images[0, 0, 0] - found.images[0, :2, :2].astype(float).mean((0, 1))).max() <= 1, "rounded twice"


def test_cifar10_with_another_checksum_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / cifar10.ARCHIVE
    found = cifar_archive(path)
    message = refused("cifar10", path=str(tmp_path))
    assert f"{path}: has md5 {found}" in message
    assert "c58f30108f718f92721af3b95e74349a; it is left as it is" in message
    assert path.exists()


class Payload:
    def __reduce__(self):
        return (Path.touch, (Path("executed"),))


def test_a_pickle_that_names_anything_else_is_not_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even with the right checksum."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / cifar10.ARCHIVE
    for content in (pickle.dumps(Payload(), protocol=2), b"cos\nsystem\n(S'touch executed'\ntR.", b"", b"\x80\x02."):
        expect(monkeypatch, "cifar10", cifar_10_python={"md5": cifar_archive(path, data_batch_3=content)})
        assert "not CIFAR-10's archive" in refused("cifar10", path=str(path))
        assert not Path("executed").exists()
        monkeypatch.undo()
        monkeypatch.chdir(tmp_path)


def test_the_jpeg_copy_has_its_training_images_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = images(12, 32)
    held = {f"CIFAR-10-images-master/train/{name}": content for name, content in files.items()}
    held |= {"CIFAR-10-images-master/test/cat/9.png": next(iter(files.values()))}
    path = as_zip(held, tmp_path / "cifar10-jpeg.zip")
    message = refused("cifar10-jpeg", path=str(path))
    digest = message.partition("have sha256 ")[2].partition(",")[0]
    expect(monkeypatch, "cifar10-jpeg", cifar10_jpeg={"images_sha256": digest})
    found = loaded("cifar10-jpeg", path=str(tmp_path))
    assert found.images.shape == (12, 32, 32, 3)
    assert list(found.captions) == ["cat", "dog"]
    plain = as_zip({f"train/{name}": content for name, content in files.items()}, tmp_path / "plain.zip")
    assert np.array_equal(loaded("cifar10-jpeg", path=str(plain)).images, found.images), "whatever folder is above"


def idx(folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[np.ndarray, np.ndarray]:
    """Write Fashion-MNIST's two files with three images."""
    monkeypatch.setattr(fashion_mnist, "COUNT", 3)
    rng = np.random.RandomState(0)
    pixels = rng.randint(0, 256, (3, 28, 28), dtype=np.uint8)
    labels = np.array([9, 0, 3], np.uint8)
    contents = {
        fashion_mnist.IMAGES: bytes([0, 0, 8, 3]) + np.array([3, 28, 28], ">i4").tobytes() + pixels.tobytes(),
        fashion_mnist.LABELS: bytes([0, 0, 8, 1]) + np.array([3], ">i4").tobytes() + labels.tobytes(),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(gzip.compress(content))
    digests = [{"content_sha256": hashlib.sha256(content).hexdigest()} for content in contents.values()]
    expect(monkeypatch, "fashion-mnist", train_images_idx3_ubyte=digests[0], train_labels_idx1_ubyte=digests[1])
    return pixels, labels


def test_fashion_mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels, labels = idx(tmp_path, monkeypatch)
    found = loaded("fashion-mnist", path=str(tmp_path))
    assert np.array_equal(found.images, pixels[..., None])
    assert np.array_equal(found.labels, labels)
    assert loaded("fashion-mnist", path=str(tmp_path), size=16).images.shape == (3, 16, 16, 1)
    path = tmp_path / fashion_mnist.IMAGES
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()) + b"\0"))
    assert "its content has sha256" in refused("fashion-mnist", path=str(tmp_path)), "a byte too many"
    path.write_bytes(b"no gzip")
    assert "damaged" in refused("fashion-mnist", path=str(tmp_path))
    assert path.read_bytes() == b"no gzip"


CONTENT = bytes(range(256)) * 8_000


class Server(BaseHTTPRequestHandler):
    """Serves CONTENT; /cut breaks off after half of it, once."""

    cuts = 0
    ranges: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        start = int((self.headers["Range"] or "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        Server.ranges.append(self.headers["Range"])
        if self.path == "/absent":
            self.send_error(404)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        cut = self.path == "/cut" and not Server.cuts
        Server.cuts += cut
        self.wfile.write(CONTENT[start : start + 1_100_000] if cut else CONTENT[start:])

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    Server.cuts = 0
    Server.ranges = []
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=httpd.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{httpd.server_port}"
    httpd.shutdown()
    thread.join()


def file_of(url: str, md5: str | None = None) -> PublishedFile:
    known = hashlib.md5(CONTENT).hexdigest() if md5 is None else md5
    return PublishedFile(name="a.bin", url=url, size=len(CONTENT), md5=known)


def test_a_download_that_broke_off_goes_on(server: str, tmp_path: Path) -> None:
    path = tmp_path / "downloads" / "a.bin"
    with pytest.raises(InputError, match="put the file at"):
        downloads.download(file_of(f"{server}/cut"), path)
    assert not path.exists()
    downloads.download(file_of(f"{server}/cut"), path)
    assert path.read_bytes() == CONTENT
    assert Server.ranges[0] is None
    assert Server.ranges[1] not in (None, "bytes=0-"), "not from the beginning"
    assert [each.name for each in path.parent.iterdir()] == ["a.bin"]


def test_failed_downloads_are_one_line_and_leave_no_file(server: str, tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    for url, md5, reason in (
        (f"{server}/absent", None, "404"),
        ("http://127.0.0.1:9/a.bin", None, "cannot be downloaded (ConnectionError"),
        (f"{server}/a.bin", "0" * 32, "hash"),
    ):
        with pytest.raises(InputError) as caught:
            downloads.download(file_of(url, md5), path)
        assert "\n" not in str(caught.value)
        assert reason in str(caught.value)
        assert str(path) in str(caught.value), "where to put the file by hand"
        assert not list(tmp_path.iterdir())


def test_a_full_disk_is_one_line(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, mode: str) -> io.BytesIO:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(InputError, match="No space left on device"):
        downloads.download(file_of(f"{server}/a.bin"), tmp_path / "a.bin")


def test_a_file_in_its_place_needs_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    downloads.DOWNLOADS.mkdir(parents=True)
    expect(monkeypatch, "cifar10", cifar_10_python={"md5": cifar_archive(downloads.DOWNLOADS / cifar10.ARCHIVE)})
    monkeypatch.setattr(downloads, "download", lambda file, path: pytest.fail("a download"))
    assert len(loaded("cifar10").images) == 20


def test_every_entry_of_the_registry_says_where_it_comes_from_and_is_a_data_set() -> None:
    for name, entry in registry().items():
        assert name in DATASETS
        assert all((entry.title, entry.homepage, entry.licence, entry.citation))
        for file in entry.files:
            checksums = (file.md5, file.sha256, file.content_sha256, file.images_sha256)
            assert sum(each is not None for each in checksums) == 1, file.name
            assert file.url.endswith(file.name) or file.images_sha256

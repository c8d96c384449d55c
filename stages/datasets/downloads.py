"""Published data sets: the files of data/registry.yaml, taken from their place or downloaded, and their checksums."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from functools import cache
from pathlib import Path
from typing import Annotated, Any, cast

import yaml
from pydantic import Field, ValidationError

from stages.config.errors import InputError
from stages.config.sections import Int, Section, Sha256
from stages.store.paths import DOWNLOADS, registry_path

CHUNK = 2**20


class PublishedFile(Section):
    """A file of a data set: its address, its size in bytes where it is known, and one checksum.

    ``content_sha256`` is of what a .gz file holds, so that a repacked one is the same; ``images_sha256`` is checked by
    the reader of the images.
    """

    name: str
    url: str
    size: Annotated[Int, Field(ge=1)] | None
    md5: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")] | None = None
    sha256: Sha256 | None = None
    content_sha256: Sha256 | None = None
    images_sha256: Sha256 | None = None


class PublishedDataset(Section):
    """A data set that others publish: what it is, its terms, and its files."""

    title: str
    homepage: str
    licence: str
    citation: str
    files: Annotated[list[PublishedFile], Field(min_length=1)]


@cache
def registry() -> dict[str, PublishedDataset]:
    """Return all published data sets by name.

    Raises:
        InputError: data/registry.yaml is damaged.
    """
    path = registry_path()
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return {name: PublishedDataset.model_validate(entry) for name, entry in content.items()}
    except (OSError, yaml.YAMLError, AttributeError, ValidationError) as error:
        raise InputError(f"{path}: cannot be read ({' '.join(str(error).split())[:200]})") from None


def published_file(dataset: str, name: str, place: str | None) -> Path:
    """Return the path of a file of a published data set, verified where its checksum is of the file.

    Args:
        dataset: its name in the registry.
        name: the name of the file.
        place: the file that params.yaml names, or the folder that holds it; None for the folder of downloads. A file
            that is not in the folder of downloads yet is downloaded; a download that broke off goes on.

    Raises:
        InputError: the file is not in its place, cannot be downloaded, or has another checksum; it stays as it is.
    """
    file = next(file for file in registry()[dataset].files if file.name == name)
    if place is None:
        path = DOWNLOADS / name
        if not path.exists():
            download(file, path)
    else:
        path = Path(place)
        path = path / name if path.is_dir() else path
        if not path.is_file():
            raise InputError(f"prepare.path: {path} not found; allowed are {name} itself or a folder that holds it")
    for kind in ("md5", "sha256"):
        wanted = getattr(file, kind)
        found = _digest(path, kind) if wanted else None
        if found != wanted:
            raise InputError(f"{path}: has {kind} {found}, {name} of {dataset} has {wanted}; it is left as it is")
    return path


def gunzipped(dataset: str, path: Path, name: str, size: int) -> bytes:
    """Return what a .gz file of a published data set holds, which must be ``size`` bytes with its checksum.

    Raises:
        InputError: the file is damaged, holds more, or has another checksum.
    """
    file = next(file for file in registry()[dataset].files if file.name == name)
    try:
        with gzip.open(path) as stream:
            content = stream.read(size + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: damaged ({' '.join(str(error).split())[:120]})") from None
    found = hashlib.sha256(content).hexdigest()
    if found != file.content_sha256:
        raise InputError(
            f"{path}: its content has sha256 {found}, that of {dataset} {file.content_sha256}; it is left as it is"
        )
    return content


def check_images(dataset: str, path: Path, digest: str) -> None:
    """Refuse an archive whose images are not those of a published data set."""
    (file,) = registry()[dataset].files
    if digest != file.images_sha256:
        raise InputError(
            f"{path}: the names and contents of its images have sha256 {digest}, those of {dataset} "
            f"{file.images_sha256}; it is left as it is"
        )


def download(file: PublishedFile, path: Path) -> None:
    """Download a file, showing progress; what a broken download left in PATH.part is continued.

    Raises:
        InputError: no network, another status than 200, a full disk, or fewer bytes than announced.
    """
    import pooch
    import requests

    path.parent.mkdir(parents=True, exist_ok=True)
    known = next((f"{kind}:{value}" for kind in ("md5", "sha256") if (value := getattr(file, kind))), None)
    advice = f"put the file at {path} by hand, or name it in prepare.path"
    try:
        pooch.retrieve(file.url, known_hash=known, fname=path.name, path=path.parent, downloader=cast(Any, _resuming))
    except requests.RequestException as error:
        reason = f"{type(error).__name__}: {_short(error)}"
        raise InputError(f"{file.url}: cannot be downloaded ({reason}); {advice}") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{file.url}: {_short(error)}; {advice}") from None


def _resuming(url: str, output: Any, pooch: object) -> None:
    """Download as pooch asks for, but through NAME.part, which a later call continues."""
    import requests
    from tqdm import tqdm

    target = Path(output)
    # pooch gives a temporary name in the folder of the file; the part is named after the address, to be found again.
    part = target.parent / f"{hashlib.sha256(url.encode()).hexdigest()[:16]}.part"
    start = part.stat().st_size if part.exists() else 0
    headers = {"Range": f"bytes={start}-"} if start else {}
    with requests.get(url, headers=headers, stream=True, timeout=60) as response:
        if start and response.status_code != 206:
            # The server cannot go on, or there is nothing left to send: from the beginning.
            part.unlink()
            return _resuming(url, output, pooch)
        response.raise_for_status()
        length = response.headers.get("Content-Length")
        total = None if length is None else start + int(length)
        with (
            part.open("ab") as stream,
            tqdm(desc=target.name, total=total, initial=start, unit="B", unit_scale=True, mininterval=1) as progress,
        ):
            for chunk in response.iter_content(CHUNK):
                stream.write(chunk)
                progress.update(len(chunk))
    if total is not None and part.stat().st_size != total:
        raise ValueError(f"{part.stat().st_size:,} of {total:,} bytes came; run it again to go on")
    part.replace(target)
    return None


def _digest(path: Path, kind: str) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, kind).hexdigest()


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200]

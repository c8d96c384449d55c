"""Files between stages: atomic writes, digests, and readers that refuse damaged files in one line."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from stages.config.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

CONFIG_KEY = "config"
DIGEST_KEY = "digest"
AGAIN = "delete it and run dvc repro"
# Exceptions of numpy and zipfile for damaged archives; which one depends on the damaged byte.
NPZ_FAULTS = (
    zipfile.BadZipFile,
    zlib.error,
    ValueError,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    TypeError,
    MemoryError,
    SyntaxError,
)


def write_atomic(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file through ``write(stream)`` so that ``path`` is either absent, as it was, or complete.

    Raises:
        InputError: the disk is full or read-only, the folder is not writable, or a file or folder is in the way.
    """
    try:
        _write_atomic(path, write)
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror or error})") from None


def _write_atomic(path: Path, write: Callable[[BinaryIO], object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            write(stream)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` atomically."""
    write_atomic(path, lambda stream: stream.write(content))


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write ``content`` as indented JSON with sorted keys and a digest; NaN and infinities are refused."""
    content = json.loads(json.dumps(content, allow_nan=False))
    write_unsealed(path, {**content, DIGEST_KEY: _digest(content)})


def write_json_lines(path: Path, content: Mapping[str, Any]) -> None:
    """Write ``content`` as ``write_json`` does, but each entry of a list on one line, which is much faster."""
    content = json.loads(json.dumps(content, allow_nan=False))
    fields = sorted({**content, DIGEST_KEY: _digest(content)}.items())
    lines = ",\n".join(f"{json.dumps(name)}: {_listed(value)}" for name, value in fields)
    write_bytes(path, f"{{\n{lines}\n}}\n".encode())


def _listed(value: Any) -> str:
    if not isinstance(value, list):
        return json.dumps(value, sort_keys=True)
    return "[\n" + ",\n".join(json.dumps(entry, sort_keys=True) for entry in value) + "\n]"


def write_unsealed(path: Path, content: Mapping[str, Any]) -> None:
    """Write ``content`` as JSON without a digest, for other programs such as DVC."""
    write_bytes(path, json_bytes(content))


def json_bytes(content: Mapping[str, Any]) -> bytes:
    """Return ``content`` as indented JSON with sorted keys; NaN and infinities are refused."""
    return (json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()


def read_json(path: Path) -> dict[str, Any]:
    """Return the content that ``write_json`` wrote.

    Raises:
        InputError: the file is missing, not JSON, or edited.
    """
    try:
        content = json.loads(existing(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not valid JSON ({error}); {AGAIN}") from None
    if not isinstance(content, dict) or DIGEST_KEY not in content:
        raise InputError(f"{path}: not a record of this project; {AGAIN}")
    if content.pop(DIGEST_KEY) != _digest(content):
        raise InputError(f"{path}: edited or damaged; {AGAIN}")
    return content


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def write_npz(path: Path, **arrays: np.ndarray) -> None:
    """Write uncompressed arrays; the same arrays give the same bytes."""
    from numpy.lib import format as npy

    def write(stream: BinaryIO) -> None:
        with zipfile.ZipFile(stream, "w") as archive:
            for name, array in arrays.items():
                with archive.open(npz_member(name, array.nbytes), "w") as member:
                    npy.write_array(cast(BinaryIO, member), array, allow_pickle=False)

    write_atomic(path, write)


def npz_member(name: str, size: int) -> zipfile.ZipInfo:
    """Return the archive entry of an array of ``size`` bytes in an npz file.

    np.savez always writes the format for large archives, whose bytes differ between versions of Python.
    """
    member = zipfile.ZipInfo(f"{name}.npy")
    member.file_size = size
    return member


def read_npz(path: Path, *names: str) -> tuple[np.ndarray, ...]:
    """Return the named arrays of an npz file, never unpickling.

    Raises:
        InputError: the file is missing, truncated, not an npz file, or lacks one of the arrays.
    """
    import numpy as np

    try:
        with np.load(existing(path), allow_pickle=False) as archive:
            arrays = tuple(archive[name] for name in names)
        foreign = [array.dtype for array in arrays if not array.dtype.isnative]
        if foreign:
            raise ValueError(f"{foreign[0]}: of another byte order")
        return arrays
    except KeyError:
        raise InputError(f"{path}: lacks an array; expected are {', '.join(names)}") from None
    except NPZ_FAULTS as error:
        raise InputError(f"{path}: truncated or not an npz file ({error}); {AGAIN}") from None


def write_tensors(path: Path, tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> None:
    """Write a safetensors file with ``config`` and a digest of everything; the same content gives the same bytes.

    Config and digest are sorted JSON under one metadata key: safetensors writes several keys in random order.
    """
    from safetensors.torch import save

    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    sealed = {CONFIG_KEY: config, DIGEST_KEY: _tensors_digest(contiguous, config)}
    write_bytes(path, save(contiguous, metadata={CONFIG_KEY: json.dumps(sealed, sort_keys=True)}))


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors of a file that ``write_tensors`` wrote, on the CPU, and its configuration.

    Raises:
        InputError: the file is missing, not of this project, or edited.
    """
    from safetensors import SafetensorError, safe_open
    from safetensors.torch import load_file

    try:
        with safe_open(existing(path), framework="numpy") as content:
            sealed = json.loads((content.metadata() or {})[CONFIG_KEY])
        config = sealed[CONFIG_KEY]
        digest = sealed[DIGEST_KEY]
        tensors = load_file(path)
    except (SafetensorError, KeyError, ValueError, TypeError, RecursionError) as error:
        raise InputError(f"{path}: not a model file of this project ({error}); {AGAIN}") from None
    if digest != _tensors_digest(tensors, config):
        raise InputError(f"{path}: edited or damaged; {AGAIN}")
    return tensors, config


def _tensors_digest(tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> str:
    import torch

    digest = hashlib.sha256(json.dumps(config, sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def sha256(path: Path) -> str:
    """Return the sha256 of a file's content, in hexadecimal."""
    with open(existing(path), "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def scratch_folder(stage: str, *inputs: Any) -> Path:
    """Return a folder for checkpoints, ignored by git, whose name is a digest of all that decides the result.

    The digest covers ``inputs`` (values that JSON can hold), the source of every loaded module of this project, and
    torch's version: after a change of any of them, work starts afresh instead of resuming from a stale checkpoint.
    """
    digest = hashlib.sha256(json.dumps(inputs, sort_keys=True).encode())
    modules = {n: m.__file__ for n, m in sys.modules.items() if n.startswith("stages") and m and m.__file__}
    for _, source in sorted(modules.items()):
        digest.update(Path(source).read_bytes())
    if "torch" in sys.modules:
        digest.update(sys.modules["torch"].__version__.encode())
    return Path(".scratch") / f"{stage}-{digest.hexdigest()[:16]}"


def existing(path: Path) -> Path:
    """Return ``path``, refusing it if no such file exists."""
    if not path.is_file():
        raise InputError(f"{path}: not found; run dvc repro to make it")
    return path

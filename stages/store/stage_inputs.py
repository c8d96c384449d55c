"""What a stage depends on by dvc.yaml, compared at its end with what it was at its start.

DVC records the inputs of a stage as they are when its command has ended. Where one of them has changed meanwhile, the
outputs were made from something else than the record would say, so the stage fails and DVC records nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from stages.config.errors import InputError
from stages.config.params import PARAMS, params_content, read_yaml

PIPELINE = Path("dvc.yaml")
# An editor may be saving a file: the comparison is repeated for about two seconds.
TRIES = 10
PAUSE = 0.2
# As in .dvcignore.
IGNORED = re.compile(r"(^|/)__pycache__(/|$)|\.(pyc|tmp)$")


class FileState(NamedTuple):
    """The content of a file by its checksum, and what tells without reading it that it was not written to."""

    checksum: str
    stat: tuple[int, ...]


class StageInputs(NamedTuple):
    """The values that a stage depends on, as JSON, by file and key; the paths that it lists; the files under these."""

    values: dict[tuple[str, str], str]
    paths: list[str]
    files: dict[str, FileState]


def read_inputs(address: str) -> StageInputs:
    """Return the inputs of a stage, such as "train@adm"; of params.yaml, the values that this process has read.

    Raises:
        InputError: dvc.yaml or a file of params is damaged, or cells.json has no entry of that name.
    """
    values: dict[tuple[str, str], str] = {}
    deps, params = dependencies(address)
    for file, keys in params.items():
        content = params_content() if file == str(PARAMS) else _read(Path(file))
        values |= {(file, key): _value(content, key) for key in keys}
    return StageInputs(values, deps, {path: _state(path) for path in _files(deps)})


def check_inputs(address: str, before: StageInputs) -> None:
    """Refuse inputs that are no longer those of the start.

    Raises:
        InputError: a value or file has changed since the start, or cannot be read.
    """
    found = _changed(before)
    for _ in range(TRIES):
        if not found:
            return
        time.sleep(PAUSE)
        found = _changed(before)
    raise InputError(
        f"{found}: its inputs changed while it ran, so DVC records nothing; run dvc repro again "
        f"(what was recorded in spite of such a change is mended by dvc repro -s -f {address})"
    )


def dependencies(address: str) -> tuple[list[str], dict[str, list[str]]]:
    """Return the paths that a stage depends on, and the keys of params by file; none for a stage not in dvc.yaml.

    Raises:
        InputError: dvc.yaml is damaged, or cells.json has no entry of that name.
    """
    name, _, key = address.partition("@")
    pipeline = read_yaml(PIPELINE)
    entry = pipeline.get("stages", {}).get(name, {})
    variables: dict[str, Any] = {}
    for file in pipeline.get("vars", []):
        variables |= _read(Path(file)) if isinstance(file, str) else file
    if "foreach" in entry:
        items = _looked_up(str(entry["foreach"])[2:-1], variables)
        if not isinstance(items, Mapping) or key not in items:
            raise InputError(f"{PIPELINE}: has no stage {address}; run python -m stages plan")
        variables |= {"key": key, "item": items[key]}
        entry = entry["do"]
    params: dict[str, list[str]] = {}
    for listed in entry.get("params", []):
        for file, keys in listed.items() if isinstance(listed, Mapping) else [(str(PARAMS), [listed])]:
            params.setdefault(file, []).extend(_filled_in(each, variables) for each in keys or [""])
    return [_filled_in(path, variables) for path in entry.get("deps", [])], params


def _filled_in(text: Any, variables: Mapping[str, Any]) -> str:
    return re.sub(r"\$\{([\w.-]+)\}", lambda found: str(_looked_up(found[1], variables)), str(text))


def _looked_up(path: str, content: Any) -> Any:
    """Return the value at a dotted path; None where there is none."""
    for part in path.split(".") if path else ():
        content = content.get(part) if isinstance(content, Mapping) else None
    return content


def _read(path: Path) -> dict[str, Any]:
    if path.suffix != ".json":
        return read_yaml(path)
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from None


def _value(content: Mapping[str, Any], key: str) -> str:
    return json.dumps(_looked_up(key, content), sort_keys=True, default=str)


def _files(deps: list[str]) -> Iterator[str]:
    """Yield the files that these paths name, folders file by file."""
    for dep in deps:
        path = Path(dep)
        within = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (each.as_posix() for each in within if not each.is_dir() and not IGNORED.search(each.as_posix()))


def _state(path: str) -> FileState:
    """Return the state of a file; an empty one of a file that is missing."""
    try:
        stat = _stat(path)
        with Path(path).open("rb") as stream:
            return FileState(hashlib.file_digest(stream, "sha256").hexdigest(), stat)
    except FileNotFoundError:
        return FileState("", ())


def _stat(path: str) -> tuple[int, ...]:
    found = Path(path).stat()
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _changed(before: StageInputs) -> str:
    """Return the first input that differs from the start, with both values; empty if there is none."""
    contents: dict[str, Mapping[str, Any]] = {}
    for (file, key), value in before.values.items():
        try:
            if file not in contents:
                contents[file] = _read(Path(file))
        except InputError as error:
            return str(error)
        now = _value(contents[file], key)
        if now != value:
            return f"{file}: {_first_difference(key, json.loads(value), json.loads(now))}"
    files = list(_files(before.paths))
    for path in {**before.files, **dict.fromkeys(files)}:
        state = before.files.get(path)
        if state is None or path not in files:
            return path
        try:
            if _stat(path) == state.stat:
                continue
        except FileNotFoundError:
            pass
        if _state(path).checksum != state.checksum:
            return path
    return ""


def _first_difference(key: str, before: Any, now: Any) -> str:
    """Return the innermost key that differs, with its values."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for name in {**before, **now}:
            if before.get(name) != now.get(name):
                return _first_difference(f"{key}.{name}" if key else name, before.get(name), now.get(name))
    return f"{key} = {json.dumps(before)}, now {json.dumps(now)}"

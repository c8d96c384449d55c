"""Records on disk: typed, sealed by a digest of their own, and refused in one line where they are not whole."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from stages.config.errors import InputError
from stages.store.files import read_json, write_json

R = TypeVar("R", bound=BaseModel)


def write_record(path: Path, record: BaseModel) -> None:
    """Write a record."""
    write_json(path, record.model_dump(mode="json"))


def read_record(path: Path, kind: type[R]) -> R:
    """Return the record of one kind that a file holds.

    Raises:
        InputError: the file is missing, damaged, or of another kind or version.
    """
    try:
        return kind.model_validate(read_json(path))
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = ".".join(map(str, fault["loc"]))
        raise InputError(
            f"{path}: no record of this kind ({where}: {fault['msg'].lower()}); delete it and run dvc repro"
        ) from None

"""tuned.yaml, what searches found: written by ``python -m stages search``, read by the plan and the report."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import yaml
from pydantic import ValidationError

from stages.config.entries import Cell, Searched
from stages.config.errors import InputError
from stages.config.params import Params
from stages.config.params_file import read_yaml
from stages.store.files import write_bytes

TUNED = Path("tuned.yaml")
HEADER = "# Written by python -m stages search: the values that the word tuned stands for, with every trial.\n"


def read_tuned() -> dict[str, Searched]:
    """Return what searches found, by cell; nothing where none was made.

    Raises:
        InputError: the file is damaged.
    """
    if not TUNED.exists():
        return {}
    try:
        return {key: Searched.model_validate(entry) for key, entry in read_yaml(TUNED).items()}
    except ValidationError:
        raise InputError(f"{TUNED}: edited or damaged; run python -m stages search") from None


def write_tuned(found: Mapping[str, Searched]) -> None:
    """Write tuned.yaml."""
    content = yaml.safe_dump(
        {key: entry.model_dump() for key, entry in found.items()}, sort_keys=False, default_flow_style=None, width=120
    )
    write_bytes(TUNED, (HEADER + content).encode())


def settings_digest(params: Params, cell: Cell) -> str:
    """Return a digest of all that decides what a search finds for a cell."""
    return hashlib.sha256(json.dumps(params.searching(cell), sort_keys=True).encode()).hexdigest()

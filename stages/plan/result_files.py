"""tuned.yaml and times.yaml: results of commands that are kept in git, read by the plan and the report."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from stages.config.entries import Cell, Searched
from stages.config.errors import InputError
from stages.config.params import Params, read_yaml
from stages.config.sections import Float, Int, Section
from stages.store.files import write_bytes

TUNED = Path("tuned.yaml")
TUNED_HEADER = "# Written by python -m stages search: the values that the word tuned stands for, with every trial.\n"
TIMES = Path("times.yaml")
TIMES_HEADER = "# Written by python -m stages times: milliseconds per image, and what Time-Shift adds in percent.\n"


def read_tuned() -> dict[str, Searched]:
    """Return the results of searches by cell; empty without a tuned.yaml.

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
    _write(TUNED, TUNED_HEADER, {key: entry.model_dump() for key, entry in found.items()})


def settings_digest(params: Params, cell: Cell) -> str:
    """Return a digest of all settings that decide what a search finds for a cell."""
    return hashlib.sha256(json.dumps(params.searching(cell), sort_keys=True).encode()).hexdigest()


class Timed(Section):
    """One cell: milliseconds per image with the margin of a 95 % interval over rounds.

    ``overhead`` is how many percent longer it took than the same cell without a fix: median, minimum and maximum over
    the rounds, in each of which both were timed. It is None for a cell without a fix.
    """

    ms: Float
    margin: Float
    images: Int
    rounds: Int
    overhead: list[Float] | None


class Times(Section):
    """All timed cells, and the environment that they were timed in."""

    environment: dict[str, str]
    cells: dict[str, Timed]


def read_times() -> Times:
    """Return the timed cells; none without a times.yaml.

    Raises:
        InputError: the file is damaged.
    """
    if not TIMES.exists():
        return Times(environment={}, cells={})
    try:
        return Times.model_validate(read_yaml(TIMES))
    except ValidationError:
        raise InputError(f"{TIMES}: edited or damaged; run python -m stages times") from None


def write_times(times: Times) -> None:
    """Write times.yaml."""
    _write(TIMES, TIMES_HEADER, times.model_dump())


def _write(path: Path, header: str, content: Mapping[str, Any]) -> None:
    text = yaml.safe_dump(content, sort_keys=False, default_flow_style=None, width=120)
    write_bytes(path, (header + text).encode())

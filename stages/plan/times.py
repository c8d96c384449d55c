"""times.yaml, how long sampling took: written by ``python -m stages times``, read by the report."""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import ValidationError

from stages.config.errors import InputError
from stages.config.params_file import read_yaml
from stages.config.sections import Float, Int, Section
from stages.store.files import write_bytes

TIMES = Path("times.yaml")
HEADER = "# Written by python -m stages times: milliseconds per image, and what Time-Shift adds in percent.\n"


class Timed(Section):
    """One cell: ms per image with the margin of a 95 % interval over rounds.

    ``overhead`` is by how many percent it took longer than the same cell without a fix: median, least and most of the
    rounds, in each of which both took their turn; of a cell without a fix, none.
    """

    ms: Float
    margin: Float
    images: Int
    rounds: Int
    overhead: list[Float] | None


class Times(Section):
    """All timed cells, and where they were timed."""

    environment: dict[str, str]
    cells: dict[str, Timed]


def read_times() -> Times:
    """Return what was timed; nothing where nothing was.

    Raises:
        InputError: the file is damaged.
    """
    try:
        return Times.model_validate(read_yaml(TIMES)) if TIMES.exists() else Times(environment={}, cells={})
    except ValidationError:
        raise InputError(f"{TIMES}: edited or damaged; run python -m stages times") from None


def write_times(times: Times) -> None:
    """Write times.yaml."""
    content = yaml.safe_dump(times.model_dump(), sort_keys=False, default_flow_style=None, width=120)
    write_bytes(TIMES, (HEADER + content).encode())

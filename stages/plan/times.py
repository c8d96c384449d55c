"""times.yaml, how long sampling took: written by ``python -m stages times``, read by the report."""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import ValidationError

from stages.config.errors import InputError
from stages.config.params_file import read_yaml
from stages.plan.time_entries import Times
from stages.store.files import write_bytes

TIMES = Path("times.yaml")
HEADER = "# Written by python -m stages times: milliseconds per image, and what Time-Shift adds in percent.\n"


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

"""The log of what ran here: how long, on what, with which versions.

What differs from one machine to the next stays out of the results, so that a reproduction bit for bit changes none of
them. DVC knows nothing of the log; the page names the devices and versions that it finds in it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from stages.store.files import read_json, write_json
from stages.store.paths import RUNS


def log_run(name: str, started: float) -> None:
    """Write the log of a stage that began at ``started`` by the monotonic clock."""
    import torch

    from stages.config.runtime import pick_device, versions

    write_json(
        RUNS / f"{name}.json",
        {
            "seconds": round(time.monotonic() - started, 1),
            "device": str(pick_device()),
            "threads": torch.get_num_threads(),
            "versions": versions("numpy"),
        },
    )


def read_environments(names: Iterable[str]) -> list[dict[str, Any]]:
    """Return the different devices and versions in the logs of these runs; empty where none of them ran here."""
    logs = [read_json(path) for name in names if (path := RUNS / f"{name}.json").is_file()]
    found = {tuple(sorted({"device": log["device"], **log["versions"]}.items())) for log in logs}
    return [dict(environment) for environment in sorted(found)]

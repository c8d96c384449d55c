"""Waiting for changes of a folder's files by other programs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

SECONDS = 0.5


def changes(folder: Path, patterns: Sequence[str]) -> Iterator[None]:
    """Yield at once, and again whenever the files of a folder that match one of the patterns have changed.

    Changes are detected by modification time and size, also while the caller handles the last one. Ends by
    interruption.
    """
    seen = None
    while True:
        found = _files(folder, patterns)
        if found != seen:
            seen = found
            yield
        else:
            time.sleep(SECONDS)


def _files(folder: Path, patterns: Sequence[str]) -> dict[str, tuple[int, int]]:
    found = {}
    for pattern in patterns:
        for path in folder.glob(pattern):
            try:
                state = path.stat()
            except OSError:  # deleted since it was listed, or a dangling link
                continue
            found[path.name] = state.st_mtime_ns, state.st_size
    return found

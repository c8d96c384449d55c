"""What searches found, as rows for a table and as curves of one setting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from stages.config.entries import Cell, Searched

CURVES = ("b", "window")


def trial_table(searched: Mapping[str, Searched], cells: Mapping[str, Cell]) -> pd.DataFrame:
    """Return one row per trial: the cell's axes, the values, FID, whether it is a control, whether it was chosen."""
    rows = []
    for key, entry in searched.items():
        for trial in entry.trials:
            chosen = all(trial.get(name) == value for name, value in entry.values.items())
            rows.append(cells[key].axes | {"control": False} | trial | {"chosen": chosen})
    return pd.DataFrame(rows)


def curves(searched: Mapping[str, Searched], cells: Mapping[str, Cell], name: str) -> Iterator[dict[str, Any]]:
    """Yield the trials of each cell that differ in one setting alone, by how the first of them has the others.

    Of cells that differ in the fix alone, such as the uniform and the linear schedule, the first.
    """
    seen: set[tuple[Any, ...]] = set()
    for key, entry in searched.items():
        cell = cells[key]
        alone = [trial for trial in entry.trials if name in trial and _others(trial, name) == _first(entry, name)]
        place = (cell.model, cell.sampler, cell.steps)
        if len({trial[name] for trial in alone}) > 1 and place not in seen:
            seen.add(place)
            yield cell.axes | {"trials": alone, "chosen": min(_eligible(alone), key=lambda t: t["fid"])[name]}


def _first(entry: Searched, name: str) -> dict[str, Any]:
    return _others(entry.trials[0], name)


def _others(trial: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in trial.items() if key not in (name, "fid", "control")}


def _eligible(trials: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [trial for trial in trials if not trial.get("control")]

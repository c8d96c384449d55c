"""The trials of searches, as rows of a table and as curves of one setting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from stages.config.entries import Cell, Searched


def searched_settings(searched: Mapping[str, Searched]) -> list[str]:
    """Return the settings that were searched for, in the order of the searches."""
    return list(dict.fromkeys(name for entry in searched.values() for name in entry.values))


def trial_table(searched: Mapping[str, Searched], cells: Mapping[str, Cell]) -> pd.DataFrame:
    """Return one row per trial: the axes of its cell, the values, FID, whether it is a control, whether it was chosen.

    A chosen trial has the values that the search found, and in ``places`` where these lie in their ranges.
    """
    rows = []
    for key, entry in searched.items():
        places = ", ".join(f"{name} {place}" for name, place in entry.places.items())
        for trial in entry.trials:
            chosen = all(trial.get(name) == value for name, value in entry.values.items())
            told = {"chosen": chosen, "places": places if chosen else ""}
            rows.append(cells[key].axes | {"control": False} | trial | told)
    return pd.DataFrame(rows)


def place_counts(searched: Mapping[str, Searched]) -> dict[str, dict[str, int]]:
    """Return in how many searches of each setting the best value lies in each place, the most frequent first."""
    counts: dict[str, Counter[str]] = {}
    for entry in searched.values():
        for name, place in entry.places.items():
            counts.setdefault(name, Counter())[place] += 1
    return {name: dict(found.most_common()) for name, found in counts.items()}


def curves(searched: Mapping[str, Searched], cells: Mapping[str, Cell], name: str) -> Iterator[dict[str, Any]]:
    """Yield for each cell the trials that differ in one setting alone: of several such groups, the largest.

    ``chosen`` is the best value among them, and ``place`` where the one that the search found lies in its range.
    So cutoffs are those at the best window (TS, Fig. 7b), and windows those at the first cutoff (Fig. 7a). Of cells
    that differ in the fix alone, such as the uniform and the linear schedule, the first has the curve.
    """
    seen: set[tuple[Any, ...]] = set()
    for key, entry in searched.items():
        cell = cells[key]
        trials = _largest_group([trial for trial in entry.trials if name in trial], name)
        place = (cell.model, cell.sampler, cell.steps)
        if len({trial[name] for trial in trials}) > 1 and place not in seen:
            seen.add(place)
            best = min((trial for trial in trials if not trial.get("control")), key=lambda trial: trial["fid"])
            yield cell.axes | {"trials": trials, "chosen": best[name], "place": entry.places.get(name, "")}


def _largest_group(trials: Sequence[Mapping[str, Any]], name: str) -> list[Mapping[str, Any]]:
    """Return the trials of most values of a setting among those whose other settings are equal; the first of a tie."""
    groups: list[list[Mapping[str, Any]]] = []
    for trial in trials:
        others = _other_settings(trial, name)
        group = next((each for each in groups if _other_settings(each[0], name) == others), None)
        if group is None:
            groups.append([trial])
        else:
            group.append(trial)
    return max(groups, key=lambda group: len({trial[name] for trial in group}), default=[])


def _other_settings(trial: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in trial.items() if key not in (name, "fid", "control")}

"""Search the values of fixes that params.yaml calls tuned, cell by cell, on a seed that no reported score uses."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from math import inf, isfinite
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from tqdm import tqdm

from stages.config.entries import Cell, Place, Searched
from stages.config.errors import InputError
from stages.config.method_settings import FixSettings
from stages.config.params import Params, read_params
from stages.config.registry import method_module
from stages.config.runtime import batches
from stages.plan.plan_file import read_plan, write_cells
from stages.plan.planning import cell_evaluations
from stages.plan.result_files import read_tuned, settings_digest, write_tuned
from stages.sampling.denoiser import to_uint8
from stages.sampling.draw import drawing
from stages.sampling.trial import Measure, Trial, Values, best
from stages.scheduler.local_workers import LocalWorkers, job_count, log_path
from stages.scoring.features import extract_features, gather, read_reference
from stages.scoring.metrics import fid
from stages.store.files import read_json, sha256, write_json
from stages.store.models import load_feature_network, load_model
from stages.store.paths import DATA, FEATURE_NETWORK, REFERENCE, model_path

FOUND = Path(".scratch") / "search"
# Approximate number of trials per cell, for the estimate of the time left only.
TRIALS = 10


def run(jobs: str | None = None, cell: str | None = None) -> None:
    """Search every cell of the plan whose fix has a tuned value, and write tuned.yaml and the plan; or one cell alone.

    Entries of tuned.yaml that were made with the current settings stay; to search a cell anew, delete its entry. What a
    killed search had finished is kept, as long as the models, all settings and the procedure stay.
    """
    params = read_params()
    neutral = neutral_values(params)
    planned = read_plan(tuned=defaultdict(lambda: neutral))
    wanted = {key: each for key, each in planned.stages.sample.items() if params.fixes[each.fix].tuned()}
    if cell is not None:
        if cell not in wanted:
            raise InputError(f"--cell: {cell!r} is no cell of the plan whose fix has a tuned value")
        search_cell(params, wanted[cell])
        return
    if not wanted:
        raise InputError("no cell of the plan has a fix with the word tuned in params.yaml")
    digests = {key: settings_digest(params, each) for key, each in wanted.items()}
    found = {key: entry for key, entry in read_tuned().items() if digests.get(key) == entry.settings and entry.places}
    left = [key for key, each in wanted.items() if key not in found and not found_before(params, each)]
    costs = cell_evaluations(planned, params)
    run_beside(sorted(left, key=lambda key: -costs[key]), costs, job_count(jobs, params.runtime))
    for key in wanted.keys() - found.keys():
        kept = read_json(FOUND / f"{key}.json")
        if kept["inputs"] != inputs(params, wanted[key]):
            raise InputError(f"{key}: params, model or features changed during the search; search again")
        found[key] = Searched(
            values=kept["values"], places=kept["places"], settings=digests[key], trials=kept["trials"]
        )
    write_tuned({key: found[key] for key in wanted})
    write_cells(read_plan())


def neutral_values(params: Params) -> dict[str, int | float]:
    """Return values to plan with in place of those that are not searched for yet; no images are drawn with them.

    Raises:
        InputError: a fix has no search for a setting that is tuned.
    """
    found: dict[str, int | float] = {}
    for name, section in params.fixes.items():
        values = getattr(searching_module(section), "NEUTRAL", {})
        for setting in section.tuned():
            if setting not in values:
                raise InputError(f"{name}.{setting}: {section.method} has no search for it; allowed is a number")
            found[setting] = values[setting]
    return found


def searching_module(fix: FixSettings) -> ModuleType:
    """Return the module whose ``search`` and ``NEUTRAL`` a fix has, if it has any."""
    return method_module("fixes", fix.searched_as or fix.module)


def run_beside(keys: list[str], costs: Mapping[str, int], jobs: int) -> None:
    """Search cells, ``jobs`` at a time, each in a process of its own.

    Raises:
        InputError: one of them failed; the others have ended.
    """
    workers = LocalWorkers(jobs)
    failed = []
    with tqdm(total=TRIALS * sum(costs[key] for key in keys), desc="search", unit="eval", unit_scale=True) as progress:
        try:
            while keys or workers.running:
                while keys and workers.free(keys[0]):
                    workers.start(keys[0], ["search", "--cell", keys.pop(0)])
                for key, status in workers.finished().items():
                    failed += [key] if status else []
                    progress.update(TRIALS * costs[key])
        finally:
            workers.stop()
    if failed:
        raise InputError(f"the search for {', '.join(failed)} failed; all that it printed: {log_path(failed[0])}")


def search_cell(params: Params, cell: Cell) -> None:
    """Search one cell and keep what was found for ``run``."""
    timesteps = params.recipes[params.models[cell.model].recipe].timesteps
    fix = params.fixes[cell.fix]
    module = searching_module(fix)
    trials: list[Trial] = module.search(fix.tuned(), cell.steps, timesteps, measure(params, cell))
    finite = [trial for trial in trials if isfinite(trial.fid)]
    if all(trial.control for trial in finite):
        raise InputError(f"{cell.key}: no trial gives finite images; check its params")
    rows = [t.values | {"fid": round(t.fid, 4)} | ({"control": True} if t.control else {}) for t in finite]
    found = {
        "values": best(finite).values,
        "places": places(finite, module.NEUTRAL),
        "trials": rows,
        "inputs": inputs(params, cell),
    }
    write_json(FOUND / f"{cell.key}.json", found)


def places(trials: Sequence[Trial], neutral: Values) -> dict[str, Place]:
    """Return where each of the best values lies in the range of its setting; see ``Place``.

    A search varies its first setting alone at first: the range of that one are the trials that share all other values
    with the first trial. That of the others are all trials.

    Args:
        trials: those of a search.
        neutral: the values that change nothing.
    """
    first, *others = trials[0].values
    alone = [trial for trial in trials if _without(trial, first) == _without(trials[0], first)]
    lowest_fid = best(trials).fid
    found: dict[str, Place] = {first: _place(alone, first, neutral[first], lowest_fid)}
    for name in others:
        found[name] = _place(trials, name, neutral[name], lowest_fid)
    return found


def _place(trials: Sequence[Trial], name: str, neutral: float, lowest_fid: float) -> Place:
    chosen = best(trials).values[name]
    controls = [trial for trial in trials if trial.control]
    control = min(controls, key=lambda trial: trial.fid, default=None)
    if control is not None and control.fid <= lowest_fid:
        smallest = min(trial.values[name] for trial in trials if not trial.control)
        return "below the range" if neutral != control.values[name] < smallest else "off"
    if chosen == min(trial.values[name] for trial in trials):
        return "lower edge"
    if chosen == max(trial.values[name] for trial in trials):
        return "upper edge"
    return "inside"


def _without(trial: Trial, name: str) -> Values:
    return {key: value for key, value in trial.values.items() if key != name}


def found_before(params: Params, cell: Cell) -> bool:
    """Return whether a search that is kept was made with these settings, model and features."""
    try:
        return read_json(FOUND / f"{cell.key}.json")["inputs"] == inputs(params, cell)
    except InputError:
        return False


def inputs(params: Params, cell: Cell) -> list[str]:
    """Return digests of all that the trials of a cell rest on, the procedure of the search included."""
    procedure = Path(str(searching_module(params.fixes[cell.fix]).__file__))
    files = model_path(cell.model), DATA / cell.input, FEATURE_NETWORK, REFERENCE, procedure
    return [settings_digest(params, cell), *(sha256(path) for path in files)]


class NotFinite(Exception):
    """An image of a trial is not finite."""


def measure(params: Params, cell: Cell) -> Measure:
    """Return the function from values of the cell's fix to the FID of images drawn with them, always on equal noise."""
    draw = drawing(params, cell, load_model(cell.model, cell.network), params.search.seed)
    network = load_feature_network()
    real = read_reference(fid.KINDS)
    n = params.trial_images

    def images(values: Values) -> Iterator[np.ndarray]:
        for start, stop in batches(n):
            # Values that the published tables give stay.
            x = draw(cell.values | values, start, stop)
            if not torch.isfinite(x).all():
                raise NotFinite
            yield to_uint8(x)

    def measured(values: Values) -> float:
        try:
            features = extract_features(network, images(values), n, cell.key)
            return fid.value(gather(features, [n], fid.KINDS), real, params.evaluate.neighborhood)
        except NotFinite:
            return inf

    return measured

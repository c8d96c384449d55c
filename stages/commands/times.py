"""Time the samplers of the tables that print times, with and without a fix in turns, while no other stage runs."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from scipy import special
from tqdm import tqdm

from stages.config.entries import Cell
from stages.config.errors import InputError
from stages.config.params import Params, read_params
from stages.config.runtime import pick_device, versions
from stages.plan.plan_file import read_plan
from stages.plan.result_files import Timed, Times, write_times
from stages.sampling.draw import drawing
from stages.scheduler.dvc_stages import open_graph
from stages.store.models import load_model

IMAGES, ROUNDS = 100, 9
# The share of a processor that this process must have had: beside another busy one, times mean nothing.
ALONE = 0.95


def run() -> None:
    """Write times.yaml. DVC's lock is held meanwhile, so that no stage runs beside."""
    params = read_params()
    plan = read_plan()
    wanted = {row.cell for row in plan.rows if row.row.metric == "time_ms" and row.cell}
    if not wanted:
        raise InputError("no table of the plan prints times")
    groups: dict[tuple[str, str, int], list[Cell]] = {}
    for key, cell in plan.stages.sample.items():
        if key in wanted:
            groups.setdefault((cell.model, cell.sampler, cell.steps), []).append(cell)
    found: dict[str, Timed] = {}
    with open_graph(Path()), tqdm(total=len(groups) * (ROUNDS + 1), desc="times", unit="round") as progress:
        for cells in groups.values():
            chains = {cell.fix: chain(params, cell) for cell in cells}
            seconds = take_turns(chains, progress.update)
            found |= {cell.key: timed(seconds, cell.fix) for cell in cells}
    write_times(Times(environment={"device": str(pick_device()), **versions()}, cells=found))


def chain(params: Params, cell: Cell) -> Callable[[], object]:
    """Return the function that samples a batch of a cell's images as the stage does."""
    draw = drawing(params, cell, load_model(cell.model, cell.network), params.search.seed)
    # Reading a pixel waits for an accelerator.
    return lambda: draw(cell.values, 0, IMAGES).flatten()[0].item()


def take_turns(chains: Mapping[str, Callable[[], object]], done: Callable[[], object]) -> dict[str, list[float]]:
    """Return the seconds of each in each round, after one that does not count.

    Raises:
        InputError: another process took a part of the processor.
    """
    seconds: dict[str, list[float]] = {name: [] for name in chains}
    for turn in range(ROUNDS + 1):
        started = time.perf_counter()
        used = time.process_time()
        for name, sampled in chains.items():
            before = time.perf_counter()
            sampled()
            if turn:
                seconds[name].append(time.perf_counter() - before)
        # The share of a processor; it says nothing about an accelerator.
        share = (time.process_time() - used) / (time.perf_counter() - started)
        if turn and share < ALONE and not torch.cuda.is_available():
            raise InputError(f"this process had {share:.0%} of a processor only; nothing else may run beside a timing")
        done()
    return seconds


def timed(seconds: Mapping[str, list[float]], fix: str) -> Timed:
    """Return the time of one fix, and what it adds to no fix, round by round."""
    times = [1000 * each / IMAGES for each in seconds[fix]]
    overhead = None
    if fix != "none" and "none" in seconds:
        added = [100 * (a / b - 1) for a, b in zip(seconds[fix], seconds["none"], strict=True)]
        overhead = [round(value, 2) for value in (statistics.median(added), min(added), max(added))]
    margin = float(special.stdtrit(len(times) - 1, 0.975)) * statistics.stdev(times) / math.sqrt(len(times))
    return Timed(
        ms=round(statistics.fmean(times), 4),
        margin=round(margin, 4),
        images=IMAGES,
        rounds=len(times),
        overhead=overhead,
    )

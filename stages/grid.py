"""Run every stale stage of the pipeline, several at a time, and leave DVC as ``dvc repro`` would."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tqdm import tqdm

from stages.pipeline.cells import read_plan, write_cells
from stages.pipeline.errors import InputError
from stages.pipeline.params import read_params
from stages.pipeline.scheduler import Outcome, Workers, run_stages
from stages.pipeline.stage_graph import StageGraph, missing_calls, open_graph
from stages.pipeline.workers import LocalWorkers, log_path
from stages.study.plan import Plan, cell_evaluations

# What a stage costs beside its network evaluations, in image-evaluations; for the time left alone.
OVERHEAD = 5_000
# A training step takes about three times the forward pass.
TRAINING = 3


def run(jobs: str | None = None, address: str | None = None) -> int:
    """Plan, then run what is stale in ``jobs`` processes here, or on the Ray cluster at ``address``.

    Returns 1 where a stage failed.
    """
    count = positive(jobs)
    plan = read_plan()
    write_cells(plan)
    if missing := missing_calls():
        print(f"grid: this DVC lacks {', '.join(missing)}; running dvc repro instead", file=sys.stderr)
        return subprocess.run(["dvc", "repro"]).returncode
    # Read when the first thread pool starts, which is after the processes fork.
    os.environ["OMP_NUM_THREADS"] = str(read_params().runtime.threads)
    costs = stage_costs(plan)
    with open_graph(Path()) as graph, tqdm(desc="grid", unit="eval", unit_scale=True, mininterval=1) as progress:
        progress.total = sum(costs.get(name, OVERHEAD) for name in graph.stages)
        workers = LocalWorkers(count) if address is None else cluster(address, graph, count)
        try:
            outcome = run_stages(graph, workers, lambda name: progress.update(costs.get(name, OVERHEAD)))
        finally:
            workers.stop()
    print("\n".join(summary(outcome)))
    return 1 if outcome.failed else 0


def cluster(address: str, graph: StageGraph, jobs: int) -> Workers:
    """Return the workers of a Ray cluster, such as the one that ``auto`` finds.

    Raises:
        InputError: Ray is not installed, or there is no cluster at the address.
    """
    try:
        from stages.pipeline.cluster import ClusterWorkers
    except ImportError:
        raise InputError('--address: needs Ray; pip install --editable ".[study,cluster]"') from None
    runtime = read_params().runtime
    try:
        return ClusterWorkers(address, graph, LocalWorkers(jobs), runtime.threads, runtime.device)
    except (ConnectionError, ValueError) as error:
        raise InputError(f"--address: no Ray cluster at {address!r} ({str(error).splitlines()[0]})") from None


def positive(jobs: str | None) -> int:
    """Return how many processes to use: as many as there are processors, unless the command line says."""
    if jobs is None:
        return os.cpu_count() or 1
    if not jobs.isdecimal() or int(jobs) < 1:
        raise InputError(f"--jobs: {jobs!r} is not allowed; a whole number of 1 or more is")
    return int(jobs)


def stage_costs(plan: Plan) -> Mapping[str, int]:
    """Return what the long stages cost, in evaluations of one image by a network."""
    params = read_params()
    costs = {f"sample@{key}": OVERHEAD + found for key, found in cell_evaluations(plan, params).items()}
    for name, model in plan.models.items():
        recipe = params.recipes[model.recipe]
        costs[f"train@{name}"] = OVERHEAD + TRAINING * recipe.iterations * recipe.batch_size
    return costs


def summary(outcome: Outcome) -> list[str]:
    """Return what happened, for a terminal; a failed stage with the last line that it printed."""
    lines = [f"{len(outcome.ran)} stages ran, {len(outcome.kept)} were up to date or restored from DVC's cache"]
    for name, reason in outcome.failed.items():
        printed = log_path(name).read_text(errors="replace").strip() if log_path(name).is_file() else ""
        last = printed.splitlines()[-1].split("\r")[-1] if printed else "nothing printed"
        lines.append(f"failed: {name} ({reason}): {last}; all it printed: {log_path(name)}")
    if outcome.left:
        lines.append(f"not run, because a stage before them failed: {', '.join(outcome.left)}")
    return lines

"""Run all stale stages of the pipeline, several at a time, and record them as ``dvc repro`` does."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tqdm import tqdm

from stages.config.errors import InputError
from stages.config.params import Runtime, read_params
from stages.plan.plan_file import read_plan, write_cells
from stages.plan.planning import Plan, cell_evaluations
from stages.scheduler.dvc_stages import StageGraph, missing_calls, open_graph
from stages.scheduler.local_workers import LocalWorkers, job_count, log_path
from stages.scheduler.order import Outcome, Workers, run_stages

# Cost of a stage besides its network evaluations, in image-evaluations; only for the estimate of the time left.
OVERHEAD = 5_000
# A training step costs about three forward passes.
TRAINING = 3
# Approximate number of chains per diagnosis, for the estimate of the time left only.
WALKS = 18
BAR = "{desc}: {percentage:3.0f}% |{bar}|{postfix} [{elapsed}, {remaining} left]"


def run(jobs: str | None = None, address: str | None = None) -> int:
    """Plan, then run all stale stages in ``jobs`` processes here, or on the Ray cluster at ``address``.

    Returns 1 if a stage failed, else 0.
    """
    runtime = read_params().runtime
    count = job_count(jobs, runtime)
    plan = read_plan()
    write_cells(plan)
    missing = missing_calls()
    if missing:
        return plain_repro(missing, address)
    # OpenMP reads it when the server process that stages are forked from imports torch.
    os.environ["OMP_NUM_THREADS"] = str(runtime.threads)
    costs = stage_costs(plan)
    with open_graph(Path()) as graph:
        workers = LocalWorkers(count) if address is None else cluster(address, graph, count, runtime)
        try:
            outcome = run_with_progress(graph, workers, costs)
        finally:
            workers.stop()
    print("\n".join(summary(outcome)))
    return 1 if outcome.failed else 0


def run_with_progress(graph: StageGraph, workers: Workers, costs: Mapping[str, int]) -> Outcome:
    """Run the stages with a progress bar: how many are done, and the time left by their costs.

    The costs of stages that need no run are subtracted. The rate is that since the start: stages are few and unlike.
    """
    total = sum(costs.get(name, OVERHEAD) for name in graph.stages)
    with tqdm(total=total, desc="grid", bar_format=BAR, smoothing=0, mininterval=1) as progress:
        finished = 0

        def done(name: str, ran: bool) -> None:
            nonlocal finished
            finished += 1
            progress.set_postfix_str(f"{finished} of {len(graph.stages)} stages", refresh=False)
            if ran:
                progress.update(costs.get(name, OVERHEAD))
            else:
                progress.total -= costs.get(name, OVERHEAD)

        return run_stages(graph, workers, done)


def plain_repro(missing: Sequence[str], address: str | None) -> int:
    """Return the exit status of ``dvc repro``, for a DVC that lacks what the grid needs of it.

    Raises:
        InputError: a cluster was asked for, which ``dvc repro`` does not use.
    """
    if address is not None:
        raise InputError(
            f"--address: this DVC lacks {', '.join(missing)}; pyproject.toml lists the versions that have them"
        )
    print(f"grid: this DVC lacks {', '.join(missing)}; running dvc repro instead", file=sys.stderr)
    return subprocess.run([sys.executable, "-m", "dvc", "repro"]).returncode


def cluster(address: str, graph: StageGraph, jobs: int, runtime: Runtime) -> Workers:
    """Return the workers of a Ray cluster; ``auto`` is the cluster of this machine.

    Raises:
        InputError: Ray is not installed, or the cluster is unreachable or cannot run a stage.
    """
    try:
        from stages.scheduler.ray_cluster import ClusterWorkers
    except ImportError:
        raise InputError('--address: needs Ray; pip install --editable ".[study,cluster]"') from None
    return ClusterWorkers(address, graph, LocalWorkers(jobs), runtime)


def stage_costs(plan: Plan) -> Mapping[str, int]:
    """Return the costs of the long stages, in evaluations of one image by a network."""
    params = read_params()
    costs = {f"sample@{key}": OVERHEAD + found for key, found in cell_evaluations(plan, params).items()}
    costs["extractor"] = OVERHEAD + params.extractor.cost
    for name, model in plan.stages.train.items():
        recipe = params.recipes[model.recipe]
        costs[f"train@{name}"] = OVERHEAD + TRAINING * recipe.iterations * recipe.batch_size
        costs[f"moments@{name}"] = OVERHEAD + params.moments.images * recipe.timesteps
        costs[f"guide@{name}"] = OVERHEAD + TRAINING * params.guide.iterations * params.guide.batch_size
        costs[f"diagnose@{name}"] = OVERHEAD + WALKS * params.diagnose.images * params.diagnose.steps[0]
    for name, cell in plan.stages.trajectory.items():
        costs[f"trajectory@{name}"] = OVERHEAD + (len(plan.stages.train[name].keep) + 1) * params.sample.n * cell.steps
    return costs


def summary(outcome: Outcome) -> list[str]:
    """Return the outcome as lines of text; a failed stage with the last line of its output."""
    lines = [f"{len(outcome.ran)} stages ran, {len(outcome.kept)} were up to date or restored from DVC's cache"]
    for name, reason in outcome.failed.items():
        printed = log_path(name).read_text(errors="replace").strip() if log_path(name).is_file() else ""
        last = f": {printed.splitlines()[-1]}; all it printed: {log_path(name)}" if printed else ""
        lines.append(f"failed: {name} ({reason}){last}")
    if outcome.left:
        lines.append(f"not run, because a stage before them failed: {', '.join(outcome.left)}")
    return lines

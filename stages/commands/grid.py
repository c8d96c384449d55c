"""Run every stale stage of the pipeline, several at a time, and leave DVC as ``dvc repro`` would."""

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

# What a stage costs beside its network evaluations, in image-evaluations; for the time left alone.
OVERHEAD = 5_000
# A training step takes about three times the forward pass.
TRAINING = 3
# So many chains, about, does a diagnosis walk or measure at every time.
WALKS = 18


def run(jobs: str | None = None, address: str | None = None) -> int:
    """Plan, then run what is stale in ``jobs`` processes here, or on the Ray cluster at ``address``.

    Returns 1 where a stage failed.
    """
    runtime = read_params().runtime
    count = job_count(jobs, runtime)
    plan = read_plan()
    write_cells(plan)
    if missing := missing_calls():
        return plain_repro(missing, address)
    # OpenMP reads it when the process that the stages are forked from loads torch.
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
    """Run the stages under a bar that counts what they cost; what needs no run leaves its total."""
    total = sum(costs.get(name, OVERHEAD) for name in graph.stages)
    with tqdm(total=total, desc="grid", unit="eval", unit_scale=True, mininterval=1) as progress:

        def done(name: str, ran: bool) -> None:
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
        raise InputError(f"--address: this DVC lacks {', '.join(missing)}; pyproject.toml tells which do not")
    print(f"grid: this DVC lacks {', '.join(missing)}; running dvc repro instead", file=sys.stderr)
    return subprocess.run([sys.executable, "-m", "dvc", "repro"]).returncode


def cluster(address: str, graph: StageGraph, jobs: int, runtime: Runtime) -> Workers:
    """Return the workers of a Ray cluster, such as the one that ``auto`` finds.

    Raises:
        InputError: Ray is not installed, or the cluster is not there or cannot run a stage.
    """
    try:
        from stages.scheduler.ray_cluster import ClusterWorkers
    except ImportError:
        raise InputError('--address: needs Ray; pip install --editable ".[study,cluster]"') from None
    return ClusterWorkers(address, graph, LocalWorkers(jobs), runtime)


def stage_costs(plan: Plan) -> Mapping[str, int]:
    """Return what the long stages cost, in evaluations of one image by a network."""
    params = read_params()
    costs = {f"sample@{key}": OVERHEAD + found for key, found in cell_evaluations(plan, params).items()}
    costs["extractor"] = OVERHEAD + params.extractor.cost
    for name, model in plan.stages.train.items():
        recipe = params.recipes[model.recipe]
        costs[f"train@{name}"] = OVERHEAD + TRAINING * recipe.iterations * recipe.batch_size
        costs[f"moments@{name}"] = OVERHEAD + params.moments.images * recipe.timesteps
        costs[f"guide@{name}"] = OVERHEAD + TRAINING * params.guide.iterations * params.guide.batch_size
        costs[f"diagnose@{name}"] = OVERHEAD + WALKS * params.diagnose.images * params.diagnose.steps
    for name, cell in plan.stages.trajectory.items():
        costs[f"trajectory@{name}"] = OVERHEAD + (len(plan.stages.train[name].keep) + 1) * params.sample.n * cell.steps
    return costs


def summary(outcome: Outcome) -> list[str]:
    """Return what happened, for a terminal; a failed stage with the last line that it printed."""
    lines = [f"{len(outcome.ran)} stages ran, {len(outcome.kept)} were up to date or restored from DVC's cache"]
    for name, reason in outcome.failed.items():
        printed = log_path(name).read_text(errors="replace").strip() if log_path(name).is_file() else ""
        last = f": {printed.splitlines()[-1]}; all it printed: {log_path(name)}" if printed else ""
        lines.append(f"failed: {name} ({reason}){last}")
    if outcome.left:
        lines.append(f"not run, because a stage before them failed: {', '.join(outcome.left)}")
    return lines

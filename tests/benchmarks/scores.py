"""Time and memory of the scores of n images with 2,048 features: ``python -m tests.benchmarks.scores [N] [THREADS]``.

Frechet distance with ten jackknife replicates and its interval, precision and recall against 10,000 real images; the
features are random. The square root of the real side is made once for a study and is not counted.
"""

from __future__ import annotations

import resource
import sys
import time

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from stages.scoring.frechet import frechet_distance, frechet_replicates
from stages.scoring.intervals import jackknife
from stages.scoring.neighbours import ball_radii, covered_share
from stages.scoring.statistics import GroupMoments, group_sizes, square_root, statistics

FEATURES, REAL, GROUPS, BATCH = 2048, 10_000, 10, 500


def main(n: int = 10_000, threads: int = 2) -> None:
    """Print what each part took."""
    torch.set_num_threads(threads)
    threadpool_limits(threads)
    generator = np.random.default_rng(0)
    real = generator.standard_normal((REAL, FEATURES), np.float32)
    counted = statistics(real)
    root = square_root(counted.sigma)
    radii = ball_radii(real, 3)
    fake = np.empty((n, FEATURES), np.float32)
    moments, started = GroupMoments(group_sizes(n, GROUPS)), time.perf_counter()
    for start in range(0, n, BATCH):
        fake[start : start + BATCH] = generator.standard_normal((min(BATCH, n - start), FEATURES), np.float32) * 1.1
        moments.add(fake[start : start + BATCH])
    marks = {"moments": time.perf_counter()}
    value = frechet_distance(moments.statistics(), counted, root)
    jackknife(value, frechet_replicates(moments, counted, root))
    marks["distance and replicates"] = time.perf_counter()
    covered_share(fake, real, radii)
    covered_share(real, fake, ball_radii(fake, 3))
    marks["precision and recall"] = time.perf_counter()
    for name, mark in marks.items():
        print(f"{name:24} {mark - started:7.1f} s")
        started = mark
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"n = {n:,}, {threads} threads: peak memory {peak:.2f} GiB")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

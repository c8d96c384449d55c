"""Two processes of one thread against one of two, alone and beside another: ``python -m tests.benchmarks.processes``.

Each process samples whole chains of the default study's ADM network for a while; rates are summed.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

SECONDS, ROUNDS, N, STEPS = 8.0, 3, 300, 10
BUSY = "while True: pass"


def rate(threads: int) -> float:
    """Return the image-evaluations per second of this process."""
    import torch

    from stages.config.runtime import keep_freed_memory, limit_threads
    from stages.diffusion.block_noise import block_noise
    from stages.diffusion.chain import Chain
    from stages.methods.fixes import none
    from stages.methods.samplers import ddim
    from stages.sampling.denoiser import denoiser
    from stages.sampling.sampler_grid import time_grid
    from tests.benchmarks.models import SHAPE, network_of, schedule_of

    limit_threads(threads)
    keep_freed_memory()
    network, schedule = network_of("adm").eval(), schedule_of("adm")
    chain = Chain(schedule, time_grid("uniform", STEPS, schedule.timesteps))
    noise = block_noise(0, 0, N, SHAPE, torch.device("cpu"))
    done = 0
    with torch.no_grad():
        network(noise(), torch.zeros(N))
        started = time.perf_counter()
        while time.perf_counter() - started < SECONDS:
            ddim.sample(denoiser(network, True, "fp32", lambda n: None), noise(), chain, none.make(chain), noise)
            done += N * STEPS
    return done / (time.perf_counter() - started)


def together(processes: int, threads: int, busy: bool) -> float:
    """Return the rates of several processes at once, summed."""
    other = subprocess.Popen([sys.executable, "-c", BUSY]) if busy else None
    workers = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.processes", str(threads)], stdout=subprocess.PIPE, text=True
        )
        for _ in range(processes)
    ]
    found = sum(float(worker.communicate()[0]) for worker in workers)
    if other is not None:
        other.kill()
    return found


def main() -> None:
    """Print the rates and their ratios; the ways take turns."""
    ways = {(p, t, busy): [] for busy in (False, True) for p, t in ((1, 2), (2, 1), (1, 1))}
    for _ in range(ROUNDS):
        for way, found in ways.items():
            found.append(together(*way))
    for (processes, threads, busy), found in ways.items():
        beside = "beside a busy process" if busy else "alone"
        print(
            f"{processes} process x {threads} threads {beside:22} {statistics.median(found):8,.0f} image-evaluations/s"
        )
    ratios = sorted(b / a for a, b in zip(ways[1, 2, False], ways[2, 1, False], strict=True))
    print(f"two processes against two threads: x {statistics.median(ratios):.2f} [{ratios[0]:.2f}, {ratios[-1]:.2f}]")


if __name__ == "__main__":
    if len(sys.argv) == 2:
        print(rate(int(sys.argv[1])))
    else:
        main()

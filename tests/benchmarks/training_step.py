"""A training step against the same step written plainly: ``python -m tests.benchmarks.training_step [MODEL]``.

Plainly: the optimizer goes through the parameters one by one, as does the moving average, and the loss is read after
each step. One thread. Then the fraction of the machine's matrix-product rate that a step reaches.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from stages.config.runtime import keep_freed_memory
from stages.training.batch_loss import batch_loss
from stages.training.loop import BatchLoss, fit
from stages.training.state import OPTIMIZERS
from tests.benchmarks.models import SHAPE, recipe_of, schedule_of, training_of
from tests.benchmarks.timing import print_ratios, take_turns

STEPS, ROUNDS = 20, 9


def matrix_rate(size: int = 1024, repeats: int = 20) -> float:
    """Return the float operations per second of a product of square matrices."""
    a = torch.randn(size, size)
    a @ a
    started = time.perf_counter()
    for _ in range(repeats):
        a @ a
    return 2 * size**3 * repeats / (time.perf_counter() - started)


def main(model: str = "adm") -> None:
    """Print the ratio."""
    torch.set_num_threads(1)
    recipe, schedule = recipe_of(model), schedule_of(model)
    images = torch.rand(recipe.batch_size, *SHAPE) * 2 - 1
    ours, objective = training_of(model)
    plain, _ = training_of(model)
    plain.optimizer = OPTIMIZERS[recipe.optimizer](
        plain.network.parameters(), lr=recipe.lr, weight_decay=recipe.weight_decay, foreach=False
    )

    def loss(iteration: int) -> BatchLoss:
        return batch_loss(ours, images, 0, recipe, objective, schedule)

    def our_steps(steps: int = STEPS) -> None:
        options = {"lr": recipe.lr, "warmup": recipe.warmup, "clip": recipe.clip, "ema": recipe.ema}
        fit(ours, loss, ours.iteration + steps, Path("no-checkpoints"), "ours", "", **options)

    def plain_steps() -> None:
        generator = torch.Generator()
        for _ in range(STEPS):
            generator.manual_seed(plain.iteration)
            times = torch.randint(recipe.timesteps, (len(images),), generator=generator)
            noise = lambda: torch.randn(images.shape, generator=generator)  # noqa: E731
            found = objective(plain.network, images, times, noise, schedule)
            for group in plain.optimizer.param_groups:
                group["lr"] = recipe.lr
            plain.optimizer.zero_grad()
            total = found.total.mean()
            total.backward()
            if recipe.clip is not None:
                torch.nn.utils.clip_grad_norm_(plain.network.parameters(), recipe.clip, foreach=False)
            plain.optimizer.step()
            with torch.no_grad():
                for name, weights in plain.network.state_dict().items():
                    plain.ema[name].mul_(recipe.ema).add_(weights, alpha=1 - recipe.ema)
            total.item()
            plain.iteration += 1

    keep_freed_memory()
    seconds = take_turns({"plain": plain_steps, "ours": our_steps}, ROUNDS)
    print_ratios(seconds, "plain", STEPS, "it")
    with FlopCounterMode(display=False) as counter:
        our_steps(1)
    rate = counter.get_total_flops() * STEPS / sorted(seconds["ours"])[ROUNDS // 2]
    print(f"{rate / 1e9:.0f} GFLOP/s, {100 * rate / matrix_rate():.0f} % of a matrix product's")


if __name__ == "__main__":
    main(*sys.argv[1:])

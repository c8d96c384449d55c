"""The study's networks in each precision and memory layout: ``python -m tests.benchmarks.precision``. One thread."""

from __future__ import annotations

from functools import partial

import torch

from stages.config.runtime import keep_freed_memory
from stages.diffusion.mixed_precision import autocast
from tests.benchmarks.models import SHAPE, network_of
from tests.benchmarks.timing import print_ratios, take_turns

MODELS, N, CALLS, ROUNDS = ("adm", "ddpm-net"), 300, 10, 9
LAYOUTS = {"contiguous": torch.contiguous_format, "channels last": torch.channels_last}


def evaluate(network: torch.nn.Module, precision: str, layout: torch.memory_format) -> None:
    """Evaluate the network on a batch as a sampler does."""
    x, times = torch.randn(N, *SHAPE).to(memory_format=layout), torch.full((N,), 10)
    with torch.no_grad():
        for _ in range(CALLS):
            with autocast(x.device, precision):
                network(x, times)


def main() -> None:
    """Print the ratios."""
    torch.set_num_threads(1)
    keep_freed_memory()
    for model in MODELS:
        variants = {}
        for name, layout in LAYOUTS.items():
            network = network_of(model).eval().to(memory_format=layout)
            for precision in ("fp32", "bf16"):
                variants[f"{model} {precision} {name}"] = partial(evaluate, network, precision, layout)
        print_ratios(take_turns(variants, ROUNDS), f"{model} fp32 contiguous", N * CALLS, "image-evaluations")


if __name__ == "__main__":
    main()

"""A training run between two iterations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from stages.config.recipe import Recipe
from stages.diffusion.random_streams import stream_seed
from stages.training.timesteps import LossHistory, empty_history

INITIALISE = 3
OPTIMIZERS = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}


@dataclass
class TrainingState:
    """Everything that changes while training. Random numbers need no state: they are streams of (seed, iteration)."""

    accelerator: Accelerator
    network: nn.Module
    # The network as it is called: in several processes, each adds its gradients to those of the others.
    parallel: nn.Module
    ema: dict[str, Tensor]
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    history: LossHistory
    iteration: int = 0
    losses: list[dict[str, float]] = field(default_factory=list)
    # EMA weights by the iteration after which they were copied, in the processor's memory.
    kept: dict[int, dict[str, Tensor]] = field(default_factory=dict)


def new_state(build: Callable[[], nn.Module], recipe: Recipe, seed: int, accelerator: Accelerator) -> TrainingState:
    """Return the state before the first iteration; equal seeds give equal networks."""
    torch.manual_seed(stream_seed(seed, INITIALISE))
    network = build().to(accelerator.device).train()
    optimizer = OPTIMIZERS[recipe.optimizer]
    return TrainingState(
        accelerator=accelerator,
        network=network,
        parallel=accelerator.prepare_model(network),
        ema={name: tensor.detach().clone() for name, tensor in network.state_dict().items()},
        optimizer=optimizer(network.parameters(), lr=recipe.lr, weight_decay=recipe.weight_decay, fused=True),
        scaler=torch.amp.GradScaler(accelerator.device.type, enabled=recipe.precision == "fp16"),
        history=empty_history(recipe.timesteps),
    )

"""The training loop of denoisers, classifiers and autoencoders."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from tqdm import tqdm

from stages.config.errors import InputError
from stages.config.params import read_params
from stages.training.batches import gathered
from stages.training.state import TrainingState, resume, save_checkpoint

LOG_EVERY = 50


class BatchLoss(NamedTuple):
    """The loss of a batch: the scalar to minimise, and its terms to log, per sample or in the mean."""

    objective: Tensor
    terms: Mapping[str, Tensor]


def fit(
    state: TrainingState,
    loss: Callable[[int], BatchLoss],
    iterations: int,
    scratch: Path,
    label: str,
    advice: str,
    *,
    lr: float,
    warmup: int = 0,
    clip: float | None = None,
    ema: float = 0.0,
    snapshots: Collection[int] = (),
) -> None:
    """Train ``state`` in place up to ``iterations``, from its last checkpoint on.

    Args:
        state: the run.
        loss: the loss of the batch of an iteration.
        iterations: how many to take in all.
        scratch: folder of checkpoints, written every ``runtime.checkpoint_every`` iterations.
        label: name of the run, for progress and messages.
        advice: what helps against a loss that is not finite.
        lr: learning rate, reached after ``warmup`` iterations.
        warmup: number of iterations over which the learning rate rises linearly.
        clip: largest norm of the gradient.
        ema: decay of the moving average of the weights.
        snapshots: iterations after which the EMA weights are copied.

    Raises:
        InputError: the loss is no longer finite.
    """
    checkpoint_every = read_params().runtime.checkpoint_every
    resume(scratch, state)
    with tqdm(total=iterations, initial=state.iteration, desc=label, unit="it", mininterval=1) as progress:
        while state.iteration < iterations:
            found = loss(state.iteration)
            for group in state.optimizer.param_groups:
                group["lr"] = lr * min(1.0, (state.iteration + 1) / max(1, warmup))
            state.optimizer.zero_grad(set_to_none=True)
            scale = state.scaler.get_scale()
            state.scaler.scale(found.objective).backward()
            if clip is not None:
                state.scaler.unscale_(state.optimizer)
                torch.nn.utils.clip_grad_norm_(state.network.parameters(), clip)
            state.scaler.step(state.optimizer)
            state.scaler.update()
            # A lower scale means that fp16 overflowed and the step was skipped: then the EMA stays too.
            if state.ema and state.scaler.get_scale() >= scale:
                weights = state.network.state_dict()
                with torch.no_grad():
                    torch._foreach_lerp_(  # pyright: ignore[reportPrivateImportUsage]
                        [state.ema[name] for name in weights], list(weights.values()), 1 - ema
                    )
                state.ema_updates += 1
            state.iteration += 1
            progress.update()
            if state.iteration in snapshots:
                state.snapshots[state.iteration] = {name: weight.cpu().clone() for name, weight in state.ema.items()}
            last = state.iteration == iterations
            log = last or state.iteration % LOG_EVERY == 0
            save = not last and state.iteration % checkpoint_every == 0
            if not (log or save):
                continue
            # Reading a loss waits for an accelerator, so it is done now and then only.
            terms = {name: gathered(term, state.accelerator).mean().item() for name, term in found.terms.items()}
            total = sum(terms.values())
            if not math.isfinite(total):
                raise InputError(f"{label}: the loss at iteration {state.iteration - 1} is {total}; {advice}")
            if log:
                state.losses.append({"iteration": state.iteration, **terms})
                progress.set_postfix({name: f"{term:.4f}" for name, term in terms.items()}, refresh=False)
            if save and state.accelerator.is_main_process:
                save_checkpoint(scratch, state)

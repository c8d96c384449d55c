"""The iterations of a training run: shown, logged, kept, and resumed after it was killed."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from torch import Tensor
from tqdm import tqdm

from stages.config.errors import InputError
from stages.config.params_file import read_params
from stages.training.batches import gathered
from stages.training.checkpoints import resume, save_checkpoint
from stages.training.state import TrainingState

LOG_EVERY = 50


def fit(
    state: TrainingState, update: Callable[[], Mapping[str, Tensor]], iterations: int, scratch: Path, label: str,
    advice: str, keep: Collection[int] = (),
) -> None:  # fmt: skip
    """Train ``state`` in place up to ``iterations``, from its last checkpoint in ``scratch`` on.

    ``update`` takes one iteration and returns the terms of its loss, per sample or in the mean. They are logged in the
    state now and then, and EMA weights are kept after the iterations of ``keep``.

    Raises:
        InputError: the loss is no longer finite; ``advice`` says what helps.
    """
    every = read_params().runtime.checkpoint_every
    resume(scratch, state)
    with tqdm(total=iterations, initial=state.iteration, desc=label, unit="it", mininterval=1) as progress:
        while state.iteration < iterations:
            found = update()
            state.iteration += 1
            progress.update()
            if state.iteration in keep:
                state.kept[state.iteration] = {name: weight.cpu().clone() for name, weight in state.ema.items()}
            last = state.iteration == iterations
            log, save = last or state.iteration % LOG_EVERY == 0, not last and state.iteration % every == 0
            if not (log or save):
                continue
            # Reading a loss makes the processor wait for an accelerator, so it is done now and then only.
            terms = {name: gathered(term, state.accelerator).mean().item() for name, term in found.items()}
            if not math.isfinite(loss := sum(terms.values())):
                raise InputError(f"{label}: the loss at iteration {state.iteration - 1} is {loss}; {advice}")
            if log:
                state.losses.append({"iteration": state.iteration, **terms})
                progress.set_postfix({name: f"{term:.4f}" for name, term in terms.items()}, refresh=False)
            if save and state.accelerator.is_main_process:
                save_checkpoint(scratch, state)

"""Train one denoiser: ADM, or ADM-IP where the section's gamma perturbs the network's input."""

from __future__ import annotations

import math
import shutil
import time
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from stages.checkpoints import TrainingState, load_checkpoint, save_checkpoint
from stages.diffusion.importance import draw_timesteps, empty_history, importance, record_losses
from stages.diffusion.losses import Loss, hybrid_loss, perturbed_input
from stages.diffusion.noise import Purpose, stream, stream_seed
from stages.diffusion.schedule import Schedule, alpha_bar_at, make_schedule
from stages.files import InputError, read_npz, scratch_folder, sha256, write_json
from stages.layout import dataset_path, model_path
from stages.models import save_model
from stages.networks.unet import UNet, UNetConfig
from stages.params import Train, read_params
from stages.runtime import pick_device, versions

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
LOG_EVERY = 50


def run(model: str) -> None:
    """Train ``model`` and write its EMA weights and its record, resuming from a checkpoint where one fits."""
    seed, prepare, train, variant = read_params("seed", "prepare", "train", model)
    path, started = dataset_path(prepare.dataset), time.monotonic()
    images = torch.from_numpy(read_npz(path, "images")[0]).permute(0, 3, 1, 2)
    if len(images) < train.batch_size:
        raise InputError(f"{path}: {len(images)} images make no batch of train.batch_size = {train.batch_size}")
    check_network(train, images, path)
    training = {"gamma": variant.gamma, "seed": seed, "dataset": prepare.dataset, **train.model_dump()}
    state = new_state(seed, train, images)
    scratch = scratch_folder(f"train-{model}", training, sha256(path), str(pick_device()))
    fit(state, images, seed, train, variant.gamma, scratch / "checkpoint.safetensors", label=f"train {model}")
    record = {
        "model": model, "parameters": sum(p.numel() for p in state.network.parameters()), "losses": state.losses,
        "seconds": round(time.monotonic() - started, 1), "versions": versions(), "training": training,
    }  # fmt: skip
    write_json(model_path(model).with_suffix(".json"), record)
    save_model(model, state.ema, state.network.config, training)
    shutil.rmtree(scratch, ignore_errors=True)


def check_network(train: Train, images: Tensor, where: Path) -> None:
    """Raise InputError where train.network does not fit images [N, C, H, W]."""
    height, size, levels = *images.shape[2:], len(train.network.multipliers)
    sizes = [size // 2**level for level in range(levels)]
    if height != size or size % 2 ** (levels - 1):
        raise InputError(
            f"{where}: {height}x{size} images; {levels} train.network.multipliers need squares of a size that "
            f"{2 ** (levels - 1)} divides"
        )
    if absent := set(train.network.attention_sizes) - set(sizes):
        raise InputError(f"train.network.attention_sizes: {min(absent)} does not occur; sizes here are {sizes}")


def new_state(seed: int, train: Train, images: Tensor) -> TrainingState:
    """Return the state before the first iteration for images [N, C, H, W]; equal seeds give equal networks."""
    sizes = train.network.model_dump() | {
        "multipliers": tuple(train.network.multipliers), "attention_sizes": tuple(train.network.attention_sizes),
        "image_size": images.shape[-1], "image_channels": images.shape[1],
    }  # fmt: skip
    torch.manual_seed(stream_seed(seed, Purpose.INITIALISE))
    device = pick_device()
    network = UNet(UNetConfig(**sizes)).to(device).train()
    return TrainingState(
        network=network,
        ema={name: tensor.detach().clone() for name, tensor in network.state_dict().items()},
        optimizer=torch.optim.AdamW(network.parameters(), lr=train.lr, weight_decay=train.weight_decay),
        scaler=torch.amp.GradScaler(device.type, enabled=train.precision == "fp16"),
        history=empty_history(train.timesteps),
    )


def fit(
    state: TrainingState, images: Tensor, seed: int, train: Train, gamma: float, checkpoint: Path, label: str = "train"
) -> None:
    """Train ``state`` in place up to train.iterations, saving checkpoints on the way.

    Raises:
        InputError: the loss is no longer finite.
    """
    (runtime,) = read_params("runtime")
    if checkpoint.exists():
        load_checkpoint(checkpoint, state)
    schedule = make_schedule(train.schedule, train.timesteps)
    with tqdm(total=train.iterations, initial=state.iteration, desc=label, unit="it", mininterval=1) as progress:
        while state.iteration < train.iterations:
            loss = step(state, draw_batch(images, seed, train, state.iteration), seed, train, gamma, schedule)
            mse, vb = loss.mse.mean().item(), loss.vb.mean().item()
            if not math.isfinite(mse + vb):
                raise InputError(
                    f"{label}: the loss is {mse + vb} at iteration {state.iteration}; no model was written; "
                    f"lower train.lr ({train.lr}) or use train.precision: fp32 ({train.precision})"
                )
            state.iteration += 1
            if state.iteration % LOG_EVERY == 0 or state.iteration == train.iterations:
                state.losses.append({"iteration": state.iteration, "mse": mse, "vb": vb})
                progress.set_postfix(mse=f"{mse:.4f}", vb=f"{vb:.4f}", refresh=False)
            progress.update()
            if state.iteration % runtime.checkpoint_every == 0 and state.iteration < train.iterations:
                save_checkpoint(checkpoint, state)


def step(state: TrainingState, x0: Tensor, seed: int, train: Train, gamma: float, schedule: Schedule) -> Loss:
    """Return the loss of one iteration, after updating the network, its EMA and the loss history.

    All randomness is the stream of (seed, iteration): with uniform t two values of gamma see the same t, eps and xi.
    """
    device = next(state.network.parameters()).device
    generator = stream(seed, Purpose.TRAIN, state.iteration)
    probability = importance(state.history) if train.t_sampling == "loss-second-moment" else _uniform(train.timesteps)
    times, weights = draw_timesteps(probability, len(x0), generator)
    eps, xi = (torch.randn(x0.shape, generator=generator).to(device) for _ in range(2))
    # Dropout draws from the device's global generator.
    torch.manual_seed(stream_seed(seed, Purpose.TRAIN, state.iteration))
    x0, times = x0.to(device), times.to(device)
    y = perturbed_input(x0, eps, xi, alpha_bar_at(schedule, times), gamma)
    with torch.autocast(device.type, PRECISIONS[train.precision], enabled=train.precision != "fp32"):
        output = state.network(y, times)
    loss = hybrid_loss(output.float(), x0, y, times, eps, schedule)
    if train.t_sampling == "loss-second-moment":
        record_losses(state.history, times, loss.total.detach())
    _update(state, (weights.to(device) * loss.total).mean(), train)
    return loss


def _update(state: TrainingState, objective: Tensor, train: Train) -> None:
    for group in state.optimizer.param_groups:
        group["lr"] = train.lr * min(1.0, (state.iteration + 1) / max(1, train.warmup))
    state.optimizer.zero_grad(set_to_none=True)
    scale = state.scaler.get_scale()
    state.scaler.scale(objective).backward()
    state.scaler.step(state.optimizer)
    state.scaler.update()
    # A lower scale means that fp16 overflowed and the step was skipped: the EMA then stays, too.
    if state.scaler.get_scale() < scale:
        return
    with torch.no_grad():
        for name, tensor in state.network.state_dict().items():
            state.ema[name].lerp_(tensor, 1 - train.ema)


def draw_batch(images: Tensor, seed: int, train: Train, iteration: int) -> Tensor:
    """Return the iteration's batch [B, C, H, W] in [-1, 1]: epochs are permutations, incomplete batches are dropped."""
    per_epoch = len(images) // train.batch_size
    epoch, position = divmod(iteration, per_epoch)
    order = _permutation(len(images), seed, epoch)
    batch = images[order[position * train.batch_size : (position + 1) * train.batch_size]].float() / 127.5 - 1
    if not train.flip:
        return batch
    flipped = torch.rand(len(batch), generator=stream(seed, Purpose.FLIP, iteration)) < 0.5
    return torch.where(flipped.reshape(-1, 1, 1, 1), batch.flip(-1), batch)


@lru_cache(maxsize=1)
def _permutation(n: int, seed: int, epoch: int) -> Tensor:
    return torch.randperm(n, generator=stream(seed, Purpose.SHUFFLE, epoch))


@lru_cache(maxsize=1)
def _uniform(timesteps: int) -> Tensor:
    return torch.full((timesteps,), 1 / timesteps, dtype=torch.float64)

"""Training: resume is exact, variants differ by the perturbation alone, faults leave no model."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
import torch
import yaml

from stages import prepare, train
from stages.__main__ import main
from stages.config.params import Recipe, read_params
from stages.diffusion.schedule import make_schedule
from stages.methods.objectives import adm, ddpm
from stages.store.files import read_json, read_npz, read_tensors
from stages.store.models import load_model
from stages.store.paths import DATASET, model_path, model_record_path
from stages.training import batch_loss
from stages.training.batches import draw_batch
from stages.training.initial_networks import initial_network, network_start
from stages.training.loop import BatchLoss, fit
from stages.training.processes import accelerator
from stages.training.state import TrainingState, new_state
from stages.training.timesteps import empty_history
from tests.toy import ROOT, toy_params, write_study

MODEL = Path("data/models/adm.safetensors")


def configure(**changes) -> None:
    params = toy_params()
    params["adm-recipe"] |= changes
    params["grid"]["models"] = ["adm", "adm-ip"]
    params["runtime"]["checkpoint_every"] = 3
    write_study(params)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"t_sampling": "loss-second-moment", "timesteps": 10, "iterations": 40, "precision": "bf16", "flip": True},
        {"precision": "fp16"},
    ],
)
def test_a_run_interrupted_after_a_checkpoint_ends_in_the_same_weights(
    project: Path, monkeypatch: pytest.MonkeyPatch, changes: dict
) -> None:
    configure(**({"iterations": 8} | changes))
    prepare.run()
    train.run("adm")
    expected, record = MODEL.read_bytes(), read_json(model_record_path("adm"))
    MODEL.unlink()

    real = train.batch_loss
    seen = []

    def interrupted(state, *rest):
        if state.iteration == 5 and len(seen) < 6:
            raise KeyboardInterrupt
        seen.append(state.iteration)
        return real(state, *rest)

    monkeypatch.setattr(train, "batch_loss", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train.run("adm")
    assert not MODEL.exists()
    seen.extend([-1])
    train.run("adm")
    assert seen[5:8] == [-1, 3, 4], "resumed from the checkpoint after iteration 3"
    assert MODEL.read_bytes() == expected
    assert read_json(model_record_path("adm"))["losses"] == record["losses"]
    assert not list(Path(".scratch").glob("train-*"))


def test_a_killed_process_resumes_to_the_same_bytes(project: Path) -> None:
    configure(iterations=60)
    prepare.run()
    command = [sys.executable, "-m", "stages", "train", "adm"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    subprocess.run(command, check=True, env=environment, capture_output=True)
    expected = MODEL.read_bytes()
    MODEL.unlink()
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not list(Path(".scratch").glob("*/checkpoint.safetensors")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not MODEL.exists()
    assert list(Path(".scratch").glob("*/checkpoint.safetensors"))
    subprocess.run(command, check=True, env=environment, capture_output=True)
    assert MODEL.read_bytes() == expected


def in_two_processes(**changes) -> subprocess.Popen[str]:
    configure(**changes)
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["runtime"]["train_processes"] = 2
    write_study(params)
    command = [sys.executable, "-m", "stages", "train", "adm"]
    return subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("damage", ["empty", "zeros", "flip", "half"])
def test_a_damaged_checkpoint_is_set_aside_and_the_one_before_it_taken(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    configure(iterations=12)
    prepare.run()
    train.run("adm")
    expected = MODEL.read_bytes()
    MODEL.unlink()
    real = train.batch_loss

    def killed(state, *rest):
        if state.iteration == 10:
            raise KeyboardInterrupt
        return real(state, *rest)

    monkeypatch.setattr(train, "batch_loss", killed)
    with pytest.raises(KeyboardInterrupt):
        train.run("adm")
    (folder,) = Path(".scratch").glob("train-*")
    last, before = folder / "checkpoint.safetensors", folder / "checkpoint-before.safetensors"
    content = last.read_bytes()
    middle = len(content) // 2
    flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    last.write_bytes({"flip": flipped, "half": content[:middle], "empty": b"", "zeros": bytes(4000)}[damage])
    assert before.exists()
    seen = []
    monkeypatch.setattr(train, "batch_loss", lambda state, *rest: seen.append(state.iteration) or real(state, *rest))
    capsys.readouterr()
    train.run("adm")
    assert seen[0] == 6, "that of iteration 9 is damaged"
    assert MODEL.read_bytes() == expected
    told = [line for line in capsys.readouterr().err.splitlines() if "checkpoint.safetensors" in line]
    assert len(told) == 1
    assert told[0].endswith("set aside as checkpoint.damaged")


def distance(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> float:
    return sum(float((first[name] - second[name]).square().sum()) for name in first) ** 0.5


def initial() -> dict[str, torch.Tensor]:
    params, images = read_params(), torch.from_numpy(read_npz(DATASET, "images")[0]).permute(0, 3, 1, 2)
    return new_run(params.recipes["adm-recipe"], images, params.seed).ema


def new_run(recipe: Recipe, images: torch.Tensor, seed: int) -> TrainingState:
    """A training run of the recipe before its first iteration."""
    arguments, weights = network_start("adm-recipe", recipe, images.shape[1:])
    build = partial(initial_network, recipe.network, arguments, weights)
    return new_state(build, recipe, seed, accelerator(torch.device("cpu")))


@pytest.mark.parametrize(
    "changes",
    [{"clip": 0.5}, {"t_sampling": "loss-second-moment", "timesteps": 8}, {"t_sampling": "antithetic", "flip": True}],
)
def test_two_processes_train_the_model_of_one(project: Path, changes: dict) -> None:
    """Sums round differently, by 1e-7, of which Adam makes a step of up to lr where a gradient is near 0."""
    prepare.run()
    changes = {"iterations": 12, "warmup": 0, "ema": 0.5, **changes}
    configure(**changes)
    train.run("adm")
    alone, losses = read_tensors(MODEL)[0], read_json(model_record_path("adm"))["losses"]
    MODEL.unlink()
    process = in_two_processes(**changes)
    errors = process.communicate()[1]
    assert process.returncode == 0, errors
    together = read_tensors(MODEL)[0]
    assert distance(together, alone) < 0.02 * distance(alone, initial())
    assert read_json(model_record_path("adm"))["losses"][-1] == pytest.approx(losses[-1], rel=1e-4)
    assert [path.name for path in MODEL.parent.iterdir()] == [MODEL.name]


def test_two_processes_that_are_killed_resume_to_the_same_bytes(project: Path) -> None:
    prepare.run()
    first = in_two_processes(iterations=60)
    errors = first.communicate()[1]
    assert first.returncode == 0, errors
    expected = MODEL.read_bytes()
    MODEL.unlink()
    process = in_two_processes(iterations=60)
    deadline = time.monotonic() + 60
    while not list(Path(".scratch").glob("*/checkpoint.safetensors")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert not MODEL.exists()
    assert list(Path(".scratch").glob("*/checkpoint.safetensors"))
    again = in_two_processes(iterations=60)
    errors = again.communicate()[1]
    assert again.returncode == 0, errors
    assert MODEL.read_bytes() == expected


def test_two_processes_tell_a_fault_once(project: Path) -> None:
    prepare.run()
    for changes, told in (
        ({"batch_size": 15}, "adm-recipe.batch_size: 15 does not divide among 2 processes"),
        ({"lr": 1e30, "iterations": 20, "warmup": 0}, "the loss at iteration "),
    ):
        process = in_two_processes(**changes)
        errors = process.communicate()[1]
        assert process.returncode == 2
        assert [told in line for line in errors.splitlines() if line.startswith("train: ")] == [True], errors
        assert "Traceback" not in errors
        assert not MODEL.exists()


def test_gamma_zero_under_the_name_adm_ip_gives_the_weights_of_adm(project: Path) -> None:
    params = toy_params()
    params["grid"]["models"] = ["adm", "adm-ip"]
    params["adm-ip"]["gamma"] = 0.0
    write_study(params)
    prepare.run()
    train.run("adm")
    train.run("adm-ip")
    first, second = (read_tensors(model_path(model))[0] for model in ("adm", "adm-ip"))
    assert all(torch.equal(first[name], second[name]) for name in first)
    params["adm-ip"]["gamma"] = 0.1
    write_study(params)
    train.run("adm-ip")
    third = read_tensors(model_path("adm-ip"))[0]
    assert not all(torch.equal(first[name], third[name]) for name in first)


def test_a_seed_of_its_own_gives_the_weights_of_a_study_of_that_seed(project: Path) -> None:
    params = toy_params()
    # Dropout too is of the seed.
    params["adm-recipe"]["network"]["dropout"] = 0.1
    params["adm-1"] = params["adm"] | {"seed": 1}
    params["grid"]["models"] = ["adm", "adm-1"]
    write_study(params)
    prepare.run()
    train.run("adm")
    train.run("adm-1")
    plain, own = (read_tensors(model_path(model))[0] for model in ("adm", "adm-1"))
    assert [read_json(model_record_path(model))["training"]["seed"] for model in ("adm", "adm-1")] == [0, 1]
    # Beside adm on seed 1, adm-1 would repeat nothing, and is refused.
    del params["adm-1"]
    params["grid"]["models"] = ["adm"]
    write_study(params | {"seed": 1})
    train.run("adm")
    other = read_tensors(model_path("adm"))[0]
    assert all(torch.equal(own[name], other[name]) for name in own)
    assert not any(torch.equal(own[name], plain[name]) for name in own if name.startswith("time_embed"))


def test_models_share_initialisation_batches_times_and_noise(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configure()
    prepare.run()
    seen: dict[str, list] = {"adm": [], "adm-ip": []}
    real = adm.perturbed_input
    for model, calls in seen.items():

        def spy(x0, eps, xi, alpha_bar, gamma, calls=calls):
            calls.append([x0, eps, xi, alpha_bar])
            return real(x0, eps, xi, alpha_bar, gamma)

        monkeypatch.setattr(adm, "perturbed_input", spy)
        train.run(model)
    assert len(seen["adm"]) == 4
    for first, second in zip(seen["adm"], seen["adm-ip"], strict=True):
        assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("t_sampling", ["uniform", "antithetic", "loss-second-moment"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_loss_that_is_not_finite_stops_without_a_model(
    project: Path, capsys: pytest.CaptureFixture[str], t_sampling: str, precision: str
) -> None:
    """Of 4 times, each has ten losses after some 3 of 40 iterations: importance sampling then depends on them."""
    configure(lr=1e30, iterations=40, warmup=0, timesteps=4, t_sampling=t_sampling, precision=precision)
    prepare.run()
    assert main(["train", "adm"]) == 2
    message = capsys.readouterr().err.splitlines()[-1]
    assert "train adm: the loss at iteration " in message
    assert "no model was written; lower adm-recipe.lr (1e+30)" in message
    assert not Path("data/models").exists()


def one_step(**changes) -> tuple[TrainingState, dict]:
    """A state after one iteration on the first digits, and a copy of the parameters before it."""
    configure(**changes)
    params = read_params()
    recipe = params.recipes["adm-recipe"]
    images = torch.from_numpy(read_npz(DATASET, "images")[0]).permute(0, 3, 1, 2)
    state = new_run(recipe, images, params.seed)
    before = {name: tensor.detach().clone() for name, tensor in state.network.state_dict().items()}
    objective = partial(adm.loss, gamma=0.0)

    def loss(iteration: int) -> BatchLoss:
        x0 = draw_batch(images, params.seed, recipe, iteration)
        return batch_loss.batch_loss(state, x0, params.seed, recipe, objective, make_schedule("cosine"))

    fit(state, loss, 1, Path("scratch"), "one step", "", lr=recipe.lr, warmup=recipe.warmup, ema=recipe.ema)
    return state, before


def test_ema_follows_the_weights_and_the_rate_warms_up(project: Path) -> None:
    prepare.run()
    state, before = one_step(ema=0.9, lr=0.01, warmup=4)
    assert state.optimizer.param_groups[0]["lr"] == pytest.approx(0.0025)
    assert state.ema_updates == 1
    for name, after in state.network.state_dict().items():
        torch.testing.assert_close(state.ema[name], 0.9 * before[name] + 0.1 * after)
    moved = state.network.state_dict()["out.2.weight"] - before["out.2.weight"]
    assert float(moved.abs().max()) == pytest.approx(0.0025, rel=0.01), "Adam's first step is the rate"


def test_a_step_that_fp16_skips_leaves_weights_and_ema(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare.run()
    # Scaled by 2^127, every gradient overflows.
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**127)
    monkeypatch.setattr(torch.amp, "GradScaler", lambda *_, **__: scaler)
    state, before = one_step(precision="fp16", ema=0.5)
    assert (state.iteration, state.ema_updates) == (1, 0)
    for name, tensor in state.network.state_dict().items():
        assert torch.equal(tensor, before[name])
        assert torch.equal(state.ema[name], before[name])


def test_the_objective_is_weighted_by_the_importance_of_its_timesteps(project: Path, monkeypatch) -> None:
    prepare.run()
    weights = torch.arange(1.0, 17, dtype=torch.float64)
    monkeypatch.setattr(batch_loss, "draw_timesteps", lambda p, n, generator: (torch.arange(n) * 60, weights))
    found = []
    real = adm.hybrid_loss
    monkeypatch.setattr(adm, "hybrid_loss", lambda *a: found.append(real(*a)) or found[-1])
    made = batch_loss.batch_loss
    monkeypatch.setattr(batch_loss, "batch_loss", lambda *a: found.append(made(*a)) or found[-1])
    one_step(t_sampling="loss-second-moment")
    loss, (objective, _) = found
    assert float(objective.detach()) == pytest.approx(float((weights * loss.total).mean().detach()))


def test_flips_mirror_images_and_only_when_asked(project: Path) -> None:
    images = torch.arange(64, dtype=torch.uint8).reshape(16, 1, 1, 4)
    configure(flip=False)
    plain = draw_batch(images, 0, read_params().recipes["adm-recipe"], 3)
    configure(flip=True)
    flipped = draw_batch(images, 0, read_params().recipes["adm-recipe"], 3)
    mirrored = [bool(torch.equal(b, a.flip(-1))) for a, b in zip(plain, flipped, strict=True)]
    kept = [bool(torch.equal(b, a)) for a, b in zip(plain, flipped, strict=True)]
    assert all(m != k for m, k in zip(mirrored, kept, strict=True))
    assert 3 <= sum(mirrored) <= 13


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (
            {"multipliers": [1, 1, 1, 1, 1]},
            "8x8 images or latents; 5 adm-recipe.network.multipliers need squares of a size that 16",
        ),
        ({"attention_sizes": [5]}, "adm-recipe.network.attention_sizes: 5 does not occur; sizes here are [8]"),
    ],
)
def test_networks_that_do_not_fit_the_images(project: Path, network: dict, message: str, capsys) -> None:
    params = toy_params()
    params["grid"]["models"] = ["adm"]
    params["adm-recipe"]["network"] |= network
    write_study(params)
    prepare.run()
    assert main(["train", "adm"]) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
    assert not Path("data/models").exists()


def test_training_lowers_the_loss(project: Path) -> None:
    """The mean squared noise error starts at 1 (the network predicts 0) and falls well below it."""
    configure(iterations=150, lr=2e-3, warmup=10)
    prepare.run()
    train.run("adm")
    losses = read_json(model_record_path("adm"))["losses"]
    assert [entry["iteration"] for entry in losses] == [50, 100, 150]
    assert losses[-1]["mse"] < 0.6


def test_too_few_images_for_a_batch(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configure(batch_size=5000)
    prepare.run()
    assert main(["train", "adm"]) == 2
    assert "1797 images make no batch of adm-recipe.batch_size = 5000" in capsys.readouterr().err


def test_a_model_file_says_how_to_sample_from_it(project: Path) -> None:
    configure(schedule="linear", timesteps=100)
    prepare.run()
    train.run("adm")
    Path("params.yaml").unlink()
    model = load_model("adm", "adm")
    assert (model.shape, model.predicts_variance) == ((1, 8, 8), True)
    assert model.schedule.timesteps == 100
    assert float(model.schedule.beta[0]) == pytest.approx(1e-3)


def test_epochs_are_permutations(project: Path) -> None:
    recipe = read_params().recipes["adm-recipe"]
    images = torch.arange(48, dtype=torch.uint8).reshape(48, 1, 1, 1)
    batches = [draw_batch(images, 0, recipe, i) for i in range(6)]
    for epoch in (batches[:3], batches[3:]):
        values = ((torch.cat(epoch) + 1) * 127.5).round().flatten().tolist()
        assert sorted(values) == list(range(48))
    assert not torch.equal(torch.cat(batches[:3]), torch.cat(batches[3:]))


def ddpm_study(**changes) -> None:
    params = toy_params()
    params["ddpm-recipe"] |= changes
    params["grid"] |= {"models": ["ddpm-net", "ddpm-net-ip"], "samplers": ["ddim"]}
    write_study(params)


def test_the_ddpm_recipe_trains_its_own_network_with_summed_loss_and_pairs_of_times(project: Path, monkeypatch) -> None:
    ddpm_study(iterations=150, lr=2e-3, warmup=10)
    prepare.run()
    times = []
    real = ddpm.alpha_bar_at
    monkeypatch.setattr(ddpm, "alpha_bar_at", lambda schedule, t: times.append(t) or real(schedule, t))
    train.run("ddpm-net")
    record = read_json(model_record_path("ddpm-net"))
    # 64 values of unit variance each, from a network that predicts next to nothing.
    assert record["losses"][-1]["sse"] < 0.6 * 64
    assert record["training"]["schedule"] == "linear"
    for drawn in times[:5]:
        # 16 images take nine draws and the mirror of seven of them.
        assert torch.equal(drawn[9:], 999 - drawn[:7])
    model = load_model("ddpm-net", "ddpm")
    assert not model.predicts_variance


def test_the_gradient_is_clipped_where_the_recipe_says(project: Path) -> None:
    prepare.run()
    parameter = torch.nn.Parameter(torch.zeros(2))
    for clip, expected in ((1.0, [0.6, 0.8]), (None, [3.0, 4.0])):
        configure()
        network = torch.nn.Module()
        network.w = parameter
        state = TrainingState(
            accelerator=accelerator(torch.device("cpu")),
            network=network,
            parallel=network,
            ema={"w": torch.zeros(2)},
            optimizer=torch.optim.SGD([parameter], lr=1.0),
            scaler=torch.amp.GradScaler(enabled=False),
            history=empty_history(1),
        )
        parameter.data.zero_()

        def loss(iteration: int) -> BatchLoss:
            total = (parameter * torch.tensor([3.0, 4.0])).sum()
            return BatchLoss(total, {"sum": total.detach()})

        fit(state, loss, 1, Path("scratch"), "one step", "", lr=1.0, clip=clip)
        assert (-parameter.data).tolist() == pytest.approx(expected, rel=1e-5)

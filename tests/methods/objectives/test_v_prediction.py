"""Predictions of the velocity: closed forms, and models of it from training to images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from stages import diagnose, prepare, sample, train
from stages.__main__ import main
from stages.config.params import ParamsFault, parse_params
from stages.diffusion.chain import Chain
from stages.diffusion.schedule import (
    Schedule,
    add_noise,
    alpha_bar_at,
    alpha_bar_between,
    noise_of_velocity,
    predict_x0,
    velocity,
)
from stages.methods.fixes import epsilon_scaling, time_shift
from stages.methods.objectives import v_prediction
from stages.sampling.denoiser import denoiser
from stages.sampling.fix import Fix
from stages.sampling.guidance import classifier_free
from stages.sampling.walk import Denoiser
from stages.store.files import read_npz, read_tensors, write_tensors
from stages.store.models import load_model
from stages.store.paths import diagnosis_path, model_path, samples_path
from tests.gaussian import gaussian_denoiser
from tests.methods.samplers.test_samplers import COSINE, LINEAR, SAMPLERS, grid_of
from tests.toy import toy_params, write_study

VARIANCE = 0.25


class ExactVelocity(nn.Module):
    """The exact velocity of data N(0, s^2): x sqrt(A (1 - A)) (1 - s^2) / (A s^2 + 1 - A), from the two means."""

    def __init__(self, schedule: Schedule) -> None:
        super().__init__()
        self.schedule = schedule

    def forward(self, x: Tensor, times: Tensor) -> Tensor:
        a = alpha_bar_between(self.schedule, times).to(x)
        return x * (a * (1 - a)).sqrt() * (1 - VARIANCE) / (a * VARIANCE + 1 - a)


class Zero(nn.Module):
    """Predicts 0."""

    def forward(self, x: Tensor, times: Tensor) -> Tensor:
        return torch.zeros_like(x)


def forms(schedule: Schedule) -> tuple[Denoiser, Denoiser]:
    """The exact predictor of Gaussian data as one of the noise, and as one of the velocity."""
    noise = gaussian_denoiser(schedule, VARIANCE, level=lambda times: alpha_bar_between(schedule, times))
    return noise, denoiser(ExactVelocity(schedule), False, "fp32", velocity_schedule=schedule)


def drawn(n: int = 8) -> Tensor:
    return torch.randn(n, 1, 4, 4, generator=torch.Generator().manual_seed(5), dtype=torch.float64)


@pytest.mark.parametrize("schedule", [LINEAR, COSINE])
def test_noise_and_image_are_found_again_from_the_velocity(schedule: Schedule) -> None:
    x0, eps = drawn(6).chunk(2)
    alpha_bar = alpha_bar_at(schedule, torch.tensor([0, 400, 999]))
    x, v = add_noise(x0, eps, alpha_bar), velocity(x0, eps, alpha_bar)
    # Rounding of float64 of values up to 4.
    torch.testing.assert_close(noise_of_velocity(x, v, alpha_bar), eps, rtol=0, atol=1e-14)
    torch.testing.assert_close(alpha_bar.sqrt() * x - (1 - alpha_bar).sqrt() * v, x0, rtol=0, atol=1e-14)


def test_at_the_ends_the_velocity_is_the_noise_and_minus_the_image() -> None:
    x0, eps = drawn(6).chunk(2)
    clean = torch.ones(3, 1, 1, 1, dtype=torch.float64)
    assert torch.equal(velocity(x0, eps, clean), eps)
    assert torch.equal(velocity(x0, eps, 0 * clean), -x0)


def test_levels_between_whole_times_join_those_at_whole_ones() -> None:
    whole = torch.tensor([0, 17, 998, 999])
    exact = alpha_bar_at(COSINE, whole)
    assert torch.equal(alpha_bar_between(COSINE, whole), exact)
    torch.testing.assert_close(alpha_bar_between(COSINE, whole.double()), exact, rtol=1e-14, atol=0)
    middle = alpha_bar_between(COSINE, torch.tensor([17.5], dtype=torch.float64))
    between = (COSINE.alpha_bar[17] * COSINE.alpha_bar[18]).sqrt()
    assert float(middle) == pytest.approx(float(between), rel=1e-14)


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("fix", ["none", "es", "ts"])
def test_both_forms_of_an_exact_predictor_give_the_same_samples(name: str, fix: str) -> None:
    """To the rounding of float64: 1e-15 in a prediction, amplified by 1 / sqrt(alpha_bar) = 157 at most a step."""
    chain = Chain(LINEAR, grid_of(name, 10))
    made = {
        "none": Fix(),
        "es": epsilon_scaling.make(chain, b=1.02, k=0.001),
        "ts": time_shift.make(chain, window=40, cutoff=300, update_time="scheduled", cutoff_on="current"),
    }[fix]
    found = []
    for denoise in forms(LINEAR):
        generator = torch.Generator().manual_seed(1)

        def noise(generator: torch.Generator = generator) -> Tensor:
            return torch.randn(8, 1, 4, 4, generator=generator, dtype=torch.float64)

        found.append(SAMPLERS[name](denoise, drawn(), chain, made, noise))
    assert float(found[0].std()) > 0.1
    torch.testing.assert_close(found[1], found[0], rtol=0, atol=1e-11)


def test_guidance_is_of_the_noise_that_velocities_stand_for() -> None:
    x, times = drawn(), torch.full((8,), 700)
    noise, exact = forms(COSINE)
    unconditional = denoiser(Zero(), False, "fp32", velocity_schedule=COSINE)
    found, _ = classifier_free(exact, unconditional, 3.0)(x, times)
    eps, _ = noise(x, times)
    # A velocity of 0 stands for the noise sqrt(1 - A) x.
    other = (1 - alpha_bar_at(COSINE, times)).sqrt() * x
    torch.testing.assert_close(found, other + 3 * (eps - other), rtol=0, atol=1e-13)


def test_the_loss_is_the_noise_error_divided_by_the_signal() -> None:
    """eps - eps_hat = sqrt(alpha_bar) (v - v_hat) at the same x."""
    x0, eps = drawn(6).chunk(2)
    times = torch.tensor([10, 400, 900])
    alpha_bar = alpha_bar_at(COSINE, times)
    exact = ExactVelocity(COSINE)
    found = v_prediction.loss(exact, x0, times, lambda: eps, COSINE)
    x = add_noise(x0, eps, alpha_bar)
    predicted = noise_of_velocity(x, exact(x, times), alpha_bar)
    expected = (eps - predicted).square().flatten(1).mean(1) / alpha_bar.flatten()
    torch.testing.assert_close(found.terms["mse"], expected, rtol=1e-10, atol=0)
    perfect = v_prediction.loss(lambda x, times: velocity(x0, eps, alpha_bar), x0, times, lambda: eps, COSINE)
    assert torch.equal(perfect.total, torch.zeros(3, dtype=torch.float64))


def study() -> dict[str, Any]:
    params = toy_params()
    params["velocity"] = {"method": "v-prediction", "recipe": "ddpm-recipe"}
    params["ddim-trailing"] = {"method": "ddim", "spacing": "trailing", "eta": 0.0, "clip": False}
    samplers = ["ddim", "ddim-trailing", "f-pndm", "dpm-solver-2"]
    params["grid"] = [{"models": ["velocity"], "samplers": samplers, "fixes": ["none"], "steps": [5]}]
    params["ddpm-recipe"] |= {"iterations": 40, "batch_size": 32, "lr": 2e-3, "warmup": 5, "ema": 0.9}
    return params


@pytest.fixture
def trained(project: Path) -> Path:
    write_study(study())
    prepare.run()
    train.run("velocity")
    return project


def images(cell: str) -> np.ndarray:
    sample.run(cell)
    return read_npz(samples_path(cell), "arr_0")[0]


def test_a_model_of_velocities_is_trained_sampled_and_diagnosed(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tensors, config = read_tensors(model_path("velocity"))
    assert config["predicts"] == "velocity"
    model = load_model("velocity", "ddpm")
    x, times = torch.randn(4, 1, 8, 8), torch.full((4,), 600)
    level = alpha_bar_at(model.schedule, times)
    with torch.no_grad():
        eps, _ = denoiser(model.network, False, "fp32", velocity_schedule=model.velocity_schedule)(x, times)
        v = model.network(x, times)
    torch.testing.assert_close(eps, noise_of_velocity(x, v, level))
    x0 = level.sqrt().float() * x - (1 - level).sqrt().float() * v
    torch.testing.assert_close(predict_x0(x, eps, level), x0, rtol=1e-4, atol=1e-4)
    found = {sampler: images(f"velocity-{sampler}-none-5") for sampler in study()["grid"][0]["samplers"]}
    assert all(each.shape == (60, 8, 8, 1) and each.std() > 10 for each in found.values())
    assert not np.array_equal(found["ddim"], found["ddim-trailing"])
    diagnose.run("velocity")
    assert diagnosis_path("velocity").exists()
    as_noise = {name: each for name, each in config.items() if name != "predicts"}
    write_tensors(model_path("velocity"), tensors, as_noise)
    assert not np.array_equal(images("velocity-ddim-none-5"), found["ddim"])
    write_tensors(model_path("velocity"), tensors, config | {"predicts": "x0"})
    capsys.readouterr()
    assert main(["sample", "velocity-ddim-none-5"]) == 2
    assert "predicts 'x0'; allowed are noise, velocity" in capsys.readouterr().err


def test_files_of_models_that_predict_noise_do_not_tell(project: Path) -> None:
    params = study()
    params["grid"][0]["models"] = ["ddpm-net"]
    write_study(params)
    prepare.run()
    train.run("ddpm-net")
    assert "predicts" not in read_tensors(model_path("ddpm-net"))[1]
    assert load_model("ddpm-net", "ddpm").velocity_schedule is None


def test_networks_that_do_not_fit_are_refused() -> None:
    params = study()
    with pytest.raises(ParamsFault, match=r"velocity\.recipe: the network of adm-recipe predicts a variance too"):
        parse_params(params | {"velocity": {"method": "v-prediction", "recipe": "adm-recipe"}})
    digest = "0" * 64
    network = {"method": "stable-diffusion", "folder": "sd", "unet_sha256": digest, "text_encoder_sha256": digest}
    pretrained = {
        **params["text-recipe"],
        "schedule": "stable-diffusion",
        "iterations": 0,
        "network": network | {"unconditional": 0.1},
    }
    with pytest.raises(ParamsFault, match=r"velocity\.method: v-prediction; the pretrained weights of sd-recipe"):
        parse_params(params | {"sd-recipe": pretrained, "velocity": {"method": "v-prediction", "recipe": "sd-recipe"}})

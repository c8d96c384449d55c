"""Latent diffusion on digits: the autoencoder, what a latent model learns, and images decoded from its samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from stages import autoencoder, prepare, sample, train
from stages.__main__ import main
from stages.diffusion.chain import Chain
from stages.diffusion.schedule import make_schedule
from stages.methods.samplers import ddim
from stages.sampling.fix import Fix
from stages.sampling.sampler_grid import time_grid
from stages.store.files import read_json, read_npz
from stages.store.models import load_autoencoder, load_model, pixels
from stages.store.paths import DATASET, autoencoder_path, autoencoder_record_path, model_path, samples_path
from tests.reporting.results.studies import cells_of, planned, put, rows_of
from tests.toy import toy_params, with_published, write_study

NONE, ES = "ldm-ddim-ldm-none-5", "ldm-ddim-ldm-es-5"


def configure(**changes) -> None:
    params = toy_params()
    params["grid"] = [{"models": ["ldm"], "samplers": ["ddim-ldm"], "fixes": ["none", "es"], "steps": [5]}]
    params["vq"] |= {"iterations": 120, "lr": 0.003}
    params["ldm-recipe"] |= {"iterations": 30, "lr": 0.003, "warmup": 5}
    params["ldm-recipe"]["network"] = params["ldm-recipe"]["network"] | {"multipliers": [1], "attention_sizes": []}
    for section, values in changes.items():
        params[section] = params[section] | values
    write_study(params)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a trained autoencoder and latent model."""
    made = with_published(tmp_path_factory.mktemp("latent"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(made)
        configure()
        prepare.run()
        autoencoder.run("vq")
        train.run("ldm")
    return made


@pytest.fixture
def latent(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(folder)
    configure()
    return folder


def all_images() -> torch.Tensor:
    return torch.from_numpy(read_npz(DATASET, "images")[0]).permute(0, 3, 1, 2).float() / 127.5 - 1


def test_reconstructions_are_three_times_nearer_than_the_mean_image(latent: Path) -> None:
    first = load_autoencoder("vq", "vq")
    images = all_images()
    with torch.no_grad():
        error = float((first.decode(first.encode(images)) - images).square().mean())
    spread = float((images - images.mean(0)).square().mean())
    record = read_json(autoencoder_record_path("vq"))
    assert error < spread / 3
    assert record["mse"] == pytest.approx(error, rel=1e-4)
    assert record["mean_image_mse"] == pytest.approx(spread, rel=1e-4)


def test_latents_have_unit_deviation_and_the_published_factor(latent: Path) -> None:
    first = load_autoencoder("vq", "vq")
    with torch.no_grad():
        latents = first.encode(all_images())
    assert latents.shape[1:] == (3, 4, 4)
    assert float(latents.double().std()) == pytest.approx(1, abs=1e-4)
    assert float(first.network.scale) != 1


def test_decoding_quantises_first(latent: Path) -> None:
    """A step far smaller than the distance of two codes changes nothing."""
    first = load_autoencoder("vq", "vq")
    codes = first.network.quantize.embedding.weight
    latents = (codes[:16].T.reshape(1, 3, 4, 4) * first.network.scale).detach()
    nearest = torch.cdist(codes, codes).fill_diagonal_(float("inf")).min(1).values[:16].min()
    with torch.no_grad():
        assert torch.equal(first.decode(latents), first.decode(latents + 0.1 * nearest * first.network.scale))


def test_pixels_are_passed_through() -> None:
    x = torch.randn(2, 1, 8, 8)
    assert pixels().decode(x) is x
    assert pixels().encode(x) is x


def test_images_are_decoded_without_the_autoencoders_file(latent: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sample.run(NONE)
    found = read_npz(samples_path(NONE), "arr_0")[0]
    assert found.shape == (60, 8, 8, 1)
    hidden = autoencoder_path("vq").with_suffix(".away")
    autoencoder_path("vq").rename(hidden)
    sample.run(NONE)
    hidden.rename(autoencoder_path("vq"))
    assert np.array_equal(read_npz(samples_path(NONE), "arr_0")[0], found)
    model = load_model("ldm", "ddpm")
    assert (model.shape, model.image_shape) == ((3, 4, 4), (1, 8, 8))


def test_epsilon_scaling_acts_and_one_is_none(latent: Path) -> None:
    sample.run(NONE)
    base = read_npz(samples_path(NONE), "arr_0")[0]
    for b, same in ((1.0, True), (1.05, False)):
        configure(es={"b": b})
        sample.run(ES)
        assert np.array_equal(read_npz(samples_path(ES), "arr_0")[0], base) == same


def test_a_pixel_model_carries_no_autoencoder(latent: Path) -> None:
    params = toy_params()
    params["grid"] = [{"models": ["ddpm-net"], "samplers": ["ddim"], "fixes": ["none"], "steps": [5]}]
    write_study(params)
    train.run("ddpm-net")
    assert b"autoencoder." not in model_path("ddpm-net").read_bytes()
    assert b"autoencoder." in model_path("ldm").read_bytes()


@pytest.mark.parametrize(
    ("command", "changes", "told"),
    [
        (
            "autoencoder vq",
            {"vq": {"multipliers": [1] * 5}},
            "8x8 images; vq.multipliers (5 levels) need sides that 16",
        ),
        ("autoencoder vq", {"vq": {"batch_size": 5000}}, "1797 images make no batch of vq.batch_size = 5000"),
        ("autoencoder vg", {}, "'vg' is no autoencoder of params.yaml; allowed are vq"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(latent: Path, capsys, command: str, changes, told: str) -> None:
    configure(**changes)
    content = autoencoder_path("vq").read_bytes()
    assert main(command.split()) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("autoencoder: ")]
    assert told in line
    assert autoencoder_path("vq").read_bytes() == content


def test_latents_too_small_for_the_network_are_refused(latent: Path, capsys) -> None:
    network = {"method": "ddpm", "channels": 32, "multipliers": [1] * 4, "res_blocks": 1, "attention_sizes": []}
    configure(**{"ldm-recipe": {"network": network | {"dropout": 0.0, "groups": 8}}})
    assert main(["train", "ldm"]) == 2
    assert "4x4 images or latents; 4 ldm-recipe.network.multipliers need squares" in capsys.readouterr().err


def test_the_grid_is_the_published_one() -> None:
    for steps, last in ((100, 991), (50, 981), (20, 951)):
        grid = time_grid("ldm", steps)
        assert grid.times == tuple(range(1, 1000, 1000 // steps))
        assert (grid.times[-1], grid.target(0)) == (last, 0)
    with pytest.raises(ValueError, match="cannot hold 1000 steps: it would end at 1000 of 1000"):
        time_grid("ldm", 1000)


def test_the_last_step_adds_the_noise_of_its_formula() -> None:
    """From x = 0 and eps = 0, noise 1: the state is sigma from A[1] to A[0], by hand from the first two betas."""
    schedule = make_schedule("scaled-linear")
    zero = torch.zeros(1, 1, 1, 1, dtype=torch.float64)
    one_step = Chain(schedule, time_grid("ldm", 20)._replace(times=(1,)))
    silent = lambda x, t: (torch.zeros_like(x), None)  # noqa: E731
    found = ddim.sample(silent, zero, one_step, Fix(), lambda: torch.ones_like(zero), eta=1.0)
    first = 0.0015
    second = (0.0015**0.5 + (0.0195**0.5 - 0.0015**0.5) / 999) ** 2
    expected = (first / (1 - (1 - first) * (1 - second)) * second) ** 0.5
    assert float(found) == pytest.approx(expected, rel=1e-9)


def test_the_published_table_gets_its_cells() -> None:
    plan = planned()
    assert len(rows_of(plan, "es-4")) == 12
    found = {(c.model, c.sampler, c.fix, c.steps, c.autoencoder) for c in cells_of(plan, "es-4")}
    assert found == {("ldm", "ddim-ldm", fix, n, "vq") for fix in ("none", "es") for n in (100, 50, 20)}
    reasons = {row.reason for row in rows_of(planned(put("es/b", "tuned")), "es-4", fix="es")}
    assert reasons == {"es.b is tuned: no search yet; run python -m stages search"}

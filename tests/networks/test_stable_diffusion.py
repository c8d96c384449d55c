"""A local Stable Diffusion folder through all stages, against the loop of diffusers' own pipeline."""

from __future__ import annotations

import json
import re
import shutil
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from stages import autoencoder, prepare, sample, train
from stages.__main__ import main
from stages.config.params import ParamsFault, parse_params, read_params
from stages.diffusion.block_noise import block_labels, block_noise
from stages.plan.plan_file import planned_cell
from stages.sampling.draw import drawing
from stages.store.files import read_json, read_npz, sha256
from stages.store.models import load_autoencoder, load_model
from stages.store.paths import (
    DATASET,
    autoencoder_path,
    autoencoder_record_path,
    model_path,
    model_record_path,
    samples_path,
)
from stages.training.stable_diffusion import WEIGHTS
from tests.toy import toy_params, with_published, write_study

CELL, N, STEPS, SCALE = "sd-cfg-none-5", 20, 5, 7.5
SCHEDULER = {
    "_class_name": "PNDMScheduler",
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "num_train_timesteps": 1000,
    "set_alpha_to_one": False,
    "skip_prk_steps": True,
    "steps_offset": 1,
    "trained_betas": None,
    "clip_sample": False,
}


def write_folder(place: Path, unet: int = 4, vae: int = 1) -> None:
    """Write a folder of random weights, of the classes and in the format of Stable Diffusion 1."""
    torch.manual_seed(5)
    text = CLIPTextConfig(
        vocab_size=400,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=77,
        bos_token_id=398,
        eos_token_id=399,
        pad_token_id=1,
        projection_dim=32,
    )
    CLIPTextModel(text).save_pretrained(place / "text_encoder", safe_serialization=True)
    UNet2DConditionModel(
        sample_size=4,
        in_channels=unet,
        out_channels=unet,
        block_out_channels=(32, 32),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        norm_num_groups=8,
        cross_attention_dim=32,
        attention_head_dim=8,
    ).save_pretrained(place / "unet", safe_serialization=True)
    AutoencoderKL(
        in_channels=vae,
        out_channels=vae,
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        block_out_channels=(32, 32),
        norm_num_groups=8,
        latent_channels=4,
        scaling_factor=0.18215,
    ).save_pretrained(place / "vae", safe_serialization=True)
    write_tokenizer(place / "tokenizer")
    (place / "scheduler").mkdir()
    (place / "scheduler/scheduler_config.json").write_text(json.dumps(SCHEDULER))


def write_tokenizer(place: Path) -> None:
    """Write byte pairs that make "digit" of its letters, and letters of everything else."""
    place.mkdir()
    letters = "abcdefghijklmnopqrstuvwxyz"
    pieces = [*letters, *(f"{letter}</w>" for letter in letters), "di", "gi", "digi", "digit</w>"]
    vocabulary = {piece: index for index, piece in enumerate(pieces)}
    vocabulary |= {"<|startoftext|>": 398, "<|endoftext|>": 399}
    (place / "vocab.json").write_text(json.dumps(vocabulary))
    (place / "merges.txt").write_text("#version: 0.2\nd i\ng i\ndi gi\ndigi t</w>\n")
    kept = {"tokenizer_class": "CLIPTokenizer", "model_max_length": 77, "pad_token": "<|endoftext|>"}
    (place / "tokenizer_config.json").write_text(json.dumps(kept))


def configure(place: Path, **changes: dict[str, Any]) -> None:
    params = toy_params()
    params["runtime"]["batch_size"] = N
    params["sample"]["n"] = N
    params["kl"] = {
        "method": "kl",
        "folder": str(place),
        "sha256": sha256(place / "vae/diffusion_pytorch_model.safetensors"),
    }
    network = {
        "method": "stable-diffusion",
        "folder": str(place),
        "unconditional": 0.1,
        "unet_sha256": sha256(place / "unet/diffusion_pytorch_model.safetensors"),
        "text_encoder_sha256": sha256(place / "text_encoder/model.safetensors"),
    }
    recipe = params["text-recipe"]
    params["sd-recipe"] = recipe | {"network": network, "schedule": "stable-diffusion", "iterations": 0}
    params["sd"] = {"method": "text", "recipe": "sd-recipe", "autoencoder": "kl"}
    params["cfg"] = {"method": "cfg-ddim", "spacing": "ldm", "eta": 0.0, "scale": SCALE}
    params["grid"] = [{"models": ["sd"], "samplers": ["cfg"], "fixes": ["none"], "steps": [STEPS]}]
    for section, values in changes.items():
        params[section] = params[section] | values
    write_study(params)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of a Stable Diffusion folder, sampled."""
    study = with_published(tmp_path_factory.mktemp("stable-diffusion"))
    write_folder(study / "sd")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(study)
        # Nothing is looked up elsewhere.
        patch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("a look-up on the network"))
        configure(study / "sd")
        prepare.run()
        autoencoder.run("kl")
        train.run("sd")
        sample.run(CELL)
    return study


@pytest.fixture
def study(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(made)
    configure(made / "sd")
    return made


@torch.no_grad()
def pipeline_images(place: Path) -> torch.Tensor:
    """Images as diffusers' text-to-image pipeline makes them, on the noise and for the captions of the study."""
    unet = UNet2DConditionModel.from_pretrained(place / "unet").eval()
    text = CLIPTextModel.from_pretrained(place / "text_encoder").eval()
    vae = AutoencoderKL.from_pretrained(place / "vae").eval()
    tokenizer = CLIPTokenizer.from_pretrained(place / "tokenizer")
    scheduler = DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    )
    captions, labels = read_npz(DATASET, "captions")[0], block_labels(0, 0, N, 10, torch.device("cpu"))
    prompts = [""] * N + [str(captions[label]) for label in labels]
    ids = tokenizer(prompts, padding="max_length", truncation=True, return_tensors="pt").input_ids
    states = text(ids).last_hidden_state
    x = block_noise(0, 0, N, (4, 4, 4), torch.device("cpu"))() * scheduler.init_noise_sigma
    scheduler.set_timesteps(STEPS)
    for t in scheduler.timesteps:
        eps, told = unet(torch.cat([x, x]), t, states).sample.chunk(2)
        x = scheduler.step(eps + SCALE * (told - eps), t, x, eta=0.0).prev_sample
    return vae.decode(x / 0.18215).sample


def test_images_are_those_of_diffusers_own_loop(study: Path) -> None:
    """The same to 2e-5 of images in [-1, 1], float32 through 10 evaluations and the decoder; pixels by a level."""
    expected = pipeline_images(study / "sd")
    params, cell = read_params(), planned_cell(CELL)
    found = drawing(params, cell, load_model("sd", "text"), params.seed)({}, 0, N)
    assert float(expected.std()) > 0.1
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-5)
    written = read_npz(samples_path(CELL), "arr_0")[0].astype(int)
    pixels = ((expected + 1) * 127.5).clamp(0, 255).byte().permute(0, 2, 3, 1).numpy().astype(int)
    assert np.abs(written - pixels).max() <= 1
    assert (written != pixels).mean() < 0.01
    # The guidance matters, to far more than that.
    configure(study / "sd", cfg={"scale": 1.0})
    unguided = drawing(read_params(), cell, load_model("sd", "text"), params.seed)({}, 0, N)
    assert float((unguided - expected).abs().max()) > 1e-3


def test_the_model_file_holds_the_folders_weights(study: Path) -> None:
    tensors = load_file(model_path("sd"))
    for part, prefix in (("unet", "unet."), ("text_encoder", "text_encoder."), ("vae", "autoencoder.")):
        for name, weight in load_file(study / "sd" / part / WEIGHTS[part]).items():
            assert torch.equal(tensors[prefix + name], weight), name
    record = read_json(model_record_path("sd"))
    assert record["losses"] == []
    assert (record["training"]["iterations"], record["training"]["schedule"]) == (0, "stable-diffusion")


def test_training_goes_on_from_the_folders_weights(study: Path) -> None:
    before = model_path("sd").read_bytes()
    configure(study / "sd", **{"sd-recipe": {"iterations": 2, "batch_size": 16}})
    train.run("sd")
    moved = load_model("sd", "text").network.state_dict()
    configure(study / "sd")
    train.run("sd")
    assert model_path("sd").read_bytes() == before
    whole = load_model("sd", "text").network.state_dict()
    distance = sum(float((moved[name] - whole[name]).abs().sum()) for name in whole)
    assert 0 < distance < 0.01 * sum(float(weight.abs().sum()) for weight in whole.values())


def test_half_precision_weights_are_computed_with_in_single_precision(study: Path) -> None:
    place = study / "half"
    shutil.copytree(study / "sd", place)
    path = place / "unet/diffusion_pytorch_model.safetensors"
    save_file({name: weight.half() for name, weight in load_file(path).items()}, path, {"format": "pt"})
    configure(place)
    before = model_path("sd").read_bytes()
    train.run("sd")
    assert {weight.dtype for weight in load_file(model_path("sd")).values()} == {torch.float32}
    model_path("sd").write_bytes(before)


def scheduler(**changes: Any) -> Any:
    def edit(place: Path) -> None:
        (place / "scheduler/scheduler_config.json").write_text(json.dumps(SCHEDULER | changes))

    return edit


def damaged(name: str) -> Any:
    def edit(place: Path) -> None:
        path = place / name
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))

    return edit


def lacking(name: str) -> Any:
    return lambda place: (place / name).unlink()


def without_a_weight(place: Path) -> None:
    path = place / "unet/diffusion_pytorch_model.safetensors"
    weights = load_file(path)
    weights.pop("conv_in.weight")
    save_file(weights, path, {"format": "pt"})
    configure(place)


def pickled(place: Path) -> None:
    path = place / "unet/diffusion_pytorch_model.safetensors"
    torch.save(load_file(path), path.with_suffix(".bin"))
    path.unlink()


@pytest.mark.parametrize(
    ("command", "edit", "told"),
    [
        ("train sd", damaged("unet/diffusion_pytorch_model.safetensors"), "has sha256 .*, sd-recipe.network.unet_sha"),
        ("train sd", damaged("text_encoder/model.safetensors"), "sd-recipe.network.text_encoder_sha256 is"),
        ("autoencoder kl", damaged("vae/diffusion_pytorch_model.safetensors"), "kl.sha256 is"),
        ("train sd", pickled, "unet/diffusion_pytorch_model.safetensors: not found"),
        ("train sd", lacking("unet/config.json"), r"unet/config.json: cannot be read \(No such file or directory\)"),
        ("train sd", lacking("tokenizer/merges.txt"), "tokenizer: has no vocab.json and merges.txt"),
        ("train sd", without_a_weight, "1 weights missing or not of .*: conv_in.weight"),
        ("train sd", scheduler(prediction_type="sample"), "prediction_type is 'sample'; allowed is 'epsilon'"),
        ("train sd", scheduler(beta_schedule="linear"), "beta_schedule is 'linear'; allowed is 'scaled_linear'"),
        ("train sd", scheduler(beta_end=0.02), "beta_end is 0.02; allowed is 0.012"),
        ("train sd", scheduler(num_train_timesteps=500), "num_train_timesteps is 500; allowed is 1000"),
    ],
)
def test_a_folder_that_is_not_what_is_expected_is_refused_in_one_line(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, edit: Any, told: str
) -> None:
    place = tmp_path / "sd"
    shutil.copytree(study / "sd", place)
    configure(place)
    edit(place)
    kept = {path: path.read_bytes() for path in (model_path("sd"), autoencoder_path("kl"))}
    capsys.readouterr()
    assert main(command.split()) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith(f"{command.split()[0]}: ")]
    assert re.search(told, line), line
    assert all(path.read_bytes() == content for path, content in kept.items())


def as_published(place: Path) -> None:
    """Rename weights to those of the files that were published: older versions of the libraries wrote them."""
    path = place / "text_encoder/model.safetensors"
    weights = {f"text_model.{name}": weight for name, weight in load_file(path).items()}
    save_file(weights | {"text_model.embeddings.position_ids": torch.arange(77)[None]}, path, {"format": "pt"})
    path = place / "vae/diffusion_pytorch_model.safetensors"
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    weights = load_file(path)
    for name in [name for name in weights if ".attentions." in name]:
        renamed = name
        for new, before in old.items():
            renamed = renamed.replace(new, before)
        weights[renamed] = weights.pop(name)
    save_file(weights, path, {"format": "pt"})


def test_files_with_the_names_of_older_versions_give_the_same_model(study: Path, tmp_path: Path) -> None:
    shutil.copytree(study / "sd", tmp_path / "sd")
    as_published(tmp_path / "sd")
    kept = {path: load_file(path) for path in (model_path("sd"), autoencoder_path("kl"))}
    contents = {path: path.read_bytes() for path in kept}
    configure(tmp_path / "sd")
    autoencoder.run("kl")
    train.run("sd")
    for path, expected in kept.items():
        found = load_file(path)
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[name], weight) for name, weight in expected.items())
        path.write_bytes(contents[path])


@torch.no_grad()
def test_latents_are_means_times_the_folders_factor(study: Path) -> None:
    x0 = torch.from_numpy(read_npz(DATASET, "images")[0][:4]).permute(0, 3, 1, 2).float() / 127.5 - 1
    first = load_autoencoder("kl", "kl")
    vae = AutoencoderKL.from_pretrained(study / "sd/vae").eval()
    expected = 0.18215 * vae.encode(x0).latent_dist.mean
    torch.testing.assert_close(first.encode(x0), expected)
    torch.testing.assert_close(first.decode(expected), vae.decode(expected / 0.18215).sample)
    assert read_json(autoencoder_record_path("kl"))["scale"] == 0.18215


@pytest.mark.parametrize(
    ("command", "channels", "told"),
    [
        (
            "autoencoder kl",
            {"vae": 3},
            "images of 8x8x1; the autoencoder of .* takes 3 channels and sides that 2 divides",
        ),
        (
            "train sd",
            {"unet": 8},
            "4x4x4 images or latents; the U-Net of .* takes 8 channels and squares of a size that 2",
        ),
    ],
)
def test_data_that_does_not_fit_is_refused(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, channels: dict[str, int], told: str
) -> None:
    write_folder(tmp_path / "sd", **channels)
    configure(tmp_path / "sd")
    assert main(command.split()) == 2
    assert re.search(told, capsys.readouterr().err)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"schedule": "linear"}, "schedule: linear; network.method: stable-diffusion takes stable-diffusion"),
        (
            {"network": None, "schedule": "linear"},
            "iterations: 0; allowed are 1 and more, 0 with a network that has pretrained weights",
        ),
    ],
)
def test_recipes_that_cannot_be_are_refused(study: Path, changes: dict[str, Any], told: str) -> None:
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["sd-recipe"] |= changes | ({"network": params["ldm-recipe"]["network"]} if "network" in changes else {})
    with pytest.raises(ParamsFault, match=told):
        parse_params(params)

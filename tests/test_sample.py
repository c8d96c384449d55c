"""Sampling a cell: exact counts, reproducibility grades, resume, refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from stages import moments, prepare, sample, train
from stages.__main__ import main
from stages.config.errors import InputError
from stages.config.method_settings import SamplerSettings
from stages.config.params import read_params
from stages.methods.samplers import ddim, ddpm
from stages.sampling import draw
from stages.sampling.denoiser import to_uint8
from stages.sampling.inputs import INPUTS
from stages.store.files import read_json, read_npz, read_tensors, sha256, write_npz, write_tensors
from stages.store.images import read_preview
from stages.store.models import load_model
from stages.store.paths import (
    DATASET,
    model_path,
    moments_path,
    moments_record_path,
    preview_path,
    sample_record_path,
    samples_path,
)
from stages.store.records import MomentsRecord, read_record
from tests.toy import toy_params, write_study

SAMPLERS = (
    "ddpm",
    "ddpm-from-data",
    "ddim",
    "ddim-quadratic",
    "ddim-one",
    "ddim-clipped",
    "s-pndm",
    "f-pndm",
    "dpm-solver-2",
    "deis",
    "analytic-ddim",
)
FIXES = ("none", "es", "es-linear", "ts")
# DEIS goes along its grid alone, so it takes no fix that moves where its steps lead.
FIXES_OF = {sampler: tuple(fix for fix in FIXES if (sampler, fix) != ("deis", "ts")) for sampler in SAMPLERS}
# The cosine schedule of "adm" ends where these explode, so the plan refuses their grids there.
MODEL_OF = {sampler: "adm-linear" if sampler in ("dpm-solver-2", "deis") else "adm" for sampler in SAMPLERS}
CELLS = [f"{MODEL_OF[sampler]}-{sampler}-{fix}-5" for sampler, fixes in FIXES_OF.items() for fix in fixes]


@pytest.fixture
def trained(project: Path) -> Path:
    configure()
    prepare.run()
    train.run("adm")
    moments.run("adm")
    return project


def configure(batch_size: int = 40, **changes) -> None:
    params = toy_params()
    params["grid"] = [
        {"models": [MODEL_OF[sampler]], "samplers": [sampler], "fixes": list(fixes), "steps": [5]}
        for sampler, fixes in FIXES_OF.items()
    ]
    params["runtime"]["batch_size"] = batch_size
    params["adm-recipe"] |= {"iterations": 60, "lr": 2e-3, "warmup": 10}
    params["adm-linear-recipe"] = params["adm-recipe"] | {"schedule": "linear"}
    params["adm-linear"] = params["adm"] | {"recipe": "adm-linear-recipe"}
    for section, values in changes.items():
        params[section] = params[section] | values if isinstance(values, dict) else values
    write_study(params)


def images(cell: str) -> np.ndarray:
    sample.run(cell)
    return read_npz(samples_path(cell), "arr_0")[0]


@pytest.mark.parametrize("cell", CELLS)
def test_every_sampler_with_every_fix_writes_exactly_n_images(trained: Path, cell: str) -> None:
    if cell.startswith("adm-linear"):
        train.run("adm-linear")
    found = images(cell)
    assert found.shape == (60, 8, 8, 1)
    assert found.dtype == np.uint8
    record = read_json(sample_record_path(cell))
    assert record["nfe"] == 5 + {"s-pndm": 0, "f-pndm": 8}.get(record["sampler"], 0)
    assert record["n"] == 60
    assert np.array_equal(read_preview(preview_path(cell)), found[:50])
    assert not list(Path(".scratch").glob("sample-*"))


def test_images_of_a_sampler_from_data_are_near_to_these_and_repeat_them(trained: Path) -> None:
    """Five steps from t = 4 hardly move an image: at most 8 levels in the mean of 60 x 64 pixels."""
    (real,) = read_npz(DATASET, "images")
    distance = np.abs(images("adm-ddpm-from-data-none-5").astype(int) - real[:60])
    assert 0 < distance.mean() < 8
    given = INPUTS["images"].read("adm", load_model("adm", "adm"), 0, read_params().sample)(1790, 1800)["images"]
    expected = torch.from_numpy(real[[*range(1790, 1797), 0, 1, 2]]).permute(0, 3, 1, 2).float() / 127.5 - 1
    assert torch.equal(given, expected)


def test_moments_are_of_the_model_and_told_by_their_record(trained: Path) -> None:
    (power,) = read_npz(moments_path("adm"), "eps_power")
    assert power.shape == (1000,)
    assert power.min() > 0
    record = read_record(moments_record_path("adm"), MomentsRecord)
    assert (record.model_sha256, record.sha256) == (sha256(model_path("adm")), sha256(moments_path("adm")))
    assert (record.images, record.seed) == (4, 0)
    before = moments_path("adm").read_bytes()
    moments.run("adm")
    assert moments_path("adm").read_bytes() == before


def test_neutral_fixes_write_the_images_of_none(trained: Path) -> None:
    train.run("adm-linear")
    configure(es={"b": 1.0}, ts={"window": 0, "update_time": "shifted", "cutoff_on": "next"})
    for sampler, fixes in FIXES_OF.items():
        base = images(f"{MODEL_OF[sampler]}-{sampler}-none-5")
        for fix in {"es", "ts"} & set(fixes):
            assert np.array_equal(images(f"{MODEL_OF[sampler]}-{sampler}-{fix}-5"), base)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_a_lower_precision_gives_nearly_the_same_images_and_says_so(trained: Path, precision: str) -> None:
    """bf16 has 8 bits of a number's fraction, fp16 11: errors of 0.4 % and less, of 255 levels about one."""
    base = images("adm-ddim-none-5").astype(int)
    configure(sample={"precision": precision})
    found = images("adm-ddim-none-5").astype(int)
    assert 0 < np.abs(found - base).mean() < 1.5
    assert read_json(sample_record_path("adm-ddim-none-5"))["precision"] == precision


def test_every_value_of_a_section_reaches_the_sampler(trained: Path) -> None:
    changes = [
        ("adm-ddpm-none-5", "ddpm", "variance", "large"),
        ("adm-ddpm-none-5", "ddpm", "spacing", "uniform"),
        ("adm-ddim-none-5", "ddim", "eta", 1.0),
        ("adm-ddim-none-5", "ddim", "clip", True),
        ("adm-ddim-none-5", "ddim", "spacing", "ts-dpm"),
        ("adm-ddim-none-5", "ddim", "spacing", "pndm"),
        ("adm-ddim-clipped-none-5", "ddim-clipped", "eta", 1.0),
        ("adm-s-pndm-none-5", "s-pndm", "spacing", "quadratic"),
        ("adm-s-pndm-none-5", "s-pndm", "order", 4),
        ("adm-ddim-es-5", "es", "b", 1.1),
        ("adm-ddim-es-linear-5", "es-linear", "k", 0.05),
        ("adm-ddim-ts-5", "ts", "window", 120),
        ("adm-ddim-ts-5", "ts", "cutoff", 700),
        ("adm-ddim-ts-5", "ts", "update_time", "shifted"),
        ("adm-ddim-ts-5", "ts", "cutoff_on", "next"),
    ]
    base = {cell: images(cell) for cell, *_ in changes}
    for cell, section, key, value in changes:
        # At 600 the step from 600 to 400 is the one that "next" tells apart from "current".
        cutoff = {"cutoff": 400} if key == "cutoff_on" else {}
        if cutoff:
            configure(**{section: cutoff})
        before = images(cell) if cutoff else base[cell]
        configure(**{section: cutoff | {key: value}})
        assert not np.array_equal(images(cell), before), (section, key)
        configure()
    configure(**{"es-linear": {"k": 0.0, "b": toy_params()["es"]["b"]}})
    assert np.array_equal(images("adm-ddim-es-linear-5"), base["adm-ddim-es-5"])


def test_two_settings_of_one_method_stand_side_by_side(trained: Path) -> None:
    params = toy_params()
    params["es-strong"] = params["es"] | {"b": 1.1}
    params["grid"] = {"models": ["adm"], "samplers": ["ddim"], "fixes": ["es", "es-strong"], "steps": [5]}
    write_study(params)
    weak, strong = images("adm-ddim-es-5"), images("adm-ddim-es-strong-5")
    assert not np.array_equal(weak, strong)
    found = [read_json(sample_record_path(f"adm-ddim-{fix}-5"))["fix_params"]["b"] for fix in ("es", "es-strong")]
    assert found == [1.017, 1.1]


def test_grades_of_reproducibility(trained: Path) -> None:
    """Bitwise at equal batch size; across batch sizes a float's rounding may move a pixel across a level.

    TS may also pick another time where two fit almost equally; its images are compared by share alone.
    """
    for fix, share in (("none", 0.005), ("es", 0.005), ("ts", 0.05)):
        cell = f"adm-ddpm-{fix}-5"
        configure(batch_size=40)
        first = images(cell)
        assert np.array_equal(images(cell), first)
        configure(batch_size=23)
        other = images(cell)
        differs = other != first
        assert differs.mean() <= share
        if fix != "ts":
            assert np.abs(other.astype(int) - first.astype(int)).max() <= 1


def replaced(monkeypatch: pytest.MonkeyPatch, sampler, evaluations: int = 0) -> None:
    """Every sampler becomes ``sampler``, with settings that promise so many evaluations of the network."""
    monkeypatch.setattr(ddim, "sample", sampler)
    monkeypatch.setattr(ddpm, "sample", sampler)
    monkeypatch.setattr(SamplerSettings, "nfe", lambda self, times: evaluations)


def test_cells_share_their_noise_and_seeds_do_not(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    starts = []

    def spy(denoiser, x, **options):
        starts.append(x)
        return x

    replaced(monkeypatch, spy)
    for sampler in ("ddpm", "ddim"):
        sample.run(f"adm-{sampler}-none-5")
    configure(seed=1)
    sample.run("adm-ddim-none-5")
    first, second, other_seed = (torch.cat(starts[i : i + 2]) for i in (0, 2, 4))
    assert torch.equal(first, second)
    assert not torch.equal(first, other_seed)


def test_a_killed_run_resumes_from_its_finished_batches(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cell = "adm-ddim-none-5"
    expected = images(cell)
    samples_path(cell).unlink()
    calls, real = [], draw.block_noise

    def interrupted(seed, start, *rest):
        calls.append(start)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(seed, start, *rest)

    monkeypatch.setattr(draw, "block_noise", interrupted)
    with pytest.raises(KeyboardInterrupt):
        sample.run(cell)
    assert not samples_path(cell).exists()
    assert np.array_equal(images(cell), expected)
    assert calls == [0, 40, 40], "the first batch was not drawn again"


@pytest.mark.parametrize("damage", ["half", "flip", "other"])
def test_a_damaged_batch_of_a_killed_run_is_drawn_again(trained: Path, monkeypatch, capsys, damage: str) -> None:
    cell = "adm-ddim-none-5"
    expected, real = images(cell), draw.block_noise
    samples_path(cell).unlink()

    def interrupted(seed, start, *rest):
        if start:
            raise KeyboardInterrupt
        return real(seed, start, *rest)

    monkeypatch.setattr(draw, "block_noise", interrupted)
    with pytest.raises(KeyboardInterrupt):
        sample.run(cell)
    monkeypatch.setattr(draw, "block_noise", real)
    (part,) = Path(".scratch").glob("*/*.npz")
    content = part.read_bytes()
    middle = len(content) // 2
    if damage == "other":
        write_npz(part, arr_0=expected[:39])
    else:
        flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        part.write_bytes(content[:middle] if damage == "half" else flipped)
    assert np.array_equal(images(cell), expected)
    assert ("drawn again" in capsys.readouterr().err) == (damage != "other")


def test_more_images_than_the_disk_holds_are_refused(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configure(sample={"n": 10**12})
    assert main(["sample", "adm-ddim-none-5"]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("sample: sample.n: 1,000,000,000,000 images need 128,000.0 GB of disk; ")


def test_a_sampler_that_evaluates_too_often_is_an_internal_fault(trained: Path, monkeypatch) -> None:
    monkeypatch.setattr(SamplerSettings, "nfe", lambda self, times: times + 1)
    with pytest.raises(RuntimeError, match="5 network evaluations, expected 6"):
        sample.run("adm-ddim-none-5")


def test_a_sampler_may_take_gradients(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As guidance does: the network is differentiated inside the sampler."""

    def guided(denoiser, x, **options):
        with torch.enable_grad():
            leaf = x.clone().requires_grad_()
            (gradient,) = torch.autograd.grad(denoiser(leaf, torch.full((len(x),), 500))[0].square().sum(), leaf)
        assert gradient.abs().sum() > 0
        return x.clamp(-1, 1)

    replaced(monkeypatch, guided, evaluations=1)
    assert images("adm-ddim-none-5").shape == (60, 8, 8, 1)


def test_refusals_write_nothing(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = Path("data/models/adm.safetensors")
    content = model.read_bytes()

    def message(cell: str = "adm-ddim-none-5") -> str:
        assert main(["sample", cell]) == 2
        assert not Path("data/samples").exists()
        return capsys.readouterr().err.splitlines()[-1]

    assert "cells.json: has no cell 'adm-ddim-none-6'; see python -m stages plan" in message("adm-ddim-none-6")
    model.unlink()
    assert "data/models/adm.safetensors: not found; run dvc repro" in message()
    model.write_bytes(content)
    tensors, config = read_tensors(model)
    write_tensors(model, tensors, config | {"model": "adn"})
    assert "holds the model 'adn', not 'adm'" in message()
    write_tensors(model, tensors, config | {"network": config["network"] | {"module": "adn"}})
    assert "holds the network 'adn', not 'adm'" in message()
    for network, told in (({"module": "adm"}, "do not fit the configuration"), ({}, "do not fit the configuration")):
        write_tensors(model, tensors, config | {"network": network})
        assert told in message()
    for before, after in (
        (b'\\"res_blocks\\": 1', b'\\"res_blocks\\": 2'),
        (b'\\"head_channels\\": 16', b'\\"head_channels\\": 48'),
        (b'\\"schedule\\": \\"cosine\\"', b'\\"schedule\\": \\"cosinx\\"'),
        (b'\\"network\\": {', b'\\"netwerk\\": {'),
    ):
        assert before in content
        model.write_bytes(content.replace(before, after))
        assert "data/models/adm.safetensors: edited or damaged; delete it and run dvc repro" in message()
    model.write_bytes(content[: len(content) // 2])
    assert "not a model file of this project" in message()


def test_images_that_are_not_finite_are_refused(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replaced(monkeypatch, lambda denoiser, x, **options: x / 0)
    with pytest.raises(InputError, match="images 0 to 39 are not finite"):
        sample.run("adm-ddim-none-5")
    assert not Path("data/samples").exists()


def test_conversion_truncates_like_the_adm_evaluator() -> None:
    x = torch.tensor([-2.0, -1.0, 0.0, 0.999, 1.0, 7.0]).reshape(6, 1, 1, 1)
    assert to_uint8(x).flatten().tolist() == [0, 0, 127, 254, 255, 255]

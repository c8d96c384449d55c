"""Text to image on digits: the model, classifier-free guidance with every fix, and what does not go together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from stages import prepare, sample, train
from stages.__main__ import main
from stages.diffusion.block_noise import block_labels, block_noise
from stages.diffusion.chain import Chain
from stages.methods.samplers import ddim
from stages.sampling.denoiser import denoiser, to_uint8
from stages.sampling.fix import Fix
from stages.sampling.sampler_grid import time_grid
from stages.store.files import read_json, read_npz, read_tensors, write_npz
from stages.store.models import TrainedModel, load_model
from stages.store.paths import DATASET, model_path, sample_record_path, samples_path
from tests.reporting.results.studies import cells_of, planned, put, rows_of
from tests.toy import toy_params, with_published, write_study

CPU = torch.device("cpu")
CFG, DDIM = "text-ddim-cfg-none-5", "text-ddim-none-5"


def configure(batch_size: int = 60, **changes: dict[str, Any]) -> None:
    params = toy_params()
    params["grid"] = [
        {"models": ["text"], "samplers": ["ddim-cfg", "ddim"], "fixes": ["none", "es", "ts"], "steps": [5]}
    ]
    params["runtime"]["batch_size"] = batch_size
    params["text-recipe"] |= {"iterations": 40, "batch_size": 32, "lr": 0.003, "warmup": 5, "ema": 0.9}
    params["text-recipe"]["network"] |= {"multipliers": [1], "attention_sizes": [8]}
    for section, values in changes.items():
        params[section] = params[section] | values
    write_study(params)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a trained text-conditional model."""
    made = with_published(tmp_path_factory.mktemp("text"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(made)
        configure()
        prepare.run()
        train.run("text")
    return made


@pytest.fixture
def text(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(folder)
    configure()
    return folder


def images(cell: str) -> np.ndarray:
    sample.run(cell)
    return read_npz(samples_path(cell), "arr_0")[0]


def test_the_model_file_holds_the_captions_and_numbers_alone(text: Path) -> None:
    tensors, config = read_tensors(model_path("text"))
    assert all(tensor.is_floating_point() for tensor in tensors.values())
    sizes = config["network"]["arguments"]
    assert len(sizes["captions"]) == 11
    assert {len(ids) for ids in sizes["captions"]} == {5}
    model = load_model("text", "text")
    assert (model.classes, model.shape, model.predicts_variance) == (10, (1, 8, 8), False)


@torch.no_grad()
def drawn(model: TrainedModel, labels: torch.Tensor) -> np.ndarray:
    """The images of labels by DDIM, from the noise of the first of the study."""
    noise = block_noise(0, 0, len(labels), model.shape, CPU)
    told = denoiser(model.network, False, "fp32", lambda _: None, labels)
    return to_uint8(ddim.sample(told, noise(), Chain(model.schedule, time_grid("uniform", 5)), Fix(), noise))


def test_images_are_of_the_captions_that_their_blocks_draw(text: Path) -> None:
    model, labels = load_model("text", "text"), block_labels(0, 0, 60, 10, CPU)
    found = images(DDIM)
    assert np.array_equal(drawn(model, labels), found)
    for other in ((labels + 3) % 10, torch.full_like(labels, 10)):
        changed = (drawn(model, other) != found).any((1, 2, 3))
        assert changed.all(), "the same noise, another caption, another image"


def test_nfe_counts_both_predictions(text: Path) -> None:
    found = images(CFG)
    assert found.shape == (60, 8, 8, 1)
    record = read_json(sample_record_path(CFG))
    assert (record["nfe"], record["timesteps"]) == (10, [0, 200, 400, 600, 800])
    assert record["sampler_params"] == {"method": "cfg-ddim", "spacing": "uniform", "eta": 0.0, "scale": 1.5}


def test_scale_1_is_ddim_of_the_conditional_model_bit_for_bit(text: Path) -> None:
    configure(**{"ddim-cfg": {"scale": 1.0}})
    conditional = images(DDIM)
    assert np.array_equal(images(CFG), conditional)
    configure(**{"ddim-cfg": {"scale": 0.0}})
    unconditional = images(CFG)
    assert not np.array_equal(unconditional, conditional)
    configure(**{"ddim-cfg": {"scale": 3.0}})
    assert not np.array_equal(images(CFG), conditional)


def test_neutral_fixes_write_the_images_of_none_and_others_do_not(text: Path) -> None:
    base = images(CFG)
    for es, ts, same in ((1.0, 0, True), (1.05, 100, False)):
        configure(es={"b": es}, ts={"window": ts})
        for fix in ("es", "ts"):
            assert np.array_equal(images(f"text-ddim-cfg-{fix}-5"), base) == same


@pytest.mark.parametrize("cell", [CFG, "text-ddim-cfg-ts-5"])
def test_an_images_caption_is_the_same_in_every_batch(text: Path, cell: str) -> None:
    found = images(cell)
    configure(batch_size=17)
    assert (images(cell).astype(int) != found).mean() <= (0.05 if "-ts-" in cell else 0.005)


def grid(model: str, sampler: str) -> list[dict[str, Any]]:
    return [{"models": [model], "samplers": [sampler], "fixes": ["none"], "steps": [5]}]


@pytest.mark.parametrize(
    ("model", "sampler", "told"),
    [
        ("text", "ddim-guided", "takes a classifier of noised images, and text is text-conditional"),
        ("text", "analytic-ddim", "takes moments of the model's predictions, and text is text-conditional"),
        ("text", "ddpm-from-data", "takes images of the data set, and text is text-conditional"),
        ("ddpm-net", "ddim-cfg", "needs a text-conditional model, which ddpm-net is not"),
        ("adm-class", "ddim-cfg", "needs a text-conditional model, which adm-class is not"),
    ],
)
def test_what_does_not_go_together_is_refused(model: str, sampler: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        planned(put("grid", grid(model, sampler)), put("ddpm-from-data/variance", "small"))


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"captions": np.array(["one", "two"])}, "labels 0 to 9; the captions allow 0 to 1"),
        (
            {"captions": np.array([], dtype="<U3")},
            "no captions; a text-conditional network needs one for each label",
        ),
        ({"labels": np.zeros(5, np.int64)}, "5 labels of 1797 images; each needs one"),
    ],
)
def test_data_without_captions_for_the_labels_is_refused_in_one_line(
    text: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys, arrays: dict[str, np.ndarray], told: str
) -> None:
    names = ("images", "labels", "captions")
    whole = dict(zip(names, read_npz(DATASET, *names), strict=True))
    monkeypatch.chdir(tmp_path)
    with_published(tmp_path)
    configure()
    write_npz(DATASET, **whole | arrays)
    assert main(["train", "text"]) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("train: ")]
    assert line == f"train: {DATASET}: {told}"
    assert not model_path("text").exists()


def test_the_published_table_gets_its_cells() -> None:
    plan = planned()
    assert len(rows_of(plan, "ts-10")) == 4
    found = {(c.model, c.sampler, c.fix, c.steps, c.network) for c in cells_of(plan, "ts-10")}
    assert found == {("text", "ddim-cfg", fix, n, "text") for fix in ("none", "ts") for n in (10, 20)}
    assert "text" not in plan.stages.diagnose
    reasons = {row.reason for row in rows_of(planned(put("ts/window", "tuned")), "ts-10", fix="ts")}
    assert reasons == {"ts.window is tuned: no search yet; run python -m stages search"}
    untold = planned(put("ddim-cfg/eta", 0.5))
    assert {row.reason for row in rows_of(untold, "ts-10")} == {
        "no section of params.yaml has sampler ddim, eta 0, classifier-free guidance"
    }

"""Class-conditional models and their guides from training to images, and what they refuse."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from stages import guide, prepare, sample, train
from stages.__main__ import main
from stages.config.errors import InputError
from stages.config.params import read_params
from stages.diffusion.block_noise import block_labels, image_labels
from stages.plan.plan_file import planned_cell, read_plan
from stages.sampling.draw import drawing
from stages.sampling.inputs import INPUTS
from stages.store.files import read_json, read_npz, read_tensors, write_npz, write_tensors
from stages.store.models import load_classifier, load_model
from stages.store.paths import DATASET, guide_path, guide_record_path, model_path, sample_record_path, samples_path
from tests.toy import toy_params, with_published, write_params, write_study

SAMPLERS = ["ddpm", "ddim-clipped", "ddpm-guided", "ddim-guided"]
GUIDED = ["adm-class-ddpm-guided-none-5", "adm-class-ddim-guided-es-5", "adm-class-ddim-guided-ts-5"]


def configure(changes: dict[str, dict[str, Any]] | None = None, batch_size: int = 40) -> None:
    params = toy_params()
    params["grid"] = [{"models": ["adm-class"], "samplers": SAMPLERS, "fixes": ["none", "es", "ts"], "steps": [5]}]
    params["runtime"]["batch_size"] = batch_size
    recipe = params["adm-class-recipe"]
    recipe |= {"iterations": 40, "batch_size": 16, "lr": 2e-3, "warmup": 5}
    recipe["network"] |= {"multipliers": [1], "attention_sizes": []}
    params["guide"] |= {"multipliers": [1], "attention_sizes": [], "iterations": 40, "batch_size": 32}
    for section, values in (changes or {}).items():
        params[section] |= values
    write_study(params)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a toy study of a class-conditional model, entered."""
    monkeypatch.chdir(tmp_path)
    with_published(tmp_path)
    configure()
    return tmp_path


@pytest.fixture
def trained(project: Path) -> Path:
    configure()
    prepare.run()
    train.run("adm-class")
    guide.run("adm-class")
    return project


def images(cell: str) -> np.ndarray:
    sample.run(cell)
    return read_npz(samples_path(cell), "arr_0")[0]


def test_a_network_is_told_the_labels_and_learns_from_them(trained: Path) -> None:
    tensors, _ = read_tensors(model_path("adm-class"))
    assert tensors["label_emb.weight"].shape == (10, 128)
    model = load_model("adm-class", "adm")
    assert model.classes == 10
    x, times = torch.randn(2, 1, 8, 8), torch.tensor([500, 500])
    outputs = [model.network(x, times, torch.tensor([k, k])) for k in (0, 7)]
    assert not torch.allclose(*outputs)


def test_the_guide_learns_and_tells_its_accuracy_by_noise(trained: Path) -> None:
    configure({"guide": {"iterations": 250}})
    guide.run("adm-class")
    record = read_json(guide_record_path("adm-class"))
    assert list(record["accuracy"]) == ["0", "100", "250", "500", "750"]
    assert (record["n_test"], record["n_train"]) == (359, 1438)
    # Ten equal classes: chance is 0.1, with a standard error of 0.016.
    assert record["accuracy"]["0"] > 0.3
    before = guide_path("adm-class").read_bytes()
    guide.run("adm-class")
    assert guide_path("adm-class").read_bytes() == before


@pytest.mark.parametrize("cell", GUIDED)
def test_guided_cells_with_every_fix_are_the_same_in_every_batch(trained: Path, cell: str) -> None:
    found = images(cell)
    assert found.shape == (60, 8, 8, 1)
    configure(batch_size=17)
    other = images(cell).astype(int)
    limit = 0.05 if "-ts-" in cell else 0.005
    assert (other != found).mean() <= limit


def test_guidance_of_scale_0_is_the_unguided_cell_and_of_another_is_not(trained: Path) -> None:
    configure({"ddpm-guided": {"scale": 0.0}, "ddim-guided": {"scale": 0.0}})
    for sampler in ("ddpm", "ddim"):
        plain = images(f"adm-class-{sampler}{'-clipped' if sampler == 'ddim' else ''}-none-5")
        assert np.array_equal(images(f"adm-class-{sampler}-guided-none-5"), plain)
    configure({"ddim-guided": {"scale": 3.0}})
    assert not np.array_equal(images("adm-class-ddim-guided-none-5"), plain)


@pytest.mark.parametrize("chosen", ["random", "balanced", [7, 2, 4]])
def test_the_guide_and_the_network_are_asked_for_the_same_labels(trained: Path, chosen: Any) -> None:
    """The gradient of the guide is that of the labels that the network is conditioned on, in every run of images."""
    configure({"sample": {"labels": chosen}})
    params, cell = read_params(), planned_cell(GUIDED[0])
    model, (network, _) = load_model("adm-class", "adm"), load_classifier("adm-class")
    inputs = INPUTS["guide"].read(cell.model, model, params.seed, params.sample)
    labels = image_labels(chosen, params.seed, 30, 50, model.classes, torch.device("cpu"))
    x, times = torch.randn(20, 1, 8, 8, requires_grad=True), torch.full((20,), 100)
    chosen = network(x, times).log_softmax(1)[torch.arange(20), labels]
    (expected,) = torch.autograd.grad(chosen.sum(), x)
    found = inputs(30, 50)["guide"]
    torch.testing.assert_close(found(x, times), expected)


@pytest.mark.parametrize(("chosen", "classes"), [("random", None), ("balanced", range(10)), ([7, 2, 4], (7, 2, 4))])
def test_a_cell_is_drawn_of_the_labels_that_its_record_tells(
    trained: Path, monkeypatch: pytest.MonkeyPatch, chosen: Any, classes: Any
) -> None:
    configure({"sample": {"labels": chosen}}, batch_size=17)
    model = load_model("adm-class", "adm")
    told = []
    model.network.register_forward_pre_hook(lambda _, inputs: told.append(inputs[2]))
    monkeypatch.setattr(sample, "load_model", lambda *_: model)
    sample.run("adm-class-ddpm-none-5")
    # Four batches of five steps each.
    found = torch.cat(told[::5])
    if classes is None:
        assert torch.equal(found, block_labels(0, 0, 60, 10, torch.device("cpu")))
    else:
        assert found.tolist() == (list(classes) * 20)[:60]
    assert read_json(sample_record_path("adm-class-ddpm-none-5"))["labels"] == chosen


def test_a_label_that_the_classifier_does_not_know_is_refused_before_sampling(project: Path) -> None:
    params = toy_params()
    params["grid"] = [{"models": ["adm"], "samplers": ["ddim-guided"], "fixes": ["none"], "steps": [5]}]
    params["sample"]["labels"] = [0, 10]
    write_study(params)
    prepare.run()
    train.run("adm")
    guide.run("adm")
    with pytest.raises(InputError, match=r"sample.labels: 10; the classes here are 0 to 9"):
        images("adm-ddim-guided-none-5")


def test_searches_draw_guided_cells(trained: Path) -> None:
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["es"]["b"] = "tuned"
    write_params(params)
    plan = read_plan(
        tuned={
            "adm-class-ddim-guided-es-5": {"b": 1.0},
            "adm-class-ddpm-guided-es-5": {"b": 1.0},
            "adm-class-ddpm-es-5": {"b": 1.0},
            "adm-class-ddim-clipped-es-5": {"b": 1.0},
        }
    )
    cell, params = plan.stages.sample["adm-class-ddim-guided-es-5"], read_params()
    draw = drawing(params, cell, load_model(cell.model, cell.network), params.search.seed)
    first, again, other = (draw({"b": b}, 0, 20) for b in (1.0, 1.0, 1.1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_only_models_that_are_guided_get_a_guide(project: Path) -> None:
    configure()
    assert list(read_plan().stages.guide) == ["adm-class"]
    params = toy_params()
    params["grid"] = [{"models": ["adm", "adm-class"], "samplers": ["ddpm"], "fixes": ["none"], "steps": [5]}]
    write_study(params)
    assert read_plan().stages.guide == {}


def test_a_model_without_classes_is_guided_to_labels_all_the_same(project: Path) -> None:
    params = toy_params()
    params["grid"] = [{"models": ["adm"], "samplers": ["ddim-guided"], "fixes": ["none"], "steps": [5]}]
    params["guide"] |= {"multipliers": [1], "attention_sizes": [], "iterations": 4}
    write_study(params)
    prepare.run()
    train.run("adm")
    guide.run("adm")
    assert images("adm-ddim-guided-none-5").shape == (60, 8, 8, 1)


@pytest.mark.parametrize(("sampler", "told"), [("analytic-ddim", "moments"), ("ddpm-from-data", "images")])
def test_what_has_no_labels_is_refused_for_a_conditional_model(project: Path, sampler: str, told: str) -> None:
    params = toy_params()
    params["grid"] = [{"models": ["adm-class"], "samplers": [sampler], "fixes": ["none"], "steps": [5]}]
    with pytest.raises(InputError, match=f"{sampler} takes {told} of .*, and adm-class is class-conditional"):
        write_study(params)


def faulty_labels(labels: np.ndarray) -> None:
    (pixels,) = read_npz(DATASET, "images")
    write_npz(DATASET, images=pixels, labels=labels)


@pytest.mark.parametrize("stage", ["train", "guide"])
@pytest.mark.parametrize(
    ("labels", "told"),
    [
        (np.arange(1797) % 11, "labels 0 to 10; .*adm-class-recipe.network.classes = 10"),
        (np.arange(1797) % 10 - 1, "labels -1 to 8"),
        (np.zeros(0, np.int64), "0 labels of 1797 images"),
    ],
)
def test_labels_that_are_missing_or_beyond_the_classes_are_refused(
    project: Path, capsys: pytest.CaptureFixture[str], stage: str, labels: np.ndarray, told: str
) -> None:
    configure()
    prepare.run()
    faulty_labels(labels)
    capsys.readouterr()
    assert main([stage, "adm-class"]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert str(DATASET) in error
    assert re.search(told, error)


def test_a_guide_that_is_missing_or_of_another_model_or_of_other_classes_is_refused(trained: Path) -> None:
    tensors, config = read_tensors(guide_path("adm-class"))
    write_tensors(guide_path("adm-class"), tensors, config | {"model": "adm"})
    with pytest.raises(InputError, match="holds the model 'adm', not 'adm-class'"):
        sample.run(GUIDED[0])
    cut = {n: t[:4].clone() if n.startswith("out.2.c_proj") else t for n, t in tensors.items()}
    write_tensors(guide_path("adm-class"), cut, config | {"arguments": config["arguments"] | {"classes": 4}})
    with pytest.raises(InputError, match="a classifier of 4 classes, adm-class has 10"):
        sample.run(GUIDED[0])
    guide_path("adm-class").unlink()
    with pytest.raises(InputError, match=r"adm-class\.safetensors"):
        sample.run(GUIDED[0])


def test_a_guide_whose_loss_is_no_number_is_not_written(project: Path) -> None:
    configure({"guide": {"lr": 1e30}})
    prepare.run()
    with pytest.raises(InputError, match=r"the loss at iteration 39 is .*lower guide.lr"):
        guide.run("adm-class")
    assert not guide_path("adm-class").exists()

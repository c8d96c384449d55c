"""Sampling a cell: exact counts, reproducibility grades, resume, refusals."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from stages import prepare, sample, train
from stages.__main__ import main
from stages.files import InputError, read_json, read_npz
from stages.layout import Cell
from tests.toy import toy_params, write_params

CELLS = [Cell("adm", sampler, fix, 5) for sampler in sample.SAMPLERS for fix in ("none", "es", "es-linear", "ts")]


@pytest.fixture
def trained(project: Path) -> Path:
    configure()
    prepare.run()
    train.run("adm")
    return project


def configure(batch_size: int = 40, **changes) -> None:
    params = toy_params()
    params["grid"] |= {"models": ["adm"], "samplers": list(sample.SAMPLERS), "steps": [5]}
    params["runtime"]["batch_size"] = batch_size
    params["train"] |= {"iterations": 60, "lr": 2e-3, "warmup": 10}
    write_params(params | changes)


def images(cell: Cell) -> np.ndarray:
    sample.run(*cell)
    return read_npz(cell.samples, "arr_0")[0]


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.key)
def test_every_sampler_with_every_fix_writes_exactly_n_images(trained: Path, cell: Cell) -> None:
    found = images(cell)
    assert found.shape == (60, 8, 8, 1)
    assert found.dtype == np.uint8
    record = read_json(cell.samples.with_suffix(".json"))
    assert record["nfe"] == 5 + {"s-pndm": 1, "f-pndm": 9}.get(cell.sampler, 0)
    assert record["n"] == 60
    preview = Image.open(io.BytesIO(cell.samples.with_suffix(".png").read_bytes()))
    assert preview.size == (80, 40)
    assert np.array_equal(np.asarray(preview)[:8, 8:16], found[1, :, :, 0])
    assert not list(Path(".scratch").glob("*"))


def test_neutral_fixes_write_the_images_of_none(trained: Path) -> None:
    configure(es={"b": 1.0}, ts={"window": 0, "cutoff": 300, "update_time": "shifted", "cutoff_on": "next"})
    for sampler in sample.SAMPLERS:
        base = images(Cell("adm", sampler, "none", 5))
        assert np.array_equal(images(Cell("adm", sampler, "es", 5)), base)
        assert np.array_equal(images(Cell("adm", sampler, "ts", 5)), base)


def test_every_value_of_a_section_reaches_the_sampler(trained: Path) -> None:
    changes = [
        (Cell("adm", "ddpm", "none", 5), "ddpm", "variance", "large"),
        (Cell("adm", "ddpm", "none", 5), "ddpm", "spacing", "uniform"),
        (Cell("adm", "ddim", "none", 5), "ddim", "eta", 1.0),
        (Cell("adm", "ddim-clipped", "none", 5), "ddim-clipped", "eta", 1.0),
        (Cell("adm", "s-pndm", "none", 5), "s-pndm", "spacing", "quadratic"),
        (Cell("adm", "ddim", "es", 5), "es", "b", 1.1),
        (Cell("adm", "ddim", "es-linear", 5), "es-linear", "k", 0.05),
        (Cell("adm", "ddim", "ts", 5), "ts", "window", 120),
        (Cell("adm", "ddim", "ts", 5), "ts", "cutoff", 700),
        (Cell("adm", "ddim", "ts", 5), "ts", "update_time", "shifted"),
        (Cell("adm", "ddim", "ts", 5), "ts", "cutoff_on", "next"),
    ]
    base = {cell: images(cell) for cell, *_ in changes}
    for cell, section, key, value in changes:
        # At 600 the step from 600 to 400 is the one that "next" tells apart from "current".
        cutoff = {"ts": toy_params()["ts"] | {"cutoff": 400}} if key == "cutoff_on" else {}
        configure(**cutoff)
        before = images(cell) if cutoff else base[cell]
        section_values = (cutoff.get(section) or toy_params()[section]) | {key: value}
        configure(**cutoff | {section: section_values})
        assert not np.array_equal(images(cell), before), (section, key)
        configure()
    configure(**{"es-linear": {"k": 0.0, "b": toy_params()["es"]["b"]}})
    assert np.array_equal(images(Cell("adm", "ddim", "es-linear", 5)), base[Cell("adm", "ddim", "es", 5)])


def test_grades_of_reproducibility(trained: Path) -> None:
    """Bitwise at equal batch size; across batch sizes a float's rounding may move a pixel across a level.

    TS may also pick another time where two fit almost equally; its images are compared by share alone.
    """
    for fix, share in (("none", 0.005), ("es", 0.005), ("ts", 0.05)):
        cell = Cell("adm", "ddpm", fix, 5)
        configure(batch_size=40)
        first = images(cell)
        assert np.array_equal(images(cell), first)
        configure(batch_size=23)
        other = images(cell)
        differs = other != first
        assert differs.mean() <= share
        if fix != "ts":
            assert np.abs(other.astype(int) - first.astype(int)).max() <= 1


def test_cells_share_their_noise_and_seeds_do_not(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    starts = []

    def spy(denoiser, x, **options):
        starts.append(x)
        return x

    monkeypatch.setattr(sample, "expected_nfe", lambda sampler, steps: 0)
    for sampler in ("ddpm", "ddim"):
        monkeypatch.setitem(sample.SAMPLERS, sampler, spy)
        sample.run("adm", sampler, "none", 5)
    configure(seed=1)
    sample.run("adm", "ddim", "none", 5)
    first, second, other_seed = (torch.cat(starts[i : i + 2]) for i in (0, 2, 4))
    assert torch.equal(first, second)
    assert not torch.equal(first, other_seed)


def test_a_killed_run_resumes_from_its_finished_batches(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cell = Cell("adm", "ddim", "none", 5)
    expected = images(cell)
    cell.samples.unlink()
    calls, real = [], sample.block_noise

    def interrupted(seed, start, *rest):
        calls.append(start)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(seed, start, *rest)

    monkeypatch.setattr(sample, "block_noise", interrupted)
    with pytest.raises(KeyboardInterrupt):
        sample.run(*cell)
    assert not cell.samples.exists()
    assert np.array_equal(images(cell), expected)
    assert calls == [0, 40, 40], "the first batch was not drawn again"


def test_a_sampler_that_evaluates_too_often_is_an_internal_fault(trained: Path, monkeypatch) -> None:
    monkeypatch.setattr(sample, "expected_nfe", lambda sampler, steps: steps + 1)
    with pytest.raises(RuntimeError, match="5 network evaluations, expected 6"):
        sample.run("adm", "ddim", "none", 5)


def test_refusals_write_nothing(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = Path("data/models/adm.safetensors")
    content = model.read_bytes()

    def message(*cell: str) -> str:
        assert main(["sample", *cell]) == 2
        assert not Path("data/samples").exists()
        return capsys.readouterr().err.splitlines()[-1]

    assert "adm-ddim-none-80: the uniform grid of 1000 cannot hold 80 steps" in message("adm", "ddim", "none", "80")
    assert "f-pndm needs at least 4 steps, not 2" in message("adm", "f-pndm", "none", "2")
    assert "data/models/adm-ip.safetensors: not found; run dvc repro" in message("adm-ip", "ddim", "none", "5")
    Path("data/models/adm-ip.safetensors").write_bytes(content)
    assert "holds the model 'adm', not 'adm-ip'" in message("adm-ip", "ddim", "none", "5")
    model.write_bytes(content.replace(b'\\"res_blocks\\": 1', b'\\"res_blocks\\": 2'))
    assert "the tensors do not fit the configuration in the file" in message("adm", "ddim", "none", "5")
    for before, after in (
        (b'\\"head_channels\\": 16', b'\\"head_channels\\": 48'),
        (b'\\"schedule\\": \\"cosine\\"', b'\\"schedule\\": \\"cosinx\\"'),
        (b'\\"network\\": {', b'\\"netwerk\\": {'),
    ):
        assert before in content
        model.write_bytes(content.replace(before, after))
        assert "data/models/adm.safetensors: " in message("adm", "ddim", "none", "5")
    model.write_bytes(content[: len(content) // 2])
    assert "not a model file of this project" in message("adm", "ddim", "none", "5")


def test_images_that_are_not_finite_are_refused(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sample.SAMPLERS, "ddim", lambda denoiser, x, **options: x / 0)
    monkeypatch.setattr(sample, "expected_nfe", lambda sampler, steps: 0)
    with pytest.raises(InputError, match="images 0 to 39 are not finite"):
        sample.run("adm", "ddim", "none", 5)
    assert not Path("data/samples").exists()


def test_conversion_truncates_like_the_adm_evaluator() -> None:
    x = torch.tensor([-2.0, -1.0, 0.0, 0.999, 1.0, 7.0]).reshape(6, 1, 1, 1)
    assert sample.to_uint8(x).flatten().tolist() == [0, 0, 127, 254, 255, 255]

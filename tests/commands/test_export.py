"""Exported images: the pixels of the samples, their labels, and what is refused; nothing is half-written."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from stages import guide, prepare, sample, train
from stages.__main__ import main
from stages.commands import export
from stages.diffusion.block_noise import block_labels
from stages.store.files import read_npz
from stages.store.images import write_picture
from stages.store.paths import guide_path, model_path, samples_path
from tests.toy import toy_params, with_published, write_study

PLAIN, CLASSES, GUIDED = "adm-ddim-none-5", "adm-class-ddim-none-5", "adm-ddim-guided-none-5"


def configure(labels: Any = "random") -> None:
    params = toy_params()
    params["grid"] = [
        {"models": ["adm", "adm-class"], "samplers": ["ddim"], "fixes": ["none"], "steps": [5]},
        {"models": ["adm"], "samplers": ["ddim-guided"], "fixes": ["none"], "steps": [5]},
    ]
    params["sample"]["labels"] = labels
    write_study(params)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with sampled cells: without labels, of a class-conditional model, and guided."""
    made = with_published(tmp_path_factory.mktemp("export"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(made)
        configure()
        prepare.run()
        for model in ("adm", "adm-class"):
            train.run(model)
        guide.run("adm")
        for cell in (PLAIN, CLASSES, GUIDED):
            sample.run(cell)
    return made


@pytest.fixture
def sampled(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(folder)
    configure()
    return folder


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line of a refusal; no temporary folder is left."""
    capsys.readouterr()
    assert main(["export", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert not list(Path().glob(".*.tmp"))
    return line


def labels_in(path: Path) -> list[dict[str, str]]:
    with path.open() as stream:
        return list(csv.DictReader(stream))


def test_pictures_have_the_pixels_of_the_samples_in_their_order(sampled: Path, tmp_path: Path) -> None:
    out = tmp_path / "new/pictures"
    assert main(["export", PLAIN, str(out)]) == 0
    (images,) = read_npz(samples_path(PLAIN), "arr_0")
    assert [path.name for path in sorted(out.iterdir())] == [f"{index:02}.png" for index in range(60)]
    for path, image in zip(sorted(out.iterdir()), images, strict=True):
        assert np.array_equal(np.asarray(Image.open(path)), image[..., 0])
    assert [path.name for path in out.parent.iterdir()] == ["pictures"]


def test_pictures_of_three_channels_keep_them(tmp_path: Path) -> None:
    image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    write_picture(tmp_path / "a.png", image)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "a.png")), image)


@pytest.mark.parametrize("cell", [CLASSES, GUIDED])
def test_labels_stand_beside_the_pictures(sampled: Path, tmp_path: Path, cell: str) -> None:
    assert main(["export", cell, str(tmp_path)]) == 0, "into an empty folder"
    rows = labels_in(tmp_path / "labels.csv")
    assert [row["file"] for row in rows] == [path.name for path in sorted(tmp_path.glob("*.png"))]
    assert [int(row["label"]) for row in rows] == block_labels(0, 0, 60, 10, torch.device("cpu")).tolist()


def test_chosen_labels_are_those_of_the_record(sampled: Path, tmp_path: Path) -> None:
    configure([7, 2, 4])
    sample.run(CLASSES)
    configure("balanced")
    assert main(["export", CLASSES, str(tmp_path / "out")]) == 0
    assert [row["label"] for row in labels_in(tmp_path / "out/labels.csv")] == ["7", "2", "4"] * 20
    configure()
    sample.run(CLASSES)


def test_programs_that_read_folders_take_the_pictures_alone(sampled: Path, tmp_path: Path) -> None:
    from torch_fidelity.defaults import DEFAULTS

    assert main(["export", CLASSES, str(tmp_path)]) == 0
    extensions = DEFAULTS["samples_find_ext"].split(",")
    taken = [path for path in tmp_path.iterdir() if path.suffix[1:] in extensions]
    assert len(taken) == 60
    assert len(list(tmp_path.iterdir())) == 61


def test_a_folder_that_holds_something_is_left_as_it_is(
    sampled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").write_text("x")
    assert refused(capsys, PLAIN, str(tmp_path)) == (
        f"export: {tmp_path}: not empty; name a folder that is new or empty"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    assert "a file; name a folder" in refused(capsys, PLAIN, str(tmp_path / "mine"))
    assert "cannot be written (Not a directory)" in refused(capsys, PLAIN, str(tmp_path / "mine" / "more" / "deep"))


def test_a_cell_that_is_not_planned_or_not_sampled_is_refused(
    sampled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "has no cell '../adm'" in refused(capsys, "../adm", str(tmp_path / "out"))
    path = samples_path(PLAIN)
    content = path.read_bytes()
    path.unlink()
    assert f"{path}: not found; run dvc repro" in refused(capsys, PLAIN, str(tmp_path / "out"))
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert f"{path}: not the one that the record of {PLAIN} names" in refused(capsys, PLAIN, str(tmp_path / "out"))
    path.write_bytes(content)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("cell", "path"), [(CLASSES, model_path("adm-class")), (GUIDED, guide_path("adm"))])
def test_labels_of_another_model_than_the_images_are_refused(
    sampled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], cell: str, path: Path
) -> None:
    content = path.read_bytes()
    path.write_bytes(b"another")
    assert f"{path}: not the one that the record of {cell} names" in refused(capsys, cell, str(tmp_path / "out"))
    path.write_bytes(content)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_an_export_that_is_cut_short_leaves_nothing(
    sampled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    real, written = export.write_picture, []

    def cut(path: Path, image: np.ndarray) -> None:
        written.append(path)
        if len(written) == 30:
            raise error
        real(path, image)

    monkeypatch.setattr(export, "write_picture", cut)
    assert main(["export", PLAIN, str(tmp_path / "out")]) in (2, 130)
    assert len(written) == 30
    assert list(tmp_path.iterdir()) == []

"""The data set as it is written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from stages import prepare
from stages.__main__ import main
from stages.store.files import read_json, read_npz, sha256
from stages.store.images import read_preview
from stages.store.paths import DATASET, DATASET_RECORD, preview_path
from tests.toy import toy_params, write_params


def test_digits_are_the_images_of_scikit_learn(project: Path) -> None:
    prepare.run()
    images, labels = read_npz(DATASET, "images", "labels")
    assert (images.shape, images.dtype, labels.dtype) == ((1797, 8, 8, 1), np.uint8, np.int64)
    pixels, digits = load_digits(return_X_y=True)
    assert np.abs(images.reshape(-1, 64) * (16 / 255) - pixels).max() <= 0.5 * 16 / 255
    assert (images.min(), images.max()) == (0, 255)
    assert np.array_equal(labels, digits)
    captions = read_npz(DATASET, "captions")[0]
    assert [str(captions[label]) for label in (0, 7, 9)] == ["the digit zero", "the digit seven", "the digit nine"]
    assert len(captions) == 10
    record = read_json(DATASET_RECORD)
    assert record["sha256"] == sha256(DATASET)
    assert (record["n"], record["shape"]) == (1797, [8, 8, 1])
    assert "scikit-learn" in record["source"]
    assert np.array_equal(read_preview(preview_path("real")), images[:50])


def test_preparing_twice_gives_the_same_bytes(project: Path) -> None:
    prepare.run()
    first = DATASET.read_bytes()
    prepare.run()
    assert DATASET.read_bytes() == first


def test_an_unknown_data_set_is_refused(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    params = toy_params()
    params["prepare"]["dataset"] = "faces"
    write_params(params)
    assert main(["prepare"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == (
        "prepare: params.yaml: prepare.dataset: 'faces'; allowed are 'cifar10', 'cifar10-jpeg', 'digits', "
        "'fashion-mnist', 'folder'"
    )
    assert {path.name for path in Path("data").iterdir()} == {"published", "registry.yaml"}

"""Scoring a cell, end to end on real digits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from stages import evaluate, extractor, prepare, reference
from stages.__main__ import main
from stages.store.files import read_json, read_npz, write_npz
from stages.store.paths import DATASET, FEATURE_NETWORK, REFERENCE, REFERENCE_RECORD, samples_path, scores_path
from tests.toy import toy_params, write_study

CELL = "adm-ip-ddim-none-4"


@pytest.fixture
def scored(project: Path) -> np.ndarray:
    """The data set's images, with the feature network and the reference made from them."""
    prepare.run()
    extractor.run()
    reference.run()
    return read_npz(DATASET, "images")[0]


def scores(images: np.ndarray) -> dict:
    write_npz(samples_path(CELL), arr_0=images)
    evaluate.run(CELL)
    return read_json(scores_path(CELL))


def test_real_images_score_better_than_noisy_ones_on_every_score(scored: np.ndarray) -> None:
    real = scored[:60]
    noise = np.random.RandomState(0).randint(-60, 60, real.shape)
    noisy = (real.astype(int) + noise).clip(0, 255).astype(np.uint8)
    good, bad = scores(real), scores(noisy)
    for name in ("fid", "sfid", "fd_pixel"):
        assert good[name]["value"] < bad[name]["value"]
        assert len(good[name]["replicates"]) == 5
        assert good[name]["margin"] > 0
    assert good["precision"]["value"] == 1, "a real image lies in its own ball"
    assert good["precision"]["value"] > bad["precision"]["value"]
    assert (good["n_fake"], good["n_real"]) == (60, 1797)
    assert (good["reference"], good["feature_network"]) == ("digits", "classifier")


def test_the_floor_is_of_real_images_against_the_rest(scored: np.ndarray) -> None:
    floor = read_json(REFERENCE_RECORD)["floor"]
    assert (floor["n_fake"], floor["n_real"]) == (60, 1737)
    assert 0 < floor["fid"] < scores(255 - scored[:60])["fid"]["value"]


def test_the_floor_tells_what_it_depends_on(scored: np.ndarray) -> None:
    """FID of real images is lower where the shares of the classes are kept, and against images that include them."""
    floor = read_json(REFERENCE_RECORD)["floor"]
    splits = floor["splits"]
    assert splits["count"] == 20
    assert splits["low"] <= min(floor["fid"], splits["mean"]) <= max(floor["fid"], splits["mean"]) <= splits["high"]
    assert splits["balanced"] < splits["mean"]
    assert 0 < splits["whole"] < splits["mean"]
    assert splits["labelled"] > 0


def test_an_order_by_class_begins_with_the_wanted_numbers_of_each() -> None:
    labels = np.array([0] * 6 + [1] * 3 + [2])
    assert list(reference.shares(labels, 10)) == [6, 3, 1]
    assert list(reference.shares(labels, 5)) == [3, 1, 1]
    order = reference.by_class(np.random.RandomState(0).permutation(10), labels, np.array([2, 3, 0]))
    assert list(labels[order[:5]]) == [0, 0, 1, 1, 1]
    assert sorted(order) == list(range(10))


def test_no_floor_of_labels_that_a_class_has_too_few_images_of(project: Path) -> None:
    params = toy_params()
    params["sample"]["n"] = 1790
    write_study(params)
    prepare.run()
    extractor.run()
    reference.run()
    splits = read_json(REFERENCE_RECORD)["floor"]["splits"]
    assert splits["labelled"] is None


def test_no_floor_where_no_real_images_remain(project: Path) -> None:
    params = toy_params()
    params["sample"]["n"] = 1795
    write_study(params)
    prepare.run()
    extractor.run()
    reference.run()
    assert read_json(REFERENCE_RECORD).get("floor") is None


@pytest.mark.parametrize(("neighborhood", "refused"), [(39, False), (40, True), (41, True), (500, True)])
def test_more_neighbours_than_real_images_are_refused_before_any_sampling(
    project: Path, capsys: pytest.CaptureFixture[str], neighborhood: int, refused: bool
) -> None:
    params = toy_params()
    params["evaluate"]["neighborhood"] = neighborhood
    params["sample"]["n"] = 2 * (neighborhood + 5) // 5 * 5
    write_study(params)
    prepare.run()
    extractor.run()
    images, labels = read_npz(DATASET, "images", "labels")
    write_npz(DATASET, images=images[:40], labels=labels[:40])
    assert main(["reference"]) == (2 if refused else 0)
    if refused:
        line = capsys.readouterr().err.splitlines()[-1]
        allowed = "of 40 real images, at most 39"
        assert line == f"reference: params.yaml: evaluate.neighborhood: {neighborhood}; {allowed}"
        assert not REFERENCE_RECORD.exists()
    else:
        assert 0 <= scores(images[: params["sample"]["n"]])["recall"]["value"] <= 1


def test_too_few_images_are_refused(scored: np.ndarray, capsys: pytest.CaptureFixture[str]) -> None:
    write_npz(samples_path(CELL), arr_0=scored[:59])
    assert main(["evaluate", CELL]) == 2
    told = "adm-ip-ddim-none-4.npz: images [59, 8, 8, 1], expected [60, 8, 8, 1]; run dvc repro"
    assert told in capsys.readouterr().err.splitlines()[-1]
    assert not scores_path(CELL).exists()


def test_a_damaged_reference_is_named(scored: np.ndarray, capsys: pytest.CaptureFixture[str]) -> None:
    write_npz(samples_path(CELL), arr_0=scored[:60])
    for path, told in (
        (REFERENCE_RECORD, "reference.json: not a record of this project; delete it and run dvc repro"),
        (REFERENCE, "reference.npz: not what data/records/reference.json was written with; run dvc repro"),
        (FEATURE_NETWORK, "network.safetensors: not what data/records/reference.json was written with; run dvc repro"),
    ):
        whole = path.read_bytes()
        path.write_text("{}")
        assert main(["evaluate", CELL]) == 2
        assert told in capsys.readouterr().err.splitlines()[-1]
        assert not scores_path(CELL).exists()
        path.write_bytes(whole)


@pytest.mark.parametrize("level", [0, 255])
def test_images_of_one_value_are_refused(scored: np.ndarray, level: int, capsys: pytest.CaptureFixture[str]) -> None:
    write_npz(samples_path(CELL), arr_0=np.full_like(scored[:60], level))
    assert main(["evaluate", CELL]) == 2
    assert f"adm-ip-ddim-none-4.npz: every pixel is {level};" in capsys.readouterr().err.splitlines()[-1]
    assert not scores_path(CELL).exists()

"""FID along a training: kept weights are those of a run that ended there, and the last point is the cell's own FID."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from stages import evaluate, extractor, prepare, reference, sample, train, trajectory
from stages.__main__ import main
from stages.store.files import read_json, read_tensors
from stages.store.models import load_snapshots
from stages.store.paths import model_path, scores_path, snapshots_path, trajectory_record_path
from tests.toy import toy_params, write_study


def configure(keep: list[int], iterations: int = 8) -> None:
    params = toy_params()
    params["grid"] |= {"models": ["adm"], "samplers": ["ddpm"], "fixes": ["none"]}
    params["trajectory"] |= {"models": ["adm"], "iterations": keep}
    params["adm-recipe"]["iterations"] = iterations
    params["runtime"]["checkpoint_every"] = 3
    write_study(params)


def test_kept_weights_are_those_of_a_run_that_ends_there(project: Path) -> None:
    prepare.run()
    configure([2, 5, 9])
    train.run("adm")
    kept = load_snapshots("adm").weights
    last = read_tensors(model_path("adm"))[0]
    assert list(kept) == [2, 5], "one beyond the end is never reached"
    configure([], iterations=5)
    train.run("adm")
    assert load_snapshots("adm").weights == {}
    for name, tensor in read_tensors(model_path("adm"))[0].items():
        assert torch.equal(kept[5][name], tensor)
    configure([])
    train.run("adm")
    assert all(torch.equal(last[name], tensor) for name, tensor in read_tensors(model_path("adm"))[0].items())


def test_an_interrupted_run_keeps_the_same_bytes(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare.run()
    configure([2, 5])
    train.run("adm")
    expected = snapshots_path("adm").read_bytes(), model_path("adm").read_bytes()
    snapshots_path("adm").unlink()
    real, started = train.batch_loss, []

    def killed(state, *rest):
        if state.iteration == 7 and not started:
            raise KeyboardInterrupt
        return real(state, *rest)

    monkeypatch.setattr(train, "batch_loss", killed)
    with pytest.raises(KeyboardInterrupt):
        train.run("adm")
    monkeypatch.setattr(train, "batch_loss", lambda state, *rest: started.append(state.iteration) or real(state, *rest))
    train.run("adm")
    assert started[0] == 6, "resumed after both were kept"
    assert (snapshots_path("adm").read_bytes(), model_path("adm").read_bytes()) == expected


def test_the_last_point_is_the_score_of_the_cell(project: Path) -> None:
    configure([2, 5])
    for stage in (prepare, extractor, reference):
        stage.run()
    train.run("adm")
    trajectory.run("adm")
    sample.run("adm-ddpm-none-4")
    evaluate.run("adm-ddpm-none-4")
    points, score = read_json(trajectory_record_path("adm"))["points"], read_json(scores_path("adm-ddpm-none-4"))["fid"]
    assert [point["iteration"] for point in points] == [2, 5, 8]
    # Features are extracted by other batches, in which the network rounds otherwise.
    for name in score:
        assert points[-1][name] == pytest.approx(score[name], rel=1e-6), name
    assert len({point["value"] for point in points}) == 3


def test_a_model_that_is_not_followed_is_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trajectory", "adm-ip"]) == 2
    assert "'adm-ip' is not sampled along its training; add it to trajectory.models" in capsys.readouterr().err

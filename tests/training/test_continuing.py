"""A longer training goes on from a finished one where the bits are those of a training from scratch, else anew."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from stages import prepare, train
from stages.config.errors import InputError
from stages.store.files import read_tensors
from stages.store.paths import model_path, model_record_path, snapshots_path
from stages.store.records import ModelRecord, read_record
from stages.training import continuing
from tests.toy import toy_params, write_study

SCRATCH = Path(".scratch")


@pytest.fixture
def seen(project: Path, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The iterations that are taken, in a folder with a data set."""
    configure(4)
    prepare.run()
    found: list[int] = []
    real = train.batch_loss

    def counted(state: Any, *rest: Any) -> Any:
        found.append(state.iteration)
        return real(state, *rest)

    monkeypatch.setattr(train, "batch_loss", counted)
    return found


def configure(iterations: int, keep: list[int] | None = None, **changes: Any) -> None:
    params = toy_params()
    params["adm-recipe"] |= {"iterations": iterations, "warmup": 6} | changes
    params["trajectory"] |= {"models": ["adm"] if keep else [], "iterations": keep or []}
    params["grid"]["models"] = ["adm"]
    write_study(params)


def trained(iterations: int, keep: list[int] | None = None, **changes: Any) -> tuple[Any, ...]:
    """Weights, snapshots and losses of a training; the record tells the digests of the files."""
    configure(iterations, keep, **changes)
    train.run("adm")
    record = read_record(model_record_path("adm"), ModelRecord)
    return read_tensors(model_path("adm")), read_tensors(snapshots_path("adm")), record


def assert_equal(found: tuple[Any, ...], expected: tuple[Any, ...]) -> None:
    for (tensors, config), (others, other_config) in zip(found[:2], expected[:2], strict=True):
        assert config == other_config
        assert tensors.keys() == others.keys()
        assert all(torch.equal(tensor, others[name]) for name, tensor in tensors.items())
    assert found[2] == expected[2]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"t_sampling": "loss-second-moment", "timesteps": 4, "schedule": "cosine", "flip": True},
        {"precision": "fp16", "clip": 1.0},
    ],
)
def test_more_iterations_go_on_to_the_bits_of_a_training_from_scratch(seen: list[int], changes: dict[str, Any]) -> None:
    """The snapshot at the end of the first training was none of it, and warm-up goes over that end."""
    trained(4, [2], **changes)
    seen.clear()
    found = trained(9, [2, 4, 7], **changes)
    assert seen == [4, 5, 6, 7, 8]
    shutil.rmtree(SCRATCH)
    seen.clear()
    assert_equal(found, trained(9, [2, 4, 7], **changes))
    assert seen == list(range(9))


def test_going_on_twice_and_dropping_snapshots(seen: list[int]) -> None:
    trained(2, [1])
    trained(4, [1, 2])
    seen.clear()
    found = trained(6, [2])
    assert seen == [4, 5]
    shutil.rmtree(SCRATCH)
    assert_equal(found, trained(6, [2]))


@pytest.mark.parametrize(
    ("iterations", "keep", "changes"),
    [
        (6, [1], {}),  # a snapshot that the first training did not keep
        (6, [2, 3], {}),
        (4, [2], {}),  # the same training once more, which someone asked for
        (3, [2], {}),
        (6, [2], {"lr": 0.002}),
        (6, [2], {"warmup": 7}),
        (6, [2], {"ema": 0.9}),
    ],
)
def test_all_else_is_trained_from_the_start(
    seen: list[int], iterations: int, keep: list[int], changes: dict[str, Any]
) -> None:
    trained(4, [2])
    seen.clear()
    trained(iterations, keep, **changes)
    assert seen == list(range(iterations))


def test_one_state_a_model_is_kept_and_none_of_an_interrupted_run_is_lost(
    seen: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(4)
    other = SCRATCH / f"finished-adm-ip-{'0' * 16}"
    other.mkdir()
    trained(4, lr=0.002)
    assert len(list(SCRATCH.glob(f"finished-adm-{'?' * 16}"))) == 1
    assert [path.name for path in SCRATCH.glob("finished-adm-*/*")] == [continuing.FINISHED]
    assert other.exists()
    assert not list(SCRATCH.glob("train-*"))


def test_a_damaged_state_is_told_and_trained_anew(seen: list[int], capsys: pytest.CaptureFixture[str]) -> None:
    trained(4)
    (path,) = SCRATCH.glob("finished-*/*")
    path.write_bytes(path.read_bytes()[:-7])
    seen.clear()
    capsys.readouterr()
    trained(6)
    assert seen == list(range(6))
    (line,) = [line for line in capsys.readouterr().err.splitlines() if continuing.FINISHED in line]
    assert re.search(r"finished.safetensors: .*; trained from the start$", line)


def test_a_full_disk_costs_the_continuation_alone(
    seen: list[int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: Any) -> None:
        raise InputError("x: cannot be written (No space left on device)")

    monkeypatch.setattr(continuing, "write_state", full)
    found = trained(4)
    assert found[2].training["iterations"] == 4
    assert "No space left on device); a longer training will start anew" in capsys.readouterr().err


@pytest.mark.parametrize(("ema", "iterations", "warns"), [(0.9, 4, True), (0.3, 4, False), (0.0, 4, False)])
def test_an_ema_that_does_not_warm_up_is_told_in_one_line_and_recorded(
    seen: list[int], capsys: pytest.CaptureFixture[str], ema: float, iterations: int, warns: bool
) -> None:
    """0.9^4 = 66 % of the initial weights, 0.3^4 = 0.8 %."""
    capsys.readouterr()
    _, _, record = trained(iterations, ema=ema)
    assert record.initial_share == ema**iterations
    assert record.has_cold_ema == warns
    lines = [line for line in capsys.readouterr().err.splitlines() if "EMA" in line]
    assert len(lines) == warns
    for line in lines:
        assert line.startswith("train adm: the EMA will not have warmed up: 65.6 % of it will be the initial weights")

"""How to compute: devices and batches."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from stages.config.errors import InputError
from stages.config.runtime import batches, pick_device, versions
from tests.toy import toy_params, write_params


def configure(**changes) -> None:
    params = toy_params()
    params["runtime"] |= changes
    write_params(params)


def test_auto_takes_cuda_when_there_is_one(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for available, expected in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda available=available: available)
        assert pick_device() == torch.device(expected)


def test_a_device_that_is_not_here_is_named(project: Path) -> None:
    configure(device="cuda:97")
    with pytest.raises(InputError, match=r"^runtime.device: cuda:97 is not usable here \([^\n]+\)$"):
        pick_device()


def test_batches_cover_everything_once(project: Path) -> None:
    configure(batch_size=40)
    assert list(batches(100)) == [(0, 40), (40, 80), (80, 100)]


def test_versions_name_what_they_are_asked_for() -> None:
    assert versions("numpy")["torch"] == torch.__version__
    assert set(versions("numpy")) == {"python", "machine", "torch", "numpy"}

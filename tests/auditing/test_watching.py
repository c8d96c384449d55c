"""Watching a folder: which changes are seen, without waiting for real."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stages.auditing import watching
from stages.auditing.watching import changes


class Idle(Exception):
    """Nothing changed."""


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    def idle(_: float) -> None:
        raise Idle

    monkeypatch.setattr(watching.time, "sleep", idle)


def seen(folder: Path, change: object) -> bool:
    """Whether a change after the first look is seen."""
    found = changes(folder, ("*.csv", "*.yaml"))
    next(found)
    assert callable(change)
    change()
    try:
        next(found)
    except Idle:
        return False
    return True


def test_new_gone_longer_and_newer_files_are_changes(tmp_path: Path) -> None:
    table = tmp_path / "toy.csv"
    assert seen(tmp_path, lambda: table.write_text("a"))
    assert seen(tmp_path, lambda: table.write_text("ab"))
    assert seen(tmp_path, lambda: os.utime(table, ns=(1, 1)))
    assert not seen(tmp_path, lambda: os.utime(table, ns=(2, 1)))
    assert seen(tmp_path, lambda: (tmp_path / "schema.yaml").write_text("a"))
    assert seen(tmp_path, table.unlink)


def test_other_files_and_folders_within_are_none(tmp_path: Path) -> None:
    (tmp_path / "audit").mkdir()
    assert not seen(tmp_path, lambda: (tmp_path / "audit/audit.csv").write_text("a"))
    assert not seen(tmp_path, lambda: (tmp_path / "notes.txt").write_text("a"))
    assert not seen(tmp_path, lambda: (tmp_path / "lost.csv").symlink_to("nowhere"))


def test_a_folder_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    def make() -> None:
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine/toy.csv").write_text("a")

    assert seen(tmp_path / "mine", make)


def test_a_change_while_the_last_one_is_worked_on_is_seen(tmp_path: Path) -> None:
    found = changes(tmp_path, ("*.csv",))
    for size in range(3):
        next(found)
        (tmp_path / "toy.csv").write_text("a" * size)
    next(found)
    with pytest.raises(Idle):
        next(found)

"""``python -m stages times``: turns, overhead, what it refuses, and the tables that it fills."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from stages import prepare, train
from stages.__main__ import main
from stages.commands import times
from stages.config.errors import InputError
from stages.plan.plan_file import read_cells
from stages.plan.result_files import TIMES, read_times
from tests.toy import toy_params, write_study


def test_both_take_their_turn_in_every_round(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(times, "ALONE", 0.0)
    calls: list[str] = []
    seconds = times.take_turns({name: lambda name=name: calls.append(name) for name in ("none", "ts")}, lambda: None)
    assert calls == ["none", "ts"] * (times.ROUNDS + 1)
    assert {name: len(found) for name, found in seconds.items()} == {"none": times.ROUNDS, "ts": times.ROUNDS}


def test_the_overhead_is_of_each_round() -> None:
    seconds = {"none": [1.0, 2.0, 4.0], "ts": [1.1, 2.1, 4.0]}
    found = times.timed(seconds, "ts")
    assert found.overhead == [5.0, 0.0, 10.0], "median, least, most"
    assert found.ms == pytest.approx(1000 * 2.4 / times.IMAGES)
    # Student's t with 2 degrees of freedom, 4.303, times 1.4731 / sqrt(3).
    assert found.margin == pytest.approx(10 * 4.3027 * 1.47309 / 3**0.5, rel=1e-3)
    assert times.timed(seconds, "none").overhead is None


def test_a_process_that_waits_is_not_timed() -> None:
    with pytest.raises(InputError, match=r"this process had \d+% of a processor only; nothing else may run beside"):
        times.take_turns({"none": lambda: time.sleep(0.01)}, lambda: None)


def test_the_cells_of_the_tables_are_timed(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    params = toy_params()
    params |= {"tables": ["ts-4"], "max_steps": 5, "grid": None}
    write_study(params)
    prepare.run()
    train.run("adm")
    lock = threading.Lock()
    monkeypatch.setattr(times, "open_graph", lambda folder: lock)
    monkeypatch.setattr(times, "ALONE", 0.0)
    assert main(["times"]) == 0
    found = read_times()
    assert set(found.cells) == set(read_cells().sample) == {f"adm-ddim-clipped-{fix}-5" for fix in ("none", "ts")}
    assert all(timed.ms > 0 and timed.rounds == times.ROUNDS for timed in found.cells.values())
    assert found.cells["adm-ddim-clipped-ts-5"].overhead is not None
    assert found.environment["device"] == "cpu"


def test_without_a_table_of_times_it_says_so(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["times"]) == 2
    assert capsys.readouterr().err == "times: no table of the plan prints times\n"


def test_a_damaged_file_is_one_line(project: Path) -> None:
    TIMES.write_text("cells: {a: {ms: x}}\n")
    with pytest.raises(InputError, match=r"times\.yaml: edited or damaged; run python -m stages times"):
        read_times()

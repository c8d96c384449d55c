"""``python -m stages plan``: what it writes, and what it prints of every table."""

from __future__ import annotations

import re
import shutil
from collections import defaultdict
from pathlib import Path

import pytest

from stages.__main__ import main
from stages.config.errors import InputError
from stages.config.params import read_params
from stages.plan import plan_file as cells
from stages.plan.pairs import published_pairs
from stages.plan.plan_file import CELLS, read_cells, read_plan
from stages.plan.planning import cell_evaluations, table_id
from stages.plan.repeats import repeated
from tests.reporting.results.studies import committed, content, published
from tests.toy import ROOT, with_published, write_params


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the committed params, entered, without a plan."""
    monkeypatch.chdir(tmp_path)
    with_published(tmp_path)
    monkeypatch.setattr(cells, "read_published", published)
    write_params(content())
    return tmp_path


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    assert main(["plan"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out.splitlines()


def test_it_writes_the_committed_plan_and_prints_its_totals(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys)
    assert lines[:3] == [
        "cells.json: 160 cells of 10 models, 6,369,000 image-evaluations",
        "418 of 666 published numbers get a cell",
        "",
    ]
    assert read_cells().sample == committed().stages.sample
    for name in ("params.yaml", "tuned.yaml"):
        shutil.copy(ROOT / name, name)
    printed(capsys)
    assert CELLS.read_bytes() == (ROOT / "cells.json").read_bytes()


def test_it_prints_every_table_and_every_number_once(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sections = "\n".join(printed(capsys)).split("\n\n")[1:]
    found = {}
    for section in sections:
        head, *lines = section.splitlines()
        found[head.removesuffix(":")] = lines
        assert lines
        assert all(re.fullmatch(r" {3,6}\d+ \S.*", line) for line in lines)
    rows = [table_id(row.row) for row in committed().rows]
    assert [*found] == list(dict.fromkeys(rows))
    assert len(found) == 27
    for table, lines in found.items():
        assert sum(int(line.split()[0]) for line in lines) == rows.count(table)
    assert found["ts-6"] == ["    12 get a cell"]
    assert found["ip-10"] == ["    14 are settings, shown beside those of this study"]
    assert found["es-7"] == ["    18 lost in the source"]


def test_evaluations_are_those_of_all_cells(study: Path) -> None:
    """Each cell takes n images times its steps.

    On the grid of the released Time-Shift code it takes one less, S- and F-PNDM 1 and 9 more than their grid, and
    classifier-free guidance twice.
    """
    extra = {"ddim-ts-dpm": -1, "ddim-one-ts-dpm": -1, "s-pndm": 0, "f-pndm": 8}
    twice = {"ddim-cfg": 2}
    expected = sum(
        1000 * (twice.get(cell.sampler, 1) * cell.steps + extra.get(cell.sampler, 0))
        for cell in committed().stages.sample.values()
    )
    assert sum(cell_evaluations(committed(), read_params()).values()) == expected == 6_369_000


def test_it_replaces_a_stale_or_damaged_plan(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    CELLS.write_text("cells: [")
    params = content()
    params["tables"] = ["ip-5"]
    write_params(params)
    lines = printed(capsys)
    assert lines[0] == "cells.json: 16 cells of 2 models, 720,000 image-evaluations"
    assert lines[1] == "16 of 666 published numbers get a cell"
    assert "    80 ip-3 is not among tables in params.yaml" in lines
    assert len(read_cells().sample) == 16


def test_what_cannot_be_planned_leaves_the_plan_as_it_was(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    CELLS.write_text("as it was")
    params = content()
    params["tables"] = ["ip-99"]
    write_params(params)
    assert main(["plan"]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("plan: params.yaml: tables: 'ip-99' is no published table; allowed are all, or of ")
    assert captured.err.count("\n") == 1
    assert captured.out == ""
    assert CELLS.read_text() == "as it was"


def test_the_quick_study_is_planned_as_its_params_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "studies/quick")
    assert read_cells().sample == read_plan().stages.sample
    assert {"es-2", "es-6"} <= {table_id(row.row) for row in read_plan().rows if row.cell}


def test_the_seeds_study_has_three_training_seeds_of_each_pair_of_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "studies/seeds")
    plan = read_plan()
    params = read_params()
    assert read_cells().sample == plan.stages.sample
    assert {name: params.training(name)["seed"] for name in plan.stages.train} == {
        "adm": 0,
        "adm-1": 1,
        "adm-2": 2,
        "adm-ip": 0,
        "adm-ip-1": 1,
        "adm-ip-2": 2,
        "adm-ip-15": 0,
        "adm-ip-15-1": 1,
        "adm-ip-15-2": 2,
    }
    trainings = {name: params.training(name) for name in plan.stages.train}
    pairs = repeated(published_pairs(plan.rows, published().methods), plan.stages.sample, trainings)
    assert {(pair.axis, len(pair.repeats)) for pair in pairs} == {("model", 2)}
    assert {p.table for pair in pairs for p in pair.printed} == {"ip-1", "ip-3", "es-2", "ts-2"}
    assert sum(cell_evaluations(plan, params).values()) == 2_910_000


def test_the_time_shift_study_has_every_reading_of_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT / "studies/time-shift")
    assert read_cells().sample == read_plan().stages.sample
    found = defaultdict(set)
    plan = read_plan(defaultdict(lambda: {"window": 0, "cutoff": 0}))
    for row in plan.rows:
        for under in row.beside:
            if under.cell:
                cell = plan.stages.sample[under.cell]
                found[under.reading.name].add((cell.sampler, cell.fix, read_params().samplers[cell.sampler].spacing))
    pndm_type = [("ddim-ts-dpm", "ts-dpm"), ("ddim-one-ts-dpm", "ts-dpm"), ("s-pndm", "ts-dpm"), ("f-pndm", "ts-dpm")]
    assert found["method time-shift-a"] == {(sampler, "ts-a", grid) for sampler, grid in pndm_type}
    assert found["method time-shift-b"] == {("ddim-clipped", "ts-b", "uniform")}
    assert found["method time-shift-c"] == {("dpm-solver-2", "ts-c", "dpm-solver")}
    assert found["method time-shift-d"] == {("deis", "ts-d", "deis")}
    assert found["update_time shifted"] == {
        (sampler, "ts-shifted", grid)
        for sampler, grid in (
            *pndm_type,
            ("ddim-quadratic", "quadratic"),
            ("ddim-clipped", "uniform"),
            ("dpm-solver-2", "dpm-solver"),
        )
    }
    fixes = ("none", "ts")
    assert found["spacing uniform"] == {(name, fix, "uniform") for name in ("ddim", "ddim-one") for fix in fixes}
    assert found["spacing pndm"] == {(name, fix, "pndm") for name in ("s-pndm-own", "f-pndm-own") for fix in fixes}
    steps = {cell.steps for cell in plan.stages.sample.values()}
    assert steps == {5, 10, 20}


def test_another_training_seed_makes_the_plan_stale(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    params = content() | {"tables": ["ts-2"]}
    write_params(params)
    printed(capsys)
    write_params(params | {"adm-1": params["adm"] | {"seed": 1}, "adm-ip-15-1": params["adm-ip-15"] | {"seed": 1}})
    with pytest.raises(InputError, match="stale"):
        read_cells()
    printed(capsys)
    assert "adm-ip-15-1-ddim-clipped-none-5" in read_cells().sample
    write_params(params | {"adm-1": params["adm"] | {"seed": 2}, "adm-ip-15-1": params["adm-ip-15"] | {"seed": 1}})
    with pytest.raises(InputError, match="stale"):
        read_cells()

"""cells.json: read as written, and refused in one line where it is missing, stale, edited or something else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stages.__main__ import main
from stages.config.entries import Searched
from stages.config.errors import InputError
from stages.config.params import read_params
from stages.plan import plan_file as cells
from stages.plan.plan_file import (
    CELLS,
    Planned,
    planned_cell,
    planned_model,
    read_cells,
    read_plan,
    write_cells,
)
from stages.plan.published_tables import Published, read_published
from stages.plan.result_files import write_tuned
from stages.store.paths import PUBLISHED, REGISTRY
from tests.toy import ROOT, toy_params, write_params, write_study

Edit = Callable[[dict[str, Any]], Any]
AGAIN = "run python -m stages plan"
EDITED = f"cells.json: edited or damaged; {AGAIN}"
STALE = f"cells.json: stale, made for other params or published tables; {AGAIN}"


@pytest.fixture(scope="module")
def planned_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # As deep as the copies: dvc.yaml has the path from a study to the code.
    folder = tmp_path_factory.mktemp("planned") / "study"
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        Path("data").mkdir()
        for path in (PUBLISHED, REGISTRY):
            path.symlink_to(ROOT / path)
        patch.setattr(cells, "read_published", published_once)
        write_study(toy_params())
    return folder


@cache
def published_once() -> Published:
    return read_published()


@pytest.fixture
def study(planned_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a copy of the toy study, entered; the published tables are read once for all."""
    folder = shutil.copytree(planned_once, tmp_path / "study", symlinks=True)
    # It names the code by its path from the folder.
    (folder / "dvc.yaml").unlink()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(cells, "read_published", published_once)
    return Path()


@pytest.fixture
def small(study: Path) -> tuple[str, Planned]:
    """The text and content of a plan of one cell."""
    params = toy_params()
    params["grid"] |= {"samplers": ["ddim"], "fixes": ["ts"]}
    write_study(params)
    return CELLS.read_text(encoding="utf-8"), read_cells()


def refusal() -> str:
    with pytest.raises(InputError) as caught:
        read_cells()
    return str(caught.value)


def put(path: str, value: Any) -> Edit:
    def edit(params: dict[str, Any]) -> None:
        *parents, last = path.split("/")
        place = params
        for parent in parents:
            place = place[parent]
        place[last] = value

    return edit


def test_what_was_planned_is_read(study: Path) -> None:
    plan = read_plan()
    found = read_cells()
    assert found == plan.stages
    assert [*found.sample] == [f"adm-ip-{s}-{f}-4" for s in ("ddpm", "ddim") for f in toy_fixes()]
    assert planned_cell("adm-ip-ddim-ts-4") == plan.stages.sample["adm-ip-ddim-ts-4"]
    assert planned_model("adm-ip") == plan.stages.train["adm-ip"]


def toy_fixes() -> list[str]:
    return toy_params()["grid"]["fixes"]


def test_looked_up_values_are_read_as_written(study: Path) -> None:
    write_study(looking_up())
    assert planned_cell("adm-ddpm-es-20").values == {"b": 1.017}
    assert read_cells().sample == read_plan().stages.sample


def looking_up() -> dict[str, Any]:
    params = toy_params()
    params["tables"] = ["es-2"]
    params["grid"] = None
    params["prepare"]["dataset"] = "cifar10"
    params["es"]["b"] = "published"
    return params


def test_equal_plans_are_equal_bytes(study: Path) -> None:
    first = CELLS.read_bytes()
    write_cells(read_plan())
    assert CELLS.read_bytes() == first
    assert json.loads(first)


def test_the_committed_file_is_what_the_plan_writes(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("params.yaml", "tuned.yaml"):
        shutil.copy(ROOT / name, name)
    write_cells(read_plan())
    assert CELLS.read_bytes() == (ROOT / "cells.json").read_bytes(), AGAIN
    found = read_cells()
    monkeypatch.chdir(ROOT)
    assert read_cells() == found


def test_a_missing_file(study: Path) -> None:
    CELLS.unlink()
    assert refusal() == f"cells.json: not found; {AGAIN}"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b"cells",
        b"42",
        b"null",
        b"[]",
        b"{}",
        b'{"planned": 1}',
        b'{"planned": {}, "plan": {}}',
        b'{"planned": [], "plan": []}',
        b'{"planned": {"body": NaN}, "plan": NaN}',
        b'{"planned": {"body": 1}, "plan": {"sample": 1e999}}',
    ],
)
def test_other_files_are_refused(study: Path, content: bytes) -> None:
    CELLS.write_bytes(content)
    assert refusal() == EDITED


@pytest.mark.parametrize(
    "body", [{}, {"train": {}}, {"train": [], "sample": {}}, {"train": {}, "sample": {"a": 1}}, []]
)
def test_other_types_are_refused_whatever_their_digest(study: Path, body: Any) -> None:
    content = json.loads(CELLS.read_text())
    content["planned"]["body"] = cells._digest(body)
    CELLS.write_text(json.dumps({"planned": content["planned"], "plan": body}))
    assert refusal() == EDITED


JSON_CHARACTERS = st.sampled_from('0123456789abcdefx-_.:,{}[]"\\ \n\t\x00\x85\ufeff\u2028')


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_one_edited_character_is_refused_or_changes_nothing(small: tuple[str, Planned], data: st.DataObject) -> None:
    whole, planned = small
    place = data.draw(st.integers(0, len(whole) - 1))
    character = data.draw(st.just("") | JSON_CHARACTERS | st.characters(codec="utf-8"))
    edited = whole[:place] + character + whole[place + data.draw(st.integers(0, 1)) :]
    CELLS.write_text(edited, encoding="utf-8", newline="")
    try:
        same = json.loads(edited) == json.loads(whole)
    except ValueError:
        same = False
    if same:
        assert read_cells() == planned
    else:
        assert refusal() in (EDITED, STALE)


def leaves(content: Any, *place: Any) -> Iterator[tuple[Any, ...]]:
    """The places of all values within dictionaries and lists."""
    if isinstance(content, dict):
        for key, value in content.items():
            yield from leaves(value, *place, key)
    elif isinstance(content, list):
        for index, value in enumerate(content):
            yield from leaves(value, *place, index)
    else:
        yield place


def test_every_leaf_of_the_body_is_watched(small: tuple[str, Planned]) -> None:
    whole, _ = small
    places = list(leaves(json.loads(whole)["plan"]))
    assert len(places) > 20
    for *parents, last in places:
        content = json.loads(whole)
        parent = content["plan"]
        for key in parents:
            parent = parent[key]
        parent[last] = "other"
        CELLS.write_text(json.dumps(content))
        assert refusal() == EDITED


@pytest.mark.parametrize(
    "edit",
    [
        put("tables", ["ip-5"]),
        put("tables", "all"),
        put("max_steps", 99),
        put("grid/steps", [4, 5]),
        put("grid/fixes", ["none"]),
        put("prepare/dataset", "cifar10"),
        put("ts", {"method": "none"}),
        put("ddim-half", {"method": "pndm", "spacing": "uniform", "order": 2}),
        put("es/b", "published"),
        put("another", {"method": "none"}),
        lambda params: params.pop("ddim-one"),
        lambda params: params.update({"r": params["adm-recipe"], "adm-ip": params["adm-ip"] | {"recipe": "r"}}),
        lambda params: params.update(
            {
                "none-at-all": params.pop("none"),
                "grid": None,
                "tables": "all",
                "trajectory": params["trajectory"] | {"fix": "none-at-all"},
            }
        ),
    ],
)
def test_stale_where_the_params_plan_something_else(study: Path, edit: Edit) -> None:
    params = toy_params()
    edit(params)
    write_params(params)
    assert refusal() == STALE


@pytest.mark.parametrize(
    "edit",
    [
        put("es/b", 1.5),
        put("es-linear/k", 0.5),
        put("ddim-quadratic/eta", 1.0),
        put("ddim-quadratic/spacing", "pndm"),
        put("ts/window", 3),
        put("adm-ip/gamma", 0.3),
        put("seed", 7),
        put("sample/n", 65),
        put("runtime", {"device": "cpu", "threads": 2, "batch_size": 7, "checkpoint_every": 1, "train_processes": 1}),
        put("adm-recipe/iterations", 9),
        put("extractor/epochs", 9),
        put("evaluate/neighborhood", 2),
        put("adm-recipe/timesteps", 500),
    ],
)
def test_not_stale_where_a_value_alone_changes(study: Path, edit: Edit) -> None:
    params = toy_params()
    before = read_cells()
    edit(params)
    write_params(params)
    assert read_cells() == before
    written = CELLS.read_bytes()
    write_cells(read_plan())
    assert CELLS.read_bytes() == written, "planning again writes the same"


@pytest.fixture
def published(study: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the published tables in place of the link to them, read each time."""
    monkeypatch.setattr(cells, "read_published", read_published)
    PUBLISHED.unlink()
    shutil.copytree(ROOT / PUBLISHED, PUBLISHED)
    assert read_cells()
    return PUBLISHED


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("es.csv", "adm,ddpm,respaced,,none,50,fid,4.43", "adm,ddpm,respaced,,none,60,fid,4.43"),
        ("ip.csv", "cifar10,adm,ddpm,respaced,,none,80,fid", "cifar10,adm,ddpm,uniform,,none,80,fid"),
        ("ts.csv", ",5,fid,41.57,", ",5,sfid,41.57,"),
        ("readings.csv", "ip/5,sampler.spacing,quadratic,default", "ip/5,sampler.spacing,trailing,default"),
        ("readings.csv", "ts/8,needs,classifier guidance", "ts/8,needs,guidance"),
        ("readings.csv", "ts/10,needs", "ts/9,needs"),
    ],
)
def test_stale_where_the_published_tables_changed(published: Path, name: str, old: str, new: str) -> None:
    replace(published / name, old, new)
    assert refusal() == STALE


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_not_stale_where_a_published_number_or_a_reason_is_worded_otherwise(published: Path) -> None:
    replace(published / "ts.csv", ",5,fid,41.57,", ",5,fid,41.58,")
    replace(
        published / "readings.csv",
        "classifier guidance,default,guided by a classifier",
        "classifier guidance,default,as the text says",
    )
    assert read_cells()


def test_stale_where_a_published_number_that_the_cells_hold_changed(published: Path) -> None:
    write_study(looking_up())
    assert planned_cell("adm-ddpm-es-100").values == {"b": 1.017}
    replace(published / "ts.csv", ",5,fid,41.57,", ",5,fid,41.58,")
    assert read_cells()
    replace(published / "es.csv", "100,b,1.017", "100,b,1.018")
    assert refusal() == STALE


def test_a_number_in_place_of_a_tuned_value_needs_no_new_plan(study: Path) -> None:
    """As ``dvc exp run -S ts.window=8`` sets it."""
    key = "adm-ip-ddim-ts-4"
    params = toy_params()
    params["ts"]["window"] = "tuned"
    entry = Searched(values={"window": 20}, settings="", trials=[])
    write_tuned({"adm-ip-ddpm-ts-4": entry, key: entry})
    write_study(params)
    cell = planned_cell(key)
    assert read_params().fixes["ts"].resolved(cell.values).settings()["window"] == 20
    params["ts"]["window"] = 8
    write_params(params)
    assert planned_cell(key) == cell
    assert read_params().fixes["ts"].resolved(cell.values).settings()["window"] == 8


def test_stale_where_a_search_found_other_values(study: Path) -> None:
    write_tuned({"adm-ip-ddim-ts-4": Searched(values={"window": 20}, settings="", trials=[])})
    assert refusal() == STALE


def test_a_fault_of_the_params_comes_before_staleness(study: Path) -> None:
    params = toy_params()
    params["seed"] = -1
    write_params(params)
    assert refusal() == "params.yaml: seed: -1: input should be greater than or equal to 0"


@pytest.mark.parametrize(
    ("prepare", "arguments", "message"),
    [
        (lambda: CELLS.unlink(), ["sample", "adm-ip-ddim-ts-4"], f"sample: cells.json: not found; {AGAIN}"),
        (lambda: CELLS.write_text("{"), ["sample", "adm-ip-ddim-ts-4"], f"sample: {EDITED}"),
        (
            lambda: CELLS.write_text(CELLS.read_text().replace('"steps": 4', '"steps": 5', 1)),
            ["train", "adm-ip"],
            f"train: {EDITED}",
        ),
        (lambda: write_params(toy_params() | {"max_steps": 7}), ["sample", "adm-ip-ddim-ts-4"], f"sample: {STALE}"),
        (
            lambda: None,
            ["sample", "adm-ddim-ts-4"],
            "sample: cells.json: has no cell 'adm-ddim-ts-4'; see python -m stages plan for the cells there are",
        ),
        (
            lambda: None,
            ["sample", "../x"],
            "sample: cells.json: has no cell '../x'; see python -m stages plan for the cells there are",
        ),
        (lambda: None, ["train", "adm"], "train: cells.json: has no model 'adm'; allowed are adm-ip"),
    ],
)
def test_stages_refuse_in_one_line(
    study: Path, prepare: Callable[[], object], arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare()
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.err == message + "\n"
    assert captured.out == ""

"""The plan: every published number is measured, a setting or absent for a reason, joined by method and settings."""

from __future__ import annotations

import re
from collections import Counter
from itertools import permutations
from pathlib import PurePath
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.auditing.tables.rows import SOURCES
from stages.config.dataset_settings import DatasetSettings
from stages.config.entries import Cell, PlannedModel
from stages.config.params import FIXED, RESERVED, Params
from stages.plan.cell import Known, cell_cost, condition_of, make_cell
from stages.plan.planning import DIAGNOSED, MEASURED, Plan, PlannedRow, make_plan, table_id
from stages.plan.published_tables import Reading
from tests.reporting.results.studies import (
    axes,
    cells_of,
    committed,
    content,
    edited,
    made_up,
    planned,
    published,
    put,
    rows_of,
)

REASONS = (
    r"needs \S.*: not built yet",
    r"\d+ steps: beyond max_steps \(\d+\)(, [\d,]+ image-evaluations)?",
    r"lost in the source",
    r"\d+ steps: more than [a-z-]+ was trained with",
    r"no section of params\.yaml (has|is) \S.*",
    r"(ip|es|ts)-\d+ is not among tables in params\.yaml",
    # A sampler's grid that cannot hold the steps.
    r"the (uniform|pndm) grid .*cannot hold \d+ steps.*",
    r"(pndm|ddim|ddpm) needs at least \d grid steps, not \d",
    r"the (quadratic|respaced|ts-dpm|uniform) grid needs at least \d steps",
    # It starts where an x0 that is not clipped explodes.
    r"\d+ steps start at time \d+, where alpha_bar is [\d.e-]+: .* explodes; allowed are .*",
)
# Published rows that plain cells cannot be of, with the model and sampler that can where there are some: entered chain,
# latent, conditioned on a text.
SPECIAL = (
    ("ip-1", {"model": "adm"}, 5, ("adm", "ddpm-from-data")),
    ("es-4", {}, 12, ("ldm", "ddim-ldm")),
    ("ts-10", {}, 4, ("text", "ddim-cfg")),
)


# They are Time-Shift too, and take its rows where no section before them does.
RELEASED = ("ts-a", "ts-b", "ts-c", "ts-d")


def explained(reason: str) -> bool:
    return any(re.fullmatch(form, reason) for form in REASONS)


def test_every_published_number_is_in_the_plan_once_and_in_order() -> None:
    expected = [row.key for paper, rows in published().papers.items() if paper != SOURCES for row in rows]
    assert [row.row.key for row in committed().rows] == expected
    assert len(expected) == 666


@pytest.mark.parametrize("max_steps", [5, 100, 1000])
@pytest.mark.parametrize("tables", ["all", ["ip-3", "es-3", "ts-1"]])
def test_a_number_is_measured_or_a_setting_or_absent_for_a_reason_in_words(tables: Any, max_steps: int) -> None:
    plan = planned(put("tables", tables), put("max_steps", max_steps))
    for row in plan.rows:
        if row.model:
            assert (row.row.metric, row.cell, row.reason) == (DIAGNOSED, None, "")
            assert int(row.row.steps) in plan.stages.diagnose[row.model].reverse_steps
        elif row.status == "measured":
            assert row.cell in plan.stages.sample
            assert row.row.metric in MEASURED
            assert int(row.row.steps) == plan.stages.sample[row.cell].steps <= max_steps
            assert (row.reason, row.evaluations) == ("", 0)
        else:
            assert row.cell is None
            assert (row.status == "absent") == bool(row.reason)
            assert row.status == "setting" or explained(row.reason), row
        # A step count that is printed as a setting costs nothing by itself.
        assert (row.evaluations > 0) == ("image-evaluations" in row.reason)
    measured = {row.cell for row in plan.rows if row.cell}
    beside = {under.cell for row in plan.rows for under in row.beside if under.cell}
    assert measured | beside == set(plan.stages.sample), "no grid: every cell has a published number"
    assert list(plan.stages.train) == [
        name for name in edited().models if name in {c.model for c in plan.stages.sample.values()}
    ]


@pytest.mark.parametrize("grid", ["respaced", "pndm", "ts-dpm", "quadratic"])
def test_reasons_of_other_grids_are_in_words_too(grid: str) -> None:
    plan = planned(
        put("max_steps", 1000),
        put("s-pndm/spacing", grid if grid != "respaced" else "uniform"),
        put("ddim-clipped/spacing", grid),
        put("ddim-one-ts-dpm/spacing", "pndm"),
    )
    assert all(row.status != "absent" or explained(row.reason) for row in plan.rows)


def test_settings_are_the_rows_of_no_metric_of_images() -> None:
    for row in committed().rows:
        measurable = row.row.metric in (*MEASURED, DIAGNOSED)
        beyond = row.row.metric == "steps" and int(row.row.value) > 100
        assert (row.status == "setting") == (not measurable and bool(row.row.value) and not beyond), row


def test_tables_with_a_measured_row_at_a_hundred_steps() -> None:
    counts = Counter(table_id(row.row) for row in committed().rows if row.status == "measured")
    assert counts == {
        "ip-1": 2,
        "ip-3": 40,
        "ip-4": 4,
        "ip-5": 16,
        "ip-6": 1,
        "ip-7": 12,
        "es-2": 42,
        "es-3": 24,
        "es-4": 12,
        "es-5": 20,
        "es-6": 35,
        "ts-1": 100,
        "ts-2": 12,
        "ts-3": 24,
        "ts-4": 8,
        "ts-5": 16,
        "ts-6": 12,
        "ts-7": 16,
        "ts-8": 6,
        "ts-9": 12,
        "ts-10": 4,
    }


@pytest.mark.parametrize(("table", "wanted", "number", "special"), SPECIAL)
def test_other_kinds_of_sampling_never_join_plain_cells(
    table: str, wanted: dict[str, str], number: int, special: tuple[str, str]
) -> None:
    plan = planned(put("max_steps", 1000))
    rows = rows_of(plan, table, **wanted)
    assert len(rows) == number
    assert {(plan.stages.sample[str(row.cell)].model, plan.stages.sample[str(row.cell)].sampler) for row in rows} == {
        special
    }


@pytest.mark.parametrize(
    ("table", "wanted", "number", "expected"),
    [
        ("es-2", {"dataset": "imagenet64"}, 7, ("adm-class", "ddpm")),
        ("es-2", {"dataset": "imagenet128"}, 7, ("adm-class-linear", "ddpm-guided")),
        ("es-5", {"dataset": "imagenet64"}, 4, ("adm-class", "ddpm")),
        ("es-5", {"dataset": "imagenet128"}, 4, ("adm-class-linear", "ddpm-guided")),
        ("es-6", {"dataset": "imagenet64", "metric": "fid"}, 7, ("adm-class", "ddpm")),
        ("es-6", {"dataset": "imagenet128", "metric": "fid"}, 7, ("adm-class-linear", "ddpm-guided")),
        ("ts-8", {}, 6, ("adm-class", "ddim-guided")),
    ],
)
def test_conditional_rows_are_of_the_conditional_model_and_no_others_are(
    table: str, wanted: dict[str, str], number: int, expected: tuple[str, str]
) -> None:
    plan = committed()
    rows = rows_of(plan, table, **wanted)
    assert len(rows) == number
    found = {(plan.stages.sample[str(row.cell)].model, plan.stages.sample[str(row.cell)].sampler) for row in rows}
    assert found == {expected}
    own = {row.row.key for name in ("es-2", "es-5", "es-6", "ts-8") for row in rows_of(plan, name)}
    assert all(
        row.row.key in own
        for row in plan.rows
        if row.cell and plan.stages.sample[row.cell].model in ("adm-class", "adm-class-linear")
    )


def test_without_a_conditional_model_or_a_guided_sampler_their_rows_have_a_reason() -> None:
    plan = planned(put("adm-class-recipe/network/classes", 0))
    reasons = {row.reason for row in rows_of(plan, "ts-8")}
    assert reasons == {"no section of params.yaml is the class-conditional model adm, schedule cosine"}


def test_what_no_section_can_be_is_named() -> None:
    keys = frozenset(row.row.key for row in rows_of(committed(), "ts-8"))
    need = Reading("ts/8", "needs", "a magic wand", "default", "made up", "made up", keys)
    plan = make_plan(edited(), Known(published().papers, {}), [*published().readings, need])
    assert {row.reason for row in rows_of(plan, "ts-8")} == {"needs a magic wand: not built yet"}


# The join


def renamed(names: dict[str, str], params: dict[str, Any]) -> dict[str, Any]:
    """The same params with other names of sections, in the same order."""
    changed = {names.get(name, name): section for name, section in params.items()}
    for section in changed.values():
        if isinstance(section, dict) and "recipe" in section:
            section["recipe"] = names[section["recipe"]]
        if isinstance(section, dict) and "autoencoder" in section:
            section["autoencoder"] = names[section["autoencoder"]]
    for key in ("sampler", "fix"):
        changed["trajectory"][key] = names[changed["trajectory"][key]]
    return changed


def named_sections() -> list[str]:
    return [name for name in content() if name not in FIXED]


def row_without_names(row: PlannedRow, plan: Plan, old: dict[str, str]) -> PlannedRow:
    """A planned number with the axes of its cells in place of their keys, named as they were."""

    def cell(key: str | None) -> Any:
        # A name may look like a step count.
        return key and tuple(
            part if axis == "steps" else old.get(str(part), part) for axis, part in plan.stages.sample[key].axes.items()
        )

    return row._replace(
        cell=cell(row.cell),
        set_in=cell(row.set_in),
        model=row.model and old[row.model],
        beside=tuple(under._replace(cell=cell(under.cell)) for under in row.beside),
    )


def without_names(plan: Plan, names: dict[str, str]) -> tuple[Any, ...]:
    """A plan with its names as they were before they were changed."""
    old = {new: name for name, new in names.items()}

    def cell(found: Cell) -> Cell:
        before = {axis: old[getattr(found, axis)] for axis in ("model", "sampler", "fix")}
        before["input"] = found.input.replace(f"/{found.model}.", f"/{before['model']}.")
        return found.model_copy(update=before)

    def model(found: PlannedModel) -> PlannedModel:
        encoder = PurePath(found.input)
        before = {"input": str(encoder.with_stem(old[encoder.stem]))} if encoder.stem in old else {}
        return found.model_copy(update={"recipe": old[found.recipe]} | before)

    models = {old[name]: model(found) for name, found in plan.stages.train.items()}
    return (
        models,
        list(models),
        [cell(found) for found in plan.stages.sample.values()],
        [row_without_names(row, plan, old) for row in plan.rows],
    )


def assert_same_but_for_names(names: dict[str, str]) -> None:
    def edit(params: dict[str, Any]) -> None:
        changed = renamed(names, params)
        params.clear()
        params.update(changed)

    same = {name: name for name in names}
    assert without_names(planned(edit), names) == without_names(committed(), same)


@settings(max_examples=8)
@given(st.lists(st.from_regex(r"[a-z0-9]{1,6}", fullmatch=True), unique=True, min_size=70, max_size=70))
def test_the_join_is_by_method_and_settings_never_by_name(drawn: list[str]) -> None:
    free = [name for name in drawn if name not in (*FIXED, *RESERVED)]
    assert_same_but_for_names(dict(zip(named_sections(), free, strict=False)))


@pytest.mark.parametrize("shift", [1, 5, 9])
def test_names_that_say_something_else_mislead_nobody(shift: int) -> None:
    names = named_sections()
    # Dashes are taken out, so that no two cells have one key.
    assert_same_but_for_names({name: names[(i + shift) % len(names)].replace("-", "0") for i, name in enumerate(names)})


def first(name: str, section: dict[str, Any]) -> Any:
    def edit(params: dict[str, Any]) -> None:
        rest = dict(params)
        params.clear()
        params.update({name: section} | rest)

    return edit


@pytest.mark.parametrize("name", ["adm-ip", "ddim-quadratic", "ddpm", "es", "es-linear", "ts", "none"])
def test_the_first_section_with_the_settings_wins(name: str) -> None:
    twin = content()[name]
    assert planned(put("twin", twin)) == committed()
    plan = planned(first("twin", twin))
    found = plan.stages.sample.values()
    before = committed().stages.sample.values()
    assert len(found) == len(before)
    assert name not in {part for cell in found for part in axes(cell)}
    assert [tuple(name if part == "twin" else part for part in axes(cell)) for cell in found] == [*map(axes, before)]


def test_a_second_section_of_a_method_gets_the_rows_that_fit_it_alone() -> None:
    assert planned(put("es-strong", content()["es"] | {"b": 1.03})) == committed(), "es was there first"
    plan = planned(put("ddim-short", content()["ddim-ts-dpm"]), put("ddim-ts-dpm/eta", 0.25))
    assert {cell.sampler for cell in cells_of(plan, "ts-1", sampler="ddim", spacing="uniform")} == {"ddim-short"}


def test_a_section_whose_settings_change_loses_its_rows() -> None:
    plan = planned(put("ddim-ts-dpm/eta", 0.25))
    assert "ddim-ts-dpm" not in {cell.sampler for cell in plan.stages.sample.values()}
    printed = ", spacing uniform, eta 0, spacing ts-dpm"
    for table, asked in (("ts-1", printed), ("ts-5", printed), ("es-3", ", eta 0, spacing ts-dpm, direction scaled")):
        spacing = "" if table == "es-3" else "uniform"
        rows = rows_of(plan, table, sampler="ddim", eta="0", spacing=spacing)
        assert rows
        assert {row.reason for row in rows} == {f"no section of params.yaml has sampler ddim{asked}"}
        unharmed = [row for row in rows_of(plan, table) if row not in rows]
        assert unharmed == [row for row in rows_of(committed(), table) if row.row in [r.row for r in unharmed]]


def without_perturbation(params: dict[str, Any]) -> None:
    for name in ("adm-ip", "adm-ip-05", "adm-ip-20"):
        params[name]["gamma"] = 0.0


@pytest.mark.parametrize(
    ("edit", "table", "wanted", "reason"),
    [
        (put("ts/method", "none"), "ts-1", {"fix": "ts"}, "no section of params.yaml is the fix ts"),
        (put("ts/update_time", "shifted"), "ts-1", {"fix": "ts"}, "no section of params.yaml is the fix ts, method ti"),
        (put("ddpm/variance", "large"), "ip-3", {}, "no section of params.yaml has sampler ddpm, spacing respaced, va"),
        (put("es-linear/k", 0.0), "es-2", {"fix": "es-linear"}, "no section of params.yaml is the fix es-linear"),
        (without_perturbation, "ip-3", {"model": "adm-ip"}, "no section of params.yaml is the model adm-ip, gamma 0.1"),
        (put("ddim-half/eta", 0.6), "ip-5", {"eta": "0.5"}, "no section of params.yaml has sampler ddim, eta 0.5, sp"),
        (put("f-pndm/order", 2), "ts-1", {"sampler": "f-pndm"}, "no section of params.yaml has sampler f-pndm, spaci"),
        (put("s-pndm/spacing", "quadratic"), "ts-1", {"sampler": "s-pndm"}, "no section of params.yaml has sampler s-"),
        (put("ddim-clipped/clip", False), "ts-2", {}, "no section of params.yaml has sampler ddim-clipped, spacing"),
    ],
)
def test_reasons_of_what_no_section_is(edit: Any, table: str, wanted: dict[str, str], reason: str) -> None:
    def at_will(params: dict[str, Any]) -> None:
        edit(params)
        if params["ts"]["method"] == "none":
            params["ts"] = {"method": "none"}
            params.update({name: {"method": "none"} for name in RELEASED})

    rows = rows_of(planned(at_will, put("tables", [table, "ip-3", "ts-9"])), table, **wanted)
    rows = [row for row in rows if not row.reason.startswith("needs ")]
    assert rows
    assert {row.reason for row in rows if not row.reason.startswith(reason)} == set()


def test_a_model_is_perturbed_where_gamma_is_above_zero_and_read_by_how_much() -> None:
    swapped = planned(put("adm-ip/gamma", 0.0), put("adm/gamma", 0.1))
    assert {cell.model for cell in cells_of(swapped, "ip-3", model="adm-ip")} == {"adm"}
    assert {cell.model for cell in cells_of(swapped, "ip-3", model="adm")} == {"adm-ip"}
    other = planned(put("adm-ip/gamma", 0.12), put("adm-ip-05/gamma", 0.1))
    assert {cell.model for cell in cells_of(other, "ip-3", model="adm-ip")} == {"adm-ip-05"}


def test_which_sections_the_committed_tables_use() -> None:
    def used(table: str, **wanted: str) -> set[tuple[str, ...]]:
        return {axes(cell) for cell in cells_of(committed(), table, **wanted)}

    assert used("ip-3") == {("adm", "ddpm", "none"), ("adm-ip", "ddpm", "none")}
    linear = {("adm", "ddpm"), ("adm-class", "ddpm"), ("adm-class-linear", "ddpm-guided")}
    assert used("es-2", fix="es-linear") == {(*axes, "es-linear") for axes in linear}
    assert used("ts-1", sampler="ddpm", fix="ts") == {("ddpm-net", "ddim-one-ts-dpm", "ts")}
    assert used("ts-1", sampler="f-pndm", fix="none") == {("ddpm-net", "f-pndm", "none")}
    assert used("ts-2", model="adm-ip") == {("adm-ip-15", "ddim-clipped", "none")}
    assert used("ts-7") == {("adm", "ddim-clipped", "none"), ("adm", "ddim-clipped", "ts")}


def test_modules_are_those_of_the_methods() -> None:
    cell = committed().stages.sample["ddpm-net-ddim-one-ts-dpm-ts-10"]
    assert (cell.network, cell.sampler_module, cell.fix_module) == ("ddpm", "ddim", "time_shift")
    cell = committed().stages.sample["adm-ddpm-es-100"]
    assert (cell.network, cell.sampler_module, cell.fix_module) == ("adm", "ddpm", "epsilon_scaling")
    assert committed().stages.train["ddpm-net-ip"].model_dump() == {
        "recipe": "ddpm-recipe",
        "objective": "ddpm",
        "network": "ddpm",
        "autoencoder": "pixels",
        "input": "dataset.npz",
        "keep": [],
    }


# Readings


PERTURBED = {"model": "adm-ip"}
TABLES_OF_ADM = ("ip-1", "ip-2", "ip-3", "ip-4", "ip-7", "ip-8", "es-2", "es-5", "es-6")


def settings_of(plan: Plan, table: str, kind: str, setting: str, **wanted: str) -> set[Any]:
    """The values of a setting in the sections that the cells of some rows name."""
    params = edited()
    found = set()
    for cell in cells_of(plan, table, **wanted):
        model = params.models[cell.model]
        sections = {
            "sampler": params.samplers[cell.sampler],
            "fix": params.fixes[cell.fix],
            "model": model,
            "recipe": params.recipes[model.recipe],
        }
        found.add(getattr(sections[kind], setting))
    return found


@pytest.mark.parametrize("table", TABLES_OF_ADM)
def test_adm_is_sampled_with_the_variance_that_it_learned(table: str) -> None:
    plan = planned(put("max_steps", 1000))
    assert settings_of(plan, table, "sampler", "variance") == {"learned"}


@pytest.mark.parametrize(
    ("table", "wanted", "kind", "setting", "value"),
    [
        ("ip-1", PERTURBED, "model", "gamma", 0.1),
        ("ip-3", PERTURBED, "model", "gamma", 0.1),
        ("ip-4", PERTURBED, "model", "gamma", 0.1),
        ("ip-7", PERTURBED, "model", "gamma", 0.1),
        ("es-2", PERTURBED, "model", "gamma", 0.15),
        ("ts-2", PERTURBED, "model", "gamma", 0.15),
        ("es-2", {"dataset": "imagenet128"}, "recipe", "schedule", "linear"),
        ("es-5", {"dataset": "imagenet128"}, "recipe", "schedule", "linear"),
        ("es-6", {"dataset": "imagenet128"}, "recipe", "schedule", "linear"),
        ("es-2", {"dataset": "imagenet64"}, "recipe", "schedule", "cosine"),
        ("es-2", {"dataset": "cifar10"}, "recipe", "schedule", "cosine"),
        ("es-2", {"dataset": "imagenet128"}, "sampler", "scale", 0.5),
        ("ts-8", {}, "sampler", "scale", 1.0),
        ("ts-8", {}, "recipe", "schedule", "cosine"),
        ("ip-5", {}, "sampler", "spacing", "quadratic"),
        ("es-3", {}, "sampler", "spacing", "ts-dpm"),
        ("es-4", {}, "sampler", "spacing", "ldm"),
        ("es-4", {}, "sampler", "eta", 1.0),
        ("es-4", {"fix": "es"}, "sampler", "direction", "plain"),
        ("ts-1", {"spacing": "uniform"}, "sampler", "spacing", "ts-dpm"),
        ("ts-1", {"spacing": "quadratic"}, "sampler", "spacing", "quadratic"),
        ("ts-2", {}, "sampler", "spacing", "uniform"),
        ("ts-3", {}, "sampler", "spacing", "ts-dpm"),
        ("ts-4", {}, "sampler", "spacing", "uniform"),
        ("ts-5", {}, "sampler", "spacing", "ts-dpm"),
        ("ts-6", {"sampler": "ddim"}, "sampler", "spacing", "quadratic"),
        *((f"ts-{n}", {"fix": "ts"}, "fix", "method", "time-shift") for n in range(1, 11)),
        *((f"ts-{n}", {"fix": "ts"}, "fix", "update_time", "scheduled") for n in range(1, 11)),
    ],
)
def test_what_is_not_printed_is_as_its_reading_has_it(
    table: str, wanted: dict[str, str], kind: str, setting: str, value: Any
) -> None:
    assert settings_of(committed(), table, kind, setting, **wanted) == {value}


def test_the_times_of_the_ddpm_network_are_of_a_step_less() -> None:
    """TS, App. F: milliseconds per step are constant for steps - 1 of DDIM, and for steps + 8 of F-PNDM."""
    params = edited()
    found = {
        (cell.sampler, cell.steps): cell_cost(params, cell.model, cell.sampler, cell.steps) // params.sample.n
        for cell in cells_of(committed(), "ts-3")
    }
    for steps in (5, 10, 20, 50):
        assert found["ddim-ts-dpm", steps] == steps - 1
        assert found["s-pndm", steps] == steps
        assert found["f-pndm", steps] == steps + 8


def test_every_choice_between_sections_has_a_reading_with_evidence() -> None:
    """Of the sections that fit what is printed, the readings name each setting in which they differ."""
    params = edited()
    own = {"recipe", "seed"}
    for row in committed().rows:
        if row.cell is None:
            continue
        assert all(reading.evidence for reading in row.readings)
        cell = committed().stages.sample[row.cell]
        condition = condition_of(params, cell.model)
        alike = {
            "fix": [fix for fix in params.fixes.values() if fix.coordinate() == row.row.fix],
            "sampler": [
                sampler
                for sampler in params.samplers.values()
                if sampler.need == params.samplers[cell.sampler].need
                and all(getattr(row.row, name) in ("", value) for name, value in sampler.coordinates().items())
            ],
            "model": [
                model
                for name, model in params.models.items()
                if model.coordinate() == row.row.model and condition_of(params, name) == condition
            ],
        }
        alike["recipe"] = [params.recipes[model.recipe] for model in alike["model"]]
        read = {reading.setting for reading in row.readings}
        for kind, sections in alike.items():
            methods = {getattr(section, "method", "") for section in sections}
            if len(methods) > 1:
                assert f"{kind}.method" in read or f"{kind}.spacing" in read, (row.row.label, methods)
            same = [section for section in sections if getattr(section, "method", "") == _method(params, cell, kind)]
            for setting in {name for section in same for name in type(section).model_fields} - own:
                if len({str(getattr(section, setting)) for section in same}) > 1 and setting != "spacing":
                    assert f"{kind}.{setting}" in read or getattr(row.row, setting, ""), (row.row.label, setting)


def _method(params: Params, cell: Cell, kind: str) -> str:
    sections = {
        "fix": params.fixes[cell.fix],
        "sampler": params.samplers[cell.sampler],
        "model": params.models[cell.model],
    }
    return sections[kind].method if kind in sections else ""


def test_without_readings_what_is_not_printed_fits_any_section() -> None:
    plan = make_plan(edited(), Known(published().papers, {}), [])
    assert {cell.sampler for cell in cells_of(plan, "ip-5", eta="0")} == {"ddim"}
    assert cells_of(plan, "ts-8"), "a need comes from the readings alone"


# Further readings


BESIDE = put("beside", [{"setting": "sampler.variance", "max_steps": 100}])


def under(plan: Plan, name: str, table: str, **wanted: str) -> dict[int, tuple[Any, ...]]:
    """The axes of the cells that measure some rows under a further reading, by their steps."""
    readings = [each for row in rows_of(plan, table, **wanted) for each in row.beside if each.reading.name == name]
    cells = [plan.stages.sample[each.cell] for each in readings if each.cell]
    return {cell.steps: tuple(cell.axes.values())[:3] for cell in cells}


def reasons_under(plan: Plan, name: str, table: str, **wanted: str) -> set[str]:
    """Why rows have no cell under a further reading."""
    readings = [each for row in rows_of(plan, table, **wanted) for each in row.beside if each.reading.name == name]
    return {each.reason for each in readings if not each.cell}


def test_a_further_reading_has_cells_of_its_own_up_to_the_steps_asked_for() -> None:
    plan = committed()
    small = ("adm", "ddpm-small", "es")
    assert under(plan, "variance small", "es-2", dataset="cifar10", fix="es") == {20: small, 50: small}
    guided = under(plan, "variance small", "es-2", dataset="imagenet128", fix="none")
    assert guided == dict.fromkeys((20, 50), ("adm-class-linear", "ddpm-guided-small", "none"))
    assert under(plan, "variance small", "ip-3") == {}
    assert reasons_under(plan, "variance small", "ip-3") == {
        "80 steps: beyond those of beside (50)",
        "100 steps: beyond those of beside (50)",
    }
    more = under(planned(BESIDE), "variance small", "ip-3", model="adm-ip")
    assert more == dict.fromkeys((80, 100), ("adm-ip", "ddpm-small", "none"))


def test_a_further_reading_that_is_not_asked_for_changes_nothing_of_the_cells() -> None:
    plan = planned(put("beside", None))
    rest = {key: cell for key, cell in committed().stages.sample.items() if "small" not in cell.sampler}
    assert plan.stages.sample == rest
    reasons = {each.reason for row in rows_of(plan, "es-2") for each in row.beside}
    assert reasons == {f"{name} is not among beside in params.yaml" for name in ("sampler.variance", "model.gamma")}


def test_a_further_reading_that_no_section_has_says_so() -> None:
    plan = planned(BESIDE, put("ddpm-small/variance", "large"))
    assert reasons_under(plan, "variance small", "ip-7") == {
        "no section of params.yaml has sampler ddpm, spacing respaced, variance small"
    }


def test_another_method_takes_the_place_of_all_settings_of_its_kind() -> None:
    plan = planned(put("beside", [{"setting": "fix.method", "max_steps": 10}]))
    released = {
        "ts-1": {("ddpm-net", sampler, "ts-a") for sampler in ("ddim-ts-dpm", "ddim-one-ts-dpm", "s-pndm", "f-pndm")},
        "ts-2": {("adm", "ddim-clipped", "ts-b")},
        "ts-9": {("ddpm-net", "dpm-solver-2", "ts-c"), ("ddpm-net", "deis", "ts-d")},
    }
    for table, expected in released.items():
        cells = [
            plan.stages.sample[each.cell]
            for row in rows_of(plan, table)
            for each in row.beside
            if each.cell and each.reading.setting == "fix.method"
        ]
        assert {tuple(cell.axes.values())[:3] for cell in cells} == expected
        assert {cell.steps for cell in cells} == {5, 10}


def test_a_shifted_update_is_beside_the_scheduled_one() -> None:
    plan = planned(
        put("ts-shifted", content()["ts"] | {"update_time": "shifted"}),
        put("beside", [{"setting": "fix.update_time", "max_steps": 5}]),
    )
    assert under(plan, "update_time shifted", "ts-1", sampler="f-pndm") == {5: ("ddpm-net", "f-pndm", "ts-shifted")}
    deis = reasons_under(plan, "update_time shifted", "ts-9", sampler="deis-tab2", steps="5")
    assert deis == {"ts-shifted moves where steps start or lead, and deis goes along its grid alone"}


def test_settings_tables_are_read_as_of_their_models() -> None:
    assert {row.row.model for row in rows_of(committed(), "ip-9")} == {"adm"}
    assert {row.row.model for row in rows_of(committed(), "ip-10")} == {"ddpm"}


# What it costs


def evaluations(sampler: str, steps: int, *edits: Any) -> int:
    params = edited(*edits)
    return make_cell(params, Known({}, {}), "ddpm-net", sampler, "none", steps)[1]


@pytest.mark.parametrize(("sampler", "extra"), [("ddim", 0), ("ddim-quadratic", 0), ("s-pndm", 0), ("f-pndm", 8)])
@pytest.mark.parametrize("steps", [5, 100])
def test_evaluations_are_images_times_nfe(sampler: str, extra: int, steps: int) -> None:
    assert evaluations(sampler, steps) == 1000 * (steps + extra)
    assert evaluations(sampler, steps, put("sample/n", 60)) == 60 * (steps + extra)


def test_the_grid_of_ts_dpm_takes_one_evaluation_less() -> None:
    assert evaluations("ddim", 10, put("ddim/spacing", "ts-dpm")) == 1000 * 9


@pytest.mark.parametrize(("sampler", "extra"), [("ddim", -1), ("s-pndm", 0), ("f-pndm", 8)])
def test_a_number_beyond_max_steps_has_its_cost(sampler: str, extra: int) -> None:
    (row,) = rows_of(
        planned(put("max_steps", 50)),
        "ts-1",
        sampler=sampler,
        dataset="cifar10",
        steps="100",
        fix="ts",
        spacing="uniform",
    )
    cost = 1000 * (100 + extra)
    assert row.evaluations == cost
    assert row.reason == f"100 steps: beyond max_steps (50), {cost:,} image-evaluations"


def test_max_steps_itself_is_run() -> None:
    steps = {cell.steps for cell in planned(put("max_steps", 80)).stages.sample.values()}
    assert max(steps) == 80
    assert {cell.steps for cell in planned(put("max_steps", 79)).stages.sample.values()} == steps - {80}


# Looked-up values


def looked_up(dataset: str, table: str, fix: str, *edits: Any) -> dict[int, dict[str, float]]:
    params = edited(put("tables", [table]), *edits)
    # Not all data sets of the papers have a file.
    params = params.model_copy(update={"prepare": DatasetSettings(dataset=dataset)})
    plan = make_plan(params, Known(published().papers, {}), published().readings)
    return {cell.steps: cell.values for cell in cells_of(plan, table, fix=fix)}


B_PUBLISHED = put("es/b", "published")


@pytest.mark.parametrize(
    ("dataset", "b"),
    [("cifar10", {100: 1.017, 50: 1.017, 20: 1.017}), ("lsun-tower64", {100: 1.006, 50: 1.007, 20: 1.011})],
)
def test_published_values_end_in_the_cells_own_entry(dataset: str, b: dict[int, float]) -> None:
    expected = {steps: {"b": value} for steps, value in b.items()}
    assert looked_up(dataset, "es-2", "es", B_PUBLISHED) == expected
    assert looked_up(dataset, "es-6", "es", B_PUBLISHED) == expected
    assert not any(looked_up(dataset, "es-2", "es").values()), "a number is no look-up"


def test_both_values_of_the_linear_schedule_are_looked_up() -> None:
    both = put("es-linear/k", "published"), put("es-linear/b", "published")
    assert looked_up("cifar10", "es-6", "es-linear", *both) == {20: {"k": 0.0025, "b": 1.0}}
    assert looked_up("lsun-tower64", "es-6", "es-linear", *both) == {20: {"k": 0.0008, "b": 1.0034}}
    assert looked_up("ffhq128", "es-6", "es-linear", both[0]) == {20: {"k": 0.0004}}


def test_a_value_that_no_paper_prints_is_a_reason() -> None:
    plan = planned(B_PUBLISHED)
    assert not any(cell.fix == "es" for cell in plan.stages.sample.values())
    (row,) = rows_of(plan, "es-2", dataset="cifar10", fix="es", steps="50", column=rows_of(plan, "es-2")[0].row.column)
    place = "dataset digits, model adm, sampler ddpm, spacing respaced, fix es, steps 50"
    assert row.reason == f"es.b is published, but no paper prints it for {place}"
    plan = planned(B_PUBLISHED, put("prepare/dataset", "cifar10"))
    assert {row.reason for row in rows_of(plan, "es-3", fix="es", steps="50")} == {
        "es.b is published, but no paper prints it for dataset cifar10, model ddpm, "
        f"sampler {sampler}, spacing uniform, eta {eta}, fix es, steps 50"
        for sampler, eta in (("ddim", 0), ("ddpm", 1))
    }, "lost values are not found"


@pytest.mark.parametrize("sampler", ["ddim", "ddim-one", "ddim-clipped"])
def test_a_published_value_is_that_of_the_very_sampler(sampler: str) -> None:
    """ES prints 1.017 for ADM's stochastic sampler at 20 steps, and nothing for DDIM with this network."""
    free = [{"models": ["adm"], "samplers": [sampler], "fixes": ["es"], "steps": [20]}]
    with pytest.raises(ValueError, match=r"^grid: adm, .*es\.b is published, but no paper prints it for"):
        planned(B_PUBLISHED, put("prepare/dataset", "cifar10"), put("grid", free))


# Refusals, and the free grid


@pytest.mark.parametrize(
    ("edits", "fault"),
    [
        ((put("tables", ["ip-3", "ip-11"]),), "tables: 'ip-11' is no published table; allowed are all, or of es-1, "),
        ((put("tables", ["sources-1"]),), "tables: 'sources-1' is no published table"),
        ((put("tables", []),), "tables, max_steps and grid leave no cell to measure"),
        ((put("max_steps", 1),), "tables, max_steps and grid leave no cell to measure"),
        ((put("tables", ["ip-9", "es-7"]),), "tables, max_steps and grid leave no cell to measure"),
    ],
)
def test_refusals(edits: Any, fault: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(fault)}"):
        planned(*edits)


@pytest.mark.parametrize(
    ("labels", "models", "fault"),
    [
        ("balanced", ["adm"], "sample.labels: balanced: no cell has class labels; allowed is random"),
        ([3], ["adm", "adm-ip"], "sample.labels: [3]: no cell has class labels; allowed is random"),
        ("balanced", ["text"], "sample.labels: balanced: no cell has class labels; allowed is random"),
        ([0, 10], ["adm-class", "adm"], "sample.labels: 10: adm-class-recipe.network.classes = 10 allows 0 to 9"),
        ([0, 9], ["adm-class", "adm"], None),
        ("balanced", ["adm-class"], None),
        ("random", ["adm"], None),
    ],
)
def test_labels_that_no_cell_has_are_refused(labels: Any, models: list[str], fault: str | None) -> None:
    edits = (put("sample/labels", labels), put("tables", []), grid(models, ["ddim"], ["none"], [5]))
    # The trajectory is of models without classes.
    if fault is None:
        planned(*edits)
    else:
        with pytest.raises(ValueError, match=f"^{re.escape(fault)}$"):
            planned(*edits)


def test_guided_images_have_labels_without_a_network_that_has_classes() -> None:
    edits = (put("sample/labels", [0, 9]), put("tables", []))
    planned(*edits, grid(["adm"], ["ddim-guided"], ["none"], [5]))


def grid(models: list[str], samplers: list[str], fixes: list[str], steps: list[int]) -> Any:
    return put("grid", {"models": models, "samplers": samplers, "fixes": fixes, "steps": steps})


@pytest.mark.parametrize(
    ("free", "fault"),
    [
        (grid(["adm"], ["ddim"], ["none"], [80]), "grid: adm, ddim, none, 80 steps: the uniform grid of 1000 cannot h"),
        (grid(["adm"], ["f-pndm"], ["ts"], [4]), "grid: adm, f-pndm, ts, 4 steps: pndm needs at least 4 grid steps, n"),
        (grid(["adm"], ["ddim-quadratic"], ["ts"], [1]), "the quadratic grid needs at least 2 steps"),
        (
            grid(["ddpm-net"], ["deis"], ["ts-a"], [5]),
            "ts-a moves where steps start or lead, and deis goes",
        ),
        (grid(["adm"], ["ddpm"], ["none"], [1001]), "grid: adm, ddpm, none, 1001 steps: 1001 steps: allowed are 1 to"),
    ],
)
def test_a_grid_of_cells_that_cannot_be_is_refused(free: Any, fault: str) -> None:
    with pytest.raises(ValueError, match=re.escape(fault)):
        planned(free)


def test_a_learned_variance_needs_a_network_that_predicts_it() -> None:
    with pytest.raises(ValueError, match="grid: ddpm-net, ddpm, none, 5 steps: ddpm needs a variance, which ddpm-net"):
        planned(grid(["ddpm-net"], ["ddpm"], ["none"], [5]))


def test_free_grid_and_tables_merge_to_one_cell() -> None:
    plan = planned(grid(["adm"], ["ddpm"], ["none", "ts"], [100, 1000]))
    assert [row for row in plan.rows if row.row.steps != "1000"] == [
        row for row in committed().rows if row.row.steps != "1000"
    ]
    assert {row.status for row in rows_of(plan, "ip-2", model="adm")} == {"measured"}, "however many steps it has"
    assert set(plan.stages.sample) - set(committed().stages.sample) == {
        "adm-ddpm-ts-100",
        "adm-ddpm-none-1000",
        "adm-ddpm-ts-1000",
    }
    assert plan.stages.sample["adm-ddpm-none-100"] == committed().stages.sample["adm-ddpm-none-100"]


def test_the_free_grid_may_be_several_products() -> None:
    products = [
        {"models": ["adm"], "samplers": ["ddpm"], "fixes": ["none"], "steps": [3]},
        {"models": ["ddpm-net"], "samplers": ["ddim"], "fixes": ["none", "ts"], "steps": [2]},
    ]
    plan = planned(put("tables", []), put("grid", products))
    assert [*plan.stages.sample] == ["adm-ddpm-none-3", "ddpm-net-ddim-none-2", "ddpm-net-ddim-ts-2"]


def test_the_grid_alone_is_a_plan() -> None:
    plan = planned(put("tables", []), put("trajectory/models", []), grid(["ddpm-net"], ["ddim"], ["es"], [3]))
    assert [*plan.stages.sample] == ["ddpm-net-ddim-es-3"]
    assert [*plan.stages.train] == ["ddpm-net"]
    assert not any(row.status == "measured" for row in plan.rows)
    assert "ip-3 is not among tables in params.yaml" in {row.reason for row in plan.rows}


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_two_cells_of_one_name_are_refused(order: list[int]) -> None:
    """Keys join names by dashes, which names may hold."""
    found = content()
    sections = [put("a-b", found["adm"]), put("a", found["adm"]), put("c", found["ddim"]), put("b-c", found["ddpm"])]
    models = [["a-b", "a"][i] for i in order]
    with pytest.raises(ValueError, match=r"^two cells have the name a-b-c-none-5; name a section otherwise$"):
        planned(*sections, grid(models, ["c", "b-c"], ["none"], [5]))
    plan = planned(*sections, put("tables", []), grid(["a"], ["c", "b-c"], ["none"], [5]))
    assert [*plan.stages.sample] == ["a-c-none-5", "a-b-c-none-5"]


def test_keys_are_unique_and_the_tables_asked_for_are_all_there_is() -> None:
    plan = planned(put("tables", ["ts-2"]))
    assert len(plan.stages.sample) == 12
    assert [*plan.stages.train] == ["adm", "adm-ip-15"]
    assert all(row.status == "absent" for row in plan.rows if table_id(row.row) != "ts-2")


def test_a_number_without_a_step_count_is_absent_in_words() -> None:
    row = made_up(
        dataset="cifar10", model="adm", sampler="ddpm", spacing="respaced", fix="none", metric="fid", value="3.0"
    )
    plan = make_plan(edited(), Known({"ip": [row, row._replace(column="10 steps", steps="10")]}, {}), [])
    assert [(p.status, p.reason) for p in plan.rows] == [("absent", "no step count is printed"), ("measured", "")]


def test_orders_of_sections_of_different_settings_do_not_matter() -> None:
    fixes = ["none", "es", "es-linear", "ts"]

    def reordered(order: tuple[str, ...]) -> Any:
        def edit(params: dict[str, Any]) -> None:
            sections = {name: params.pop(name) for name in (*fixes, *RELEASED)}
            params.update({name: sections[name] for name in (*order, *RELEASED)})

        return edit

    for order in list(permutations(fixes))[::8]:
        assert planned(reordered(order)) == committed()


ONE = [{"models": ["ddpm-net"], "samplers": ["ddim"], "fixes": ["none"], "steps": [5]}]


def test_deterministic_chains_are_diagnosed_as_far_as_max_steps() -> None:
    def found(*edits: Any) -> list[tuple[str, str, int]]:
        rows = rows_of(planned(*edits), "ip-6")
        return [(row.row.steps, row.status, row.evaluations) for row in rows]

    assert found() == [
        ("100", "measured", 0),
        ("300", "absent", 150000),
        ("600", "absent", 300000),
        ("1000", "absent", 500000),
    ]
    plan = planned(put("max_steps", 600))
    assert [row.model for row in rows_of(plan, "ip-6")] == ["adm", "adm", "adm", None]
    reversed_chains = {name: found.reverse_steps for name, found in plan.stages.diagnose.items() if found.reverse_steps}
    assert reversed_chains == {"adm": [100, 300, 600]}
    assert plan.stages.diagnose["adm"].pair_steps == [100, 300, 600, 1000]
    assert all(not found.reverse_steps for found in planned(put("max_steps", 99)).stages.diagnose.values())
    short = put("adm-recipe/timesteps", 200), put("max_steps", 1000), put("tables", ["ip-6"]), put("grid", ONE)
    assert [status for _, status, _ in found(*short)] == ["measured", "absent", "absent", "absent"]
    assert found(put("tables", ["ip-3"]))[0][1] == "absent"


def test_models_are_diagnosed_at_the_scaling_and_the_guidance_of_their_cells() -> None:
    diagnosed = committed().stages.diagnose
    cells = committed().stages.sample
    assert {name for name, found in diagnosed.items() if found.scalings} == {"adm", "adm-class", "adm-class-linear"}
    guided = diagnosed["adm-class-linear"]
    assert (guided.fix, guided.guided, guided.guide) == ("es", "ddpm-guided", "guides/adm-class-linear.safetensors")
    for name, sampler, key in [
        ("adm-class-linear", "ddpm-guided", "adm-class-linear-ddpm-guided-es-20"),
        ("adm", "ddpm", "adm-ddpm-es-20"),
        ("adm", "ddpm-small", "adm-ddpm-small-es-20"),
    ]:
        (found,) = (each for each in diagnosed[name].scalings if (each.sampler, each.steps) == (sampler, 20))
        assert found.values == cells[key].values
    plain = diagnosed["adm-ip"]
    assert (plain.fix, plain.guided, plain.guide) == ("diagnose", "diagnose", "models/adm-ip.safetensors")


@pytest.mark.parametrize(("variance", "name"), [("learned", "ddpm"), ("small", "ddpm-small"), ("large", None)])
def test_the_variance_of_a_cell_decides_whose_scaling_it_is(variance: str, name: str | None) -> None:
    grid = [{"models": ["adm", "ddpm-net"], "samplers": ["mine"], "fixes": ["es"], "steps": [20]}]
    mine = put("mine", {"method": "ddpm", "spacing": "respaced", "variance": variance})
    edits = [mine, put("tables", []), put("grid", grid), put("es/b", 1.005)]
    if variance == "learned":
        with pytest.raises(ValueError, match="mine needs a variance, which ddpm-net does not predict"):
            planned(*edits)
        grid[0]["models"] = ["adm"]
    diagnosed = planned(*edits).stages.diagnose
    assert [each.sampler for each in diagnosed["adm"].scalings] == ([name] if name else [])
    assert diagnosed["adm"].fix == ("es" if name else "diagnose")
    if variance == "small":
        assert [each.sampler for each in diagnosed["ddpm-net"].scalings] == ["ddpm"]


def test_a_published_number_whose_chain_would_explode_is_absent_with_the_reason() -> None:
    """Under the cosine schedule all numbers of DPM-Solver and DEIS, whose chains start at T - 1."""
    linear, cosine = planned(), planned(put("ddpm-recipe/schedule", "cosine"), put("grid", ONE))
    for before, after in zip(linear.rows, cosine.rows, strict=True):
        if before.status == "measured" and before.row.sampler in ("dpm-solver-2", "deis-tab2"):
            assert after.status == "absent"
            assert re.match(r"\d+ steps start at time 999, where alpha_bar is 2.4e-09: below 1e-05", after.reason)
        else:
            assert (before.status, before.cell) == (after.status, after.cell)


def test_a_model_that_is_diagnosed_alone_is_trained() -> None:
    assert list(planned(put("tables", ["ip-6"]), put("grid", ONE)).stages.train) == ["adm", "ddpm-net"]

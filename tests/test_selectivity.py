"""Real DVC on a toy study: a change reruns what depends on it, and nothing else.

Where ``dvc status`` tells it, nothing is run: it lists what a change reaches first, and what follows from that is shown
by the tests that run.
"""

from __future__ import annotations

import csv
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.dvc_study import (
    KEYS,
    append,
    assign,
    attempt,
    both,
    edit,
    executed,
    plan,
    read_study,
    repro,
    run,
    scores,
    stale,
)
from tests.toy import toy_params

ES = {"adm-ip-ddpm-es-4", "adm-ip-ddim-es-4"}
TS = {"adm-ip-ddpm-ts-4", "adm-ip-ddim-ts-4"}
TIME_SHIFT = "stages/methods/fixes/time_shift.py"
REPORT_CSS = "stages/auditing/output/templates/report.css"
DDIM = {key for key in KEYS if "-ddim-" in key}


def sampling(keys: set[str]) -> set[str]:
    return {f"sample@{key}" for key in keys}


def refusal(folder: Path) -> str:
    """The one line by which the report, the only stage that ran, refused in ``dvc repro``."""
    result = attempt(folder, "dvc", "repro")
    printed = result.stdout + result.stderr
    assert result.returncode != 0
    assert executed(printed) == {"report"}
    assert "Traceback" not in printed
    (line,) = [line for line in printed.splitlines() if line.startswith("report: ")]
    return line


def test_nothing_changed_runs_nothing_even_after_every_module_was_imported(study: Path) -> None:
    assert repro(study) == set()
    run(study, sys.executable, "-m", "compileall", "-q", "stages")
    assert list(study.glob("stages/*/__pycache__/*.pyc"))
    plan(study)
    assert repro(study) == set()
    assert run(study, "git", "status", "--porcelain") == "", "every file written is an out or ignored"


def test_an_experiment_on_es_runs_its_cells_and_putting_it_back_runs_none(study: Path) -> None:
    ran = executed(run(study, "dvc", "exp", "run", "-S", "es.b=1.005"))
    assert ran == both(*ES) | {"diagnose@adm-ip", "report"}, "a model is diagnosed under the fix of its cells"
    moved = json.loads(run(study, "dvc", "metrics", "diff", "--json"))["reports/summary.json"]
    assert set(moved) == {"fid_percent.es"}, "the only fix that moved"
    edit(study, "es", b=toy_params()["es"]["b"])
    assert repro(study) <= {"report"}
    assert run(study, "git", "diff", "--stat", "reports/tables", "reports/plots", "reports/summary.json") == ""


def test_an_experiment_on_eta_samples_the_ddim_cells_without_a_new_plan(study: Path) -> None:
    ran = executed(run(study, "dvc", "exp", "run", "-S", "ddim.eta=1.0", "sample@adm-ip-ddim-none-4"))
    assert ran == {"sample@adm-ip-ddim-none-4"}
    assert stale(study) >= sampling(DDIM - {"adm-ip-ddim-none-4"}) | {"evaluate@adm-ip-ddim-none-4"}
    assert not stale(study) & sampling(KEYS - DDIM)
    record = json.loads((study / "data/records/samples/adm-ip-ddim-none-4.json").read_text())
    assert record["sampler_params"]["eta"] == 1.0


def test_a_section_more_stands_beside_the_first_and_runs_its_cells_alone(study: Path) -> None:
    """Another b, with no line of code; the grid keeps one sampler, so that what left it shows to run nothing.

    The model is diagnosed again: without the scaling of the sampler that left.
    """
    assign(study, **{"es-strong": {"method": "epsilon-scaling", "b": 1.3, "k": 0.0}})
    edit(study, "grid", samplers=["ddim"], fixes=["none", "es", "ts", "es-strong"])
    plan(study)
    assert repro(study) == both("adm-ip-ddim-es-strong-4") | {"diagnose@adm-ip", "report"}
    with (study / "reports/tables/scores.csv").open() as table:
        fid = {row["fix"]: float(row["fid"]) for row in csv.DictReader(table)}
    assert set(fid) == {"none", "es", "ts", "es-strong"}
    assert fid["es-strong"] != fid["es"] == pytest.approx(scores(study, "adm-ip-ddim-es-4")["fid"]["value"], rel=1e-5)
    summary = json.loads((study / "reports/summary.json").read_text())
    assert set(summary["fid_percent"]) == {"es", "ts", "es-strong"}


def test_one_more_step_count_runs_its_cells(study: Path) -> None:
    edit(study, "grid", steps=[4, 5])
    plan(study)
    added = {key.removesuffix("4") + "5" for key in KEYS}
    rest = {"diagnose@adm-ip", "report"}
    assert stale(study) == both(*added) | rest, (
        "its diagnosis, for the values of Epsilon Scaling at one more step count"
    )
    assert repro(study, "sample@adm-ip-ddim-none-5") == {"sample@adm-ip-ddim-none-5"}
    assert stale(study) == both(*added) - {"sample@adm-ip-ddim-none-5"} | rest


def test_a_published_table_brings_its_own_cells(study: Path) -> None:
    """TS Table 5 needs two samplers, with TS and without, of a network that the toy study does not train."""
    assign(study, tables=["ts-5"], max_steps=5)
    plan(study)
    samplers = ("ddim-ts-dpm", "ddim-one-ts-dpm")
    added = {f"ddpm-net-{sampler}-{fix}-5" for sampler in samplers for fix in ("none", "ts")}
    assert stale(study) == {"train@ddpm-net", "diagnose@ddpm-net", "report"} | both(*added)
    sampled = "sample@ddpm-net-ddim-ts-dpm-ts-5"
    assert repro(study, sampled) == {"train@ddpm-net", sampled}
    assert stale(study) == both(*added) - {sampled} | {"diagnose@ddpm-net", "report"}


def test_gamma_trains_its_model_again_and_samples_its_cells(study: Path) -> None:
    edit(study, "adm-ip", gamma=0.15)
    assert stale(study) == {"train@adm-ip"}
    assert repro(study, "train@adm-ip") == {"train@adm-ip"}
    assert stale(study) == sampling(KEYS) | {"diagnose@adm-ip", "report"}, "the report, for the record of the training"


def test_a_published_number_runs_the_audit_and_the_report(study: Path) -> None:
    published = study / "data/published/ts.csv"
    before = published.read_text()
    published.write_text(before.replace(",41.57,", ",42.57,", 1))
    assert published.read_text() != before
    assert repro(study) == {"audit", "report"}


def test_touching_the_losses_trains_again_and_equal_weights_are_not_sampled(study: Path) -> None:
    append(study, "stages/training/losses.py")
    assert stale(study) == {"train@adm-ip"}
    assert repro(study, "evaluate@adm-ip-ddim-es-4") == {"train@adm-ip"}
    assert stale(study) <= {"report"}


def test_touching_a_sampler_samples_its_cells_and_equal_images_are_not_scored(study: Path) -> None:
    append(study, "stages/methods/samplers/ddim.py")
    assert stale(study) == sampling(DDIM) | {"diagnose@adm-ip", "report"}
    assert repro(study, "evaluate@adm-ip-ddim-ts-4") == {"sample@adm-ip-ddim-ts-4"}


def edit_settings(folder: Path, name: str, field: str) -> None:
    """Add a field with a default to the settings class in the file of a method."""
    path = folder / "stages/methods" / name
    before = path.read_text()
    path.write_text(before.replace(f"    {field}: ", f"    extra: int = 0\n    {field}: ", 1))
    assert path.read_text() != before


def test_an_edit_of_the_settings_of_a_method_reaches_exactly_its_own_cells(study: Path) -> None:
    edit_settings(study, "samplers/pndm.py", "order")
    edit_settings(study, "fixes/time_shift_a.py", "window")
    edit_settings(study, "objectives/adm_gp.py", "penalty")
    assert stale(study) == {"report"}, "no cell has these; the report reads their published names"
    edit_settings(study, "fixes/epsilon_scaling.py", "b")
    assert stale(study) == sampling(ES) | {"diagnose@adm-ip", "report"}
    edit_settings(study, "samplers/ddim.py", "eta")
    assert stale(study) == sampling(ES | DDIM) | {"diagnose@adm-ip", "report"}
    edit_settings(study, "objectives/adm.py", "gamma")
    assert stale(study) == sampling(ES | DDIM) | {"diagnose@adm-ip", "train@adm-ip", "report"}


@pytest.mark.parametrize(
    ("touch", "expected"),
    [
        (lambda study: append(study, TIME_SHIFT), sampling(TS) | {"diagnose@adm-ip", "report"}),
        (lambda study: append(study, "stages/sampling/fix.py"), sampling(KEYS) | {"diagnose@adm-ip", "report"}),
        (lambda study: append(study, "stages/methods/objectives/ddpm.py"), {"report"}),
        (
            lambda study: append(study, "stages/scoring/intervals.py"),
            {f"evaluate@{k}" for k in KEYS} | {"reference", "diagnose@adm-ip", "report"},
        ),
        (lambda study: append(study, "stages/config/params.py"), set()),
        (lambda study: append(study, "stages/config/method_settings.py"), set()),
        (lambda study: append(study, REPORT_CSS, "\n/* touched */\n"), {"audit", "report"}),
        (lambda study: edit(study, "ts", window=40), sampling(TS)),
        (lambda study: edit(study, "es", b=1.005), sampling(ES) | {"diagnose@adm-ip"}),
        (lambda study: edit(study, "runtime", batch_size=7, checkpoint_every=1), set()),
        (lambda study: edit(study, "es-linear", k=0.002), set()),
        (lambda study: edit(study, "ddpm-recipe", lr=0.0005), set()),
        (lambda study: edit(study, "adm-recipe", lr=0.0005), {"train@adm-ip"}),
        (lambda study: edit(study, "extractor", epochs=3), {"extractor"}),
        (lambda study: append(study, "tuned.yaml"), {"report"}),
        (lambda study: edit(study, "search", seed=7), {"report"}),
        (lambda study: edit(study, "evaluate", neighborhood=4), {"reference"}),
        (
            lambda study: assign(study, seed=1),
            {"extractor", "reference", "train@adm-ip", "diagnose@adm-ip"} | sampling(KEYS),
        ),
    ],
    ids=[
        "time_shift.py", "fix.py", "unused variant", "intervals.py", "params.py", "sections", "template", "ts.window",
        "es.b", "runtime", "unused fix", "unused recipe", "recipe", "extractor", "tuned.yaml", "search", "evaluate",
        "seed",
    ],
)  # fmt: skip
def test_what_a_change_reaches_first(study: Path, touch: Callable[[Path], None], expected: set[str]) -> None:
    touch(study)
    assert stale(study) == expected


@pytest.mark.parametrize(
    "values",
    [{"max_steps": 3}, {"tables": ["ts-5"]}, {"grid": {**toy_params()["grid"], "steps": [5]}}],
    ids=["max_steps", "tables", "grid"],
)
def test_params_that_ask_for_other_cells_are_refused_until_there_is_a_new_plan(study: Path, values: dict) -> None:
    assign(study, **values)
    assert refusal(study) == (
        "report: cells.json: stale, made for other params or published tables; run python -m stages plan"
    )


def test_an_edited_plan_is_refused(study: Path) -> None:
    cells = study / "cells.json"
    before = cells.read_text()
    cells.write_text(before.replace('"steps": 4', '"steps": 5', 1))
    assert cells.read_text() != before
    assert refusal(study) == "report: cells.json: edited or damaged; run python -m stages plan"
    plan(study)
    assert cells.read_text() == before


def test_a_fresh_clone_with_the_committed_lock_ends_in_the_same_scores(study: Path, tmp_path: Path) -> None:
    """Here without retraining: the clone is given the cache, as ``dvc pull`` would."""
    run(tmp_path, "git", "clone", "-q", str(study), "clone")
    clone = tmp_path / "clone"
    shutil.copytree(study / ".dvc/cache", clone / ".dvc/cache")
    assert repro(clone) == set()
    assert run(clone, "git", "status", "--porcelain") == ""
    assert {path.stem for path in clone.glob("data/scores/*.json")} == KEYS
    assert read_study(clone) == read_study(study)

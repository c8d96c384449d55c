"""The house rules that a machine can hold: what imports what, and that dvc.yaml tells DVC the truth."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.__main__ import ARGUMENTS, STAGES
from tests.toy import ROOT

# These decide no values: reading, refusing, places, devices, the plan.
UNLISTED = {
    "stages/config/errors.py", "stages/config/params_file.py", "stages/store/files.py", "stages/store/paths.py",
    "stages/plan/plan_file.py", "stages/config/registry.py", "stages/store/records.py", "stages/store/run_logs.py",
    "stages/config/runtime.py", "stages/plan/times.py", "stages/plan/tuned.py",
}  # fmt: skip
UNLISTED_FOLDERS = {"stages/sections", "stages/importing"}
SUBJECTS = (
    "sections", "diffusion", "grids", "samplers", "fixes", "variants", "networks", "first_stages", "training",
    "sampling", "metrics", "study", "papers", "screening", "reporting", "searching", "diagnosis",
)  # fmt: skip
# What a subject may take from the pipeline: neither does any I/O.
PURE = {"stages/config/errors.py", "stages/diffusion/random_streams.py"}
# Methods are found by name, so that no import tells them: item name in dvc.yaml and folder.
METHODS = {
    "network": "networks", "variant": "variants", "sampler_module": "samplers", "grid_module": "grids",
    "fix_module": "fixes", "first_stage": "first_stages",
}  # fmt: skip
# Beside the methods lie what they share and what is no method.
SHARED = {"__init__", "walk", "fix", "grid", "layers", "classifier", "guide", "inception", "ddpm_names"}
PIPELINE: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
PIPELINE = {name: stage.get("do", stage) for name, stage in PIPELINE.items()}
COMMANDS = [path.stem for path in (ROOT / "stages").glob("*.py") if not path.stem.startswith("__")]
MODULES = sorted((ROOT / "stages").rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def module_path(name: str) -> Path | None:
    path = (ROOT / Path(*name.split("."))).with_suffix(".py")
    return path if path.exists() else None


def imported(path: Path) -> set[Path]:
    """The project's modules that a file imports anywhere, in functions too; type-checking imports count."""
    found: set[Path | None] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {module_path(alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {module_path(node.module)} | {module_path(f"{node.module}.{a.name}") for a in node.names}
    return {p for p in found if p and p.is_relative_to(ROOT / "stages")}


def closure(path: Path) -> set[str]:
    reached, queue = set(), [path]
    while queue:
        current = queue.pop()
        name = name_of(current)
        if name not in reached | UNLISTED and not any(name.startswith(f"{f}/") for f in UNLISTED_FOLDERS):
            reached.add(name)
            queue += imported(current)
    return reached


def methods(folder: str) -> list[Path]:
    return [path for path in (ROOT / "stages" / folder).glob("*.py") if path.stem not in SHARED]


@pytest.mark.parametrize("stage", PIPELINE)
def test_deps_are_the_modules_that_the_stage_imports(stage: str) -> None:
    """For a stage that finds methods by name: with any of them, and with nothing of the others."""
    listed = {dep for dep in PIPELINE[stage]["deps"] if dep.startswith("stages/")}
    named = {item: folder for item, folder in METHODS.items() if f"stages/{folder}/${{item.{item}}}.py" in listed}
    fixed = {dep for dep in listed if "$" not in dep}
    needed = closure(ROOT / f"stages/{stage}.py")
    for folder in named.values():
        for method in methods(folder):
            assert closure(method) - fixed == {name_of(method)}, f"{stage} depends on {method.stem}'s own file alone"
            needed |= closure(method) - {name_of(method)}
    folders = {dep for dep in fixed if (ROOT / dep).is_dir()}
    covered = {name for name in needed if any(name.startswith(f"{folder}/") for folder in folders)}
    assert fixed - folders == needed - covered
    assert all(any(name.startswith(f"{folder}/") for name in covered) for folder in folders)


def test_stages_that_find_methods_by_name_list_them() -> None:
    for stage in PIPELINE:
        source = (ROOT / f"stages/{stage}.py").read_text()
        if "pipeline.drawing import" in source:
            source += (ROOT / "stages/sampling/draw.py").read_text()
        for item, folder in METHODS.items():
            listed = f"stages/{folder}/${{item.{item}}}.py" in PIPELINE[stage]["deps"]
            by_name = f'method_module("{folder}"' in source
            if folder == "networks":
                by_name = "pipeline.models import" in source
            if folder == "grids":
                by_name = "model.schedule.timesteps)" in source
            if folder == "first_stages":
                by_name = any(f"pipeline.{name} import" in source for name in ("models", "first_stages"))
            assert listed == by_name, (stage, folder)


@pytest.mark.parametrize("stage", PIPELINE)
def test_commands_hold_names_only(stage: str) -> None:
    assert stage in STAGES
    needed = [name for name in STAGES[stage] if not name.startswith("--") and ARGUMENTS[name].get("nargs") != "*"]
    arguments = "${key}" if needed else ""
    assert PIPELINE[stage]["cmd"] == f"python -m stages {stage} {arguments}".strip()


def test_outs_hold_no_value_of_params() -> None:
    for stage in PIPELINE.values():
        for out in [*stage["outs"], *stage.get("metrics", [])]:
            path = out if isinstance(out, str) else next(iter(out))
            assert "$" not in path.replace("${key}", ""), path


def test_every_command_is_a_module_and_every_module_beside_them_a_command() -> None:
    assert set(COMMANDS) == set(STAGES)


def test_what_no_stage_depends_on_computes_no_value() -> None:
    """An edit there leaves everything up to date: reading, writing and choosing a device must not change a number."""
    changing = {"astype", "bfloat16", "clamp", "clip", "double", "exp", "float", "half", "log", "mean", "normal",
                "rand", "randint", "randn", "round", "sqrt", "std", "sum"}  # fmt: skip
    allowed = {"2 ** 31", "2 ** 31 - 1", "time.monotonic() - started"}
    kinds = ast.Mult | ast.MatMult | ast.Pow | ast.Mod | ast.FloorDiv | ast.Sub
    for name in UNLISTED:
        tree = ast.parse((ROOT / name).read_text())
        called = {n.func.attr for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)}
        assert not called & changing, name
        found = {ast.unparse(n) for n in ast.walk(tree) if isinstance(n, ast.BinOp) and isinstance(n.op, kinds)}
        assert found <= allowed, name


def test_subjects_do_no_io_and_import_no_command() -> None:
    for path in MODULES:
        if path.relative_to(ROOT / "stages").parts[0] not in SUBJECTS:
            continue
        for other in imported(path):
            inside = other.relative_to(ROOT / "stages").parts[0] in SUBJECTS
            assert inside or name_of(other) in PURE, f"{name_of(path)} imports {name_of(other)}"
        names = {n.id for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Name)}
        assert not names & {"open", "Path", "read_params", "print"}, path


def test_the_pipeline_imports_no_command() -> None:
    for path in (ROOT / "stages/pipeline").rglob("*.py"):
        assert all(len(other.relative_to(ROOT / "stages").parts) > 1 for other in imported(path)), path


def test_params_are_read_by_commands_and_by_what_they_stand_on() -> None:
    for path in MODULES:
        if "read_params(" in path.read_text():
            assert path.parent.name in ("stages", "pipeline"), path


def test_no_import_goes_in_a_circle() -> None:
    done: set[Path] = set()

    def visit(path: Path, above: tuple[Path, ...]) -> None:
        assert path not in above, [name_of(p) for p in (*above, path)]
        if path not in done:
            for other in imported(path):
                visit(other, (*above, path))
            done.add(path)

    for path in MODULES:
        visit(path, ())


def test_functions_stay_short() -> None:
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                length = (node.end_lineno or 0) - node.lineno + 1
                assert length <= 35, f"{path.name}: {node.name} has {length} lines"


def test_public_functions_have_docstrings() -> None:
    for path in MODULES:
        tree = ast.parse(path.read_text())
        if path.stem != "__init__":
            assert ast.get_docstring(tree), path
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{path.name}: {node.name}"

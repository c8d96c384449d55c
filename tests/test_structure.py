"""The house rules that a machine can hold: what imports what, and that dvc.yaml tells DVC the truth."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import yaml

from stages.__main__ import STAGES
from tests.toy import ROOT

# These decide no values: reading, refusing, places, devices.
UNLISTED = {"__main__", "params", "files", "layout", "runtime", "__init__"}
SUBJECTS = ("diffusion", "networks", "metrics", "papers", "reporting")
PIPELINE = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]


def module_path(name: str) -> Path | None:
    path = ROOT / Path(*name.split("."))
    return path.with_suffix(".py") if path.with_suffix(".py").exists() else None


def imported(path: Path) -> set[Path]:
    """The project's modules that a file imports anywhere, in functions too; type-checking imports count."""
    found: set[Path | None] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {module_path(alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {module_path(node.module)} | {module_path(f"{node.module}.{a.name}") for a in node.names}
    return {p for p in found if p and p.is_relative_to(ROOT / "stages")}


def closure(path: Path) -> set[Path]:
    reached, queue = set(), [path]
    while queue:
        current = queue.pop()
        if current not in reached and current.stem not in UNLISTED:
            reached.add(current)
            queue += imported(current)
    return reached


@pytest.mark.parametrize("stage", PIPELINE)
def test_deps_are_the_modules_that_the_stage_imports(stage: str) -> None:
    listed = {dep for dep in PIPELINE[stage]["deps"] if dep.startswith("stages/")}
    assert listed == {str(p.relative_to(ROOT)) for p in closure(ROOT / f"stages/{stage}.py")}


@pytest.mark.parametrize("stage", PIPELINE)
def test_params_are_the_sections_that_the_stage_reads(stage: str) -> None:
    """Read from the source: every section is asked for by name, or by the argument that names it."""
    read = set()
    for node in ast.walk(ast.parse((ROOT / f"stages/{stage}.py").read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "read_params":
            for argument in node.args:
                assert isinstance(argument, ast.Constant | ast.Name)
                read.add(argument.value if isinstance(argument, ast.Constant) else "${item." + argument.id + "}")
    assert set(PIPELINE[stage].get("params", [])) == read - {"runtime"}


def test_no_other_module_reads_more_than_how_to_compute() -> None:
    for path in (ROOT / "stages").rglob("*.py"):
        if path.stem in STAGES or path.stem == "params":
            continue
        assert "read_params(" not in path.read_text().replace('read_params("runtime")', ""), path


@pytest.mark.parametrize("stage", PIPELINE)
def test_commands_hold_names_only(stage: str) -> None:
    assert stage in STAGES
    arguments = " ".join("${item." + name + "}" for name in STAGES[stage] if not name.startswith("--"))
    assert PIPELINE[stage]["cmd"] == f"python -m stages {stage} {arguments}".strip()


def test_subject_folders_do_no_io_and_import_no_stage() -> None:
    for subject in SUBJECTS:
        for path in (ROOT / "stages" / subject).glob("*.py"):
            assert all(p.parent.name in SUBJECTS for p in imported(path)), path
            tree = ast.parse(path.read_text())
            names = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
            assert not names & {"open", "Path", "read_params", "print"}, path


def test_stage_modules_stay_short() -> None:
    for path in (ROOT / "stages").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                length = (node.end_lineno or 0) - node.lineno + 1
                assert length <= 35, f"{path.name}: {node.name} has {length} lines"


def test_public_functions_have_docstrings() -> None:
    for path in (ROOT / "stages").rglob("*.py"):
        tree = ast.parse(path.read_text())
        if path.stem != "__init__":
            assert ast.get_docstring(tree), path
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{path.name}: {node.name}"

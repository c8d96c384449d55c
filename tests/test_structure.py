"""The rules of the layout that a machine can hold: what imports what, and that dvc.yaml tells DVC the truth."""

from __future__ import annotations

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages.__main__ import STAGES, TOOLS
from tests.toy import ROOT

CODE = ROOT / "stages"
# Imports go from a later room to an earlier one alone.
ROOMS = (
    "config",
    "diffusion",
    "store",
    "networks",
    "training",
    "sampling",
    "methods",
    "scoring",
    "diagnosis",
    "datasets",
    "auditing",
    "plan",
    "reporting",
    "scheduler",
    "commands",
)
# These decide no value, so that no stage depends on them; the report alone depends on the plan, which it makes again.
NEVER = {"config", "store", "scheduler", "commands", "plan"}
DECIDES_FOR = {"report": {"plan"}}
# Packages whose settings classes a stage finds by name: the report has what the published tables call each method.
NAMED = {"report": {"methods"}}
# Mathematics without files.
SUBJECTS = {"diffusion", "networks", "sampling", "methods", "scoring", "diagnosis"}
# What a dependency of dvc.yaml that is found by name stands for.
FOUND = re.compile(r"^(?P<folder>[\w/]+)/\$\{(?:item|plan)\.\w+\}(?P<ending>\w*)\.py$")
# Modules with the same name mean the same thing, seen from two rooms.
SHARED_NAMES = {
    "__init__",
    # What methods of several kinds are called in their papers.
    "adm",
    "ddpm",
    "deis",
    "dpm_solver",
    "ldm",
    "pndm",
    # A stage or command and the room or module that does its work.
    "audit",
    "diagnose",
    "moments",
    "noise_classifier",
    "plan",
    "times",
}
PIPELINE: dict[str, Any] = {
    name: stage.get("do", stage) for name, stage in yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"].items()
}
MODULES = sorted(CODE.rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(CODE).as_posix()


def room_of(path: Path) -> str:
    return path.relative_to(CODE).parts[0]


def module_path(name: str) -> Path | None:
    path = (ROOT / Path(*name.split("."))).with_suffix(".py")
    return path if path.exists() else None


@cache
def imported(path: Path) -> frozenset[Path]:
    """The project's modules that a file imports anywhere, in functions too; type-checking imports count."""
    found: set[Path | None] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {module_path(alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {module_path(node.module)} | {module_path(f"{node.module}.{a.name}") for a in node.names}
    return frozenset(p for p in found if p and p.is_relative_to(CODE))


def reached(*starts: Path, through: set[str]) -> set[Path]:
    """All modules that these import, directly or by way of modules of rooms that are not in ``through``."""
    found: set[Path] = set()
    queue = list(starts)
    while queue:
        path = queue.pop()
        if path not in found:
            found.add(path)
            if room_of(path) not in through:
                queue += imported(path)
    return found


def listed(stage: str) -> set[str]:
    """The dependencies on code that dvc.yaml lists for a stage."""
    return {dep.removeprefix("stages/") for dep in PIPELINE[stage]["deps"] if dep.startswith("stages/")}


def by_name(stage: str) -> dict[str, str]:
    """Of these the ones that are found by name: the folder of each, and how its file's name ends."""
    matches = (FOUND.match(dep) for dep in listed(stage))
    return {match["folder"]: match["ending"] for match in matches if match}


def methods(folder: str) -> list[Path]:
    """The modules of a folder that methods are found in; the classifier of noised images guides them."""
    return [path for path in (CODE / folder).glob("*.py") if path.stem not in ("__init__", "noise_classifier")]


@pytest.mark.parametrize("stage", PIPELINE)
def test_a_stage_depends_on_the_code_that_it_imports(stage: str) -> None:
    """On its own file, on rooms and files that it imports, and on the one file of each method that it finds by name."""
    fixed = {dep for dep in listed(stage) if "$" not in dep}
    never = NEVER - DECIDES_FOR.get(stage, set())
    starts = [CODE / f"{stage}.py"]
    for folder in by_name(stage):
        starts += methods(folder)
    needed = {name_of(path) for path in reached(*starts, through=never) if room_of(path) not in never}
    needed = {name for name in needed if Path(name).stem != "__init__"}
    found = {name_of(path) for folder in by_name(stage) for path in methods(folder)}
    covered = {name for name in needed if any(name == dep or name.startswith(f"{dep}/") for dep in fixed)}
    assert needed - covered <= found, "imported, but no dependency"
    for dep in fixed - NAMED.get(stage, set()):
        assert any(name == dep or name.startswith(f"{dep}/") for name in needed), f"{dep}: a dependency, not imported"


@pytest.mark.parametrize("stage", PIPELINE)
def test_a_method_found_by_name_brings_its_own_file_alone(stage: str) -> None:
    fixed = {dep for dep in listed(stage) if "$" not in dep}
    for folder, ending in by_name(stage).items():
        for method in methods(folder):
            others = {
                name_of(path)
                for path in imported(method)
                if room_of(path) not in NEVER
                and not any(name_of(path) == dep or name_of(path).startswith(f"{dep}/") for dep in fixed)
            }
            own = {name_of(method.with_name(f"{method.stem.removesuffix(ending)}{end}.py")) for end in ("", "_config")}
            assert others <= own, f"{stage}: {name_of(method)} imports what the stage does not depend on"


def definitions(tree: ast.Module) -> dict[str, ast.stmt]:
    """The functions, classes and assigned names of a module, but not its imports."""
    found: dict[str, ast.stmt] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found |= {target.id: node for target in targets if isinstance(target, ast.Name)}
    return found


def kinds_found_by_name(start: Path) -> set[str]:
    """The kinds of methods that a module finds by name, in its own functions and in those that they reach by name."""
    kinds = set()
    done: set[tuple[Path, str]] = set()
    queue = [(start, name) for name in definitions(ast.parse(start.read_text()))]
    while queue:
        path, name = queue.pop()
        if (path, name) in done or room_of(path) in ("config", "plan", "reporting"):
            continue
        done.add((path, name))
        tree = ast.parse(path.read_text())
        own = definitions(tree)
        sources = {
            alias.asname or alias.name: (node.module, alias.name)
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module
            for alias in node.names
        }
        for node in ast.walk(own[name]) if name in own else ():
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "method_module":
                kind = node.args[0]
                assert isinstance(kind, ast.Constant), f"{name_of(path)}: a kind that is no literal"
                kinds.add(kind.value)
            if not isinstance(node, ast.Name):
                continue
            if node.id in own:
                queue.append((path, node.id))
            elif node.id in sources:
                module, imported_name = sources[node.id]
                whole = module_path(f"{module}.{imported_name}")
                source = module_path(module)
                if whole:
                    queue += [(whole, each) for each in definitions(ast.parse(whole.read_text()))]
                elif source:
                    queue.append((source, imported_name))
    return kinds


@pytest.mark.parametrize("stage", PIPELINE)
def test_a_stage_lists_each_kind_of_method_that_it_finds_by_name(stage: str) -> None:
    from stages.config.registry import PACKAGES

    folders = {kind: package.removeprefix("stages.").replace(".", "/") for kind, package in PACKAGES.items()}
    found = {folders[kind] for kind in kinds_found_by_name(CODE / f"{stage}.py")}
    wholes = {dep for dep in listed(stage) if "$" not in dep}
    covered = {folder for folder in found for dep in wholes if dep.startswith(folder) or folder.startswith(f"{dep}/")}
    assert found - covered <= set(by_name(stage))
    assert set(by_name(stage)) <= found


@pytest.mark.parametrize("stage", PIPELINE)
def test_commands_hold_names_only(stage: str) -> None:
    needed = [name for name, options in STAGES[stage].arguments if name[0] != "-" and options.get("nargs") != "*"]
    arguments = "${key}" if needed else ""
    assert PIPELINE[stage]["cmd"] == f"python stages {stage} {arguments}".strip()


def test_outs_hold_no_value_of_params() -> None:
    for stage in PIPELINE.values():
        for out in [*stage["outs"], *stage.get("metrics", [])]:
            path = out if isinstance(out, str) else next(iter(out))
            assert "$" not in path.replace("${key}", ""), path


def test_the_modules_beside_the_rooms_are_the_stages_of_dvc_yaml() -> None:
    modules = {path.stem for path in CODE.glob("*.py") if not path.stem.startswith("__")}
    assert modules == set(PIPELINE) == set(STAGES)
    assert {path.stem for path in (CODE / "commands").glob("*.py")} - {"__init__"} == set(TOOLS)


def test_dvc_yaml_is_read_at_a_glance() -> None:
    assert len((ROOT / "dvc.yaml").read_text().splitlines()) <= 250
    assert all(stage.get("desc") for stage in PIPELINE.values())


def test_every_folder_is_a_room() -> None:
    assert {path.name for path in CODE.iterdir() if path.is_dir() and path.name != "__pycache__"} == set(ROOMS)


def test_imports_go_one_way() -> None:
    for path in MODULES:
        for other in imported(path):
            above, below = room_of(path), room_of(other)
            if below not in ROOMS:
                assert path == CODE / "__main__.py" or above not in ROOMS, f"{name_of(path)} imports a stage"
            elif above in ROOMS:
                assert ROOMS.index(below) <= ROOMS.index(above), f"{name_of(path)} imports {name_of(other)}"


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


# What is computed where no value is decided: refused sizes, memory, seconds, processes, places on a sheet of previews.
ARITHMETIC = {
    "config/networks.py": {"2 * groups", "channels % groups", "channels * multiplier", "width % head_channels"},
    "config/params.py": {"2 * max(groups, self.evaluate.neighborhood + 2)", "len(details) - 1", "n % groups"},
    "config/runtime.py": {"2 ** 31", "2 ** 31 - 1"},
    "scheduler/dvc_stages.py": {"self.written - started", "time.monotonic() - self.written"},
    "scheduler/local_workers.py": {"allowed // runtime.threads"},
    "scheduler/ray_cluster.py": {
        "2 * 2 ** 30",
        "2 ** 30",
        "2 * ray.cluster_resources().get('CPU', 1)",
        "processes * graphics",
        "processes * runtime.threads",
    },
    "store/images.py": {
        "COLUMNS * width",
        "ROWS * COLUMNS",
        "ROWS * height",
        "count * prod(size)",
        "height * width",
        "n - start",
        "sheet.shape[0] // ROWS",
        "sheet.shape[1] // COLUMNS",
    },
    "store/records.py": {"time.monotonic() - started"},
}
CHANGING = (
    *("astype", "bfloat16", "clamp", "clip", "double", "eval", "exp", "float", "half", "log", "mean", "normal"),
    *("rand", "randint", "randn", "round", "sqrt", "std", "sum"),
)


@pytest.mark.parametrize("room", ["config", "scheduler", "store"])
def test_what_no_stage_depends_on_computes_no_value(room: str) -> None:
    """An edit there leaves everything up to date: reading, writing and choosing a device must not change a number."""
    kinds = ast.Mult | ast.MatMult | ast.Pow | ast.Mod | ast.FloorDiv | ast.Sub
    for path in (path for path in MODULES if room_of(path) == room):
        tree = ast.parse(path.read_text())
        called = {n.func.attr for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)}
        assert not called & set(CHANGING), name_of(path)
        found = {ast.unparse(n) for n in ast.walk(tree) if isinstance(n, ast.BinOp) and isinstance(n.op, kinds)}
        assert found <= ARITHMETIC.get(name_of(path), set()), name_of(path)


def test_no_stage_reaches_the_scheduler_or_the_commands() -> None:
    for stage in PIPELINE:
        rooms = {room_of(path) for path in reached(CODE / f"{stage}.py", through=set())}
        assert not rooms & {"scheduler", "commands"}, stage


def test_mathematics_does_no_io() -> None:
    for path in MODULES:
        if room_of(path) in SUBJECTS:
            names = {n.id for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Name)}
            assert not names & {"open", "read_params", "print"}, name_of(path)


def test_a_name_means_one_thing() -> None:
    counts = Counter(path.stem for path in MODULES)
    assert {name for name, count in counts.items() if count > 1} <= SHARED_NAMES


def test_code_is_formatted_by_ruff_alone() -> None:
    assert not [name_of(path) for path in MODULES if "# fmt: " in path.read_text()]


def test_public_functions_have_docstrings() -> None:
    for path in MODULES:
        tree = ast.parse(path.read_text())
        if path.stem != "__init__":
            assert ast.get_docstring(tree), path
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{path.name}: {node.name}"

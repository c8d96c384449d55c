"""Settings of methods: found by name in the file of each, and read without torch."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from stages.config.method_settings import FixSettings, ModelSettings, SamplerSettings
from stages.config.params import FIXES, MODELS, SAMPLERS
from stages.config.registry import Kind, method_module, method_names, settings_types
from stages.config.sections import Method
from tests.toy import ROOT

BASES: dict[Kind, type[Method]] = {"samplers": SamplerSettings, "fixes": FixSettings, "objectives": ModelSettings}
SETTINGS = {"samplers": SAMPLERS, "fixes": FIXES, "objectives": MODELS}


@pytest.mark.parametrize("kind", BASES)
def test_every_file_of_a_method_has_settings_and_each_stands_for_its_own_file(kind: Kind) -> None:
    found = settings_types(kind, BASES[kind])
    assert found == SETTINGS[kind]
    files = {method_module(kind, name).__name__ for name in method_names(kind)}
    assert {each.__module__ for each in found.values()} == files
    for method, each in found.items():
        assert get_args(each.model_fields["method"].annotation) == (method,)
        assert each.model_construct(method=method).module == each.__module__.rpartition(".")[2]


def test_two_classes_of_one_method_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    module = method_module("fixes", "none")
    twin = type("Twin", (module.NoFix,), {"__module__": module.__name__})
    monkeypatch.setattr(module, "Twin", twin, raising=False)
    with pytest.raises(TypeError, match=r"stages\.methods\.fixes\.none\.Twin: another class has the method 'none'"):
        settings_types("fixes", FixSettings)


def test_the_values_that_a_fix_searches_for_have_neutral_ones() -> None:
    for name in method_names("fixes"):
        module = method_module("fixes", name)
        assert hasattr(module, "search") == hasattr(module, "NEUTRAL"), name
        (settings,) = (each for each in FIXES.values() if each.__module__ == module.__name__)
        assert not (settings.searched_as and hasattr(module, "search")), name
        searching = method_module("fixes", settings.searched_as or name)
        assert set(getattr(searching, "NEUTRAL", {})) <= set(settings.model_fields)


MODULES = [
    *(f"stages.config.{name}" for name in ("method_settings", "registry", "sections", "params", "runtime")),
    *(f"stages.diffusion.{name}" for name in ("schedule", "chain", "time_grid")),
    *(f"stages.sampling.{name}" for name in ("fix", "walk", "trial", "inputs")),
    *(method_module(kind, name).__name__ for kind in (*BASES, "grids") for name in method_names(kind)),
]


def test_methods_and_their_settings_are_imported_without_torch() -> None:
    code = "import sys; from importlib import import_module; [import_module(name) for name in sys.argv[1:]]"
    code += "; print(*({'torch', 'numpy', 'pandas'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code, *MODULES], capture_output=True, text=True, check=True)
    assert result.stdout == "\n"


def test_check_needs_no_torch_and_takes_less_than_a_second(project: Path) -> None:
    code = "import sys; from stages.__main__ import main; print(main(['check'])); print('torch' in sys.modules)"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert result.stdout.splitlines()[-2:] == ["0", "False"], result.stderr
    # Of the processor, which other tests may share.
    assert after.ru_utime - before.ru_utime < 1

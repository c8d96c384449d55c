"""Methods found by name: a section's method is the module of that name in the folder of its kind."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Literal

Kind = Literal["samplers", "fixes", "searching", "variants", "networks", "first_stages"]


def method_module(kind: Kind, name: str) -> ModuleType:
    """Return the module that does a method: ``stages/KIND/NAME.py``.

    Samplers have ``sample``, fixes ``make`` and, where their values can be searched for, ``search`` in searching;
    variants have ``loss``, networks ``Config`` and ``Network``.
    """
    return import_module(f"stages.{kind}.{name}")

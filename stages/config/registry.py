"""Methods found by name: the method of a section is the module of that name in the package of its kind."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Literal

Kind = Literal[
    "samplers",
    "grids",
    "fixes",
    "objectives",
    "searches",
    "networks",
    "autoencoders",
    "feature_networks",
    "metrics",
    "datasets",
]
PACKAGES: dict[Kind, str] = {
    "samplers": "stages.methods.samplers",
    "grids": "stages.methods.grids",
    "fixes": "stages.methods.fixes",
    "objectives": "stages.methods.objectives",
    "searches": "stages.methods.searches",
    "networks": "stages.networks",
    "autoencoders": "stages.networks.autoencoders",
    "feature_networks": "stages.networks.feature_networks",
    "metrics": "stages.scoring.metrics",
    "datasets": "stages.datasets",
}

# Modules beside the methods that hold what they share.
SHARED = ("dataset",)


def method_module(kind: Kind, name: str) -> ModuleType:
    """Return the module that implements a method.

    Samplers have ``sample``, grids ``time_grid``, fixes ``make``, objectives ``loss``, networks ``Network``,
    autoencoders ``build``, ``encode`` and ``decode``, feature networks ``prepare`` and ``load``, metrics ``score``.
    """
    return import_module(f"{PACKAGES[kind]}.{module_name(name)}")


def module_name(method: str) -> str:
    """Return the name of the module of a method."""
    return method.replace("-", "_")


def method_names(kind: Kind) -> list[str]:
    """Return the methods of a kind, by the modules in its package."""
    package = import_module(PACKAGES[kind])
    return [module.name.replace("_", "-") for module in iter_modules(package.__path__) if module.name not in SHARED]


def import_all(kind: Kind, suffix: str = "") -> None:
    """Import the modules of a package whose names end in ``suffix``, so that their settings classes are defined."""
    package = import_module(PACKAGES[kind])
    for module in iter_modules(package.__path__):
        if not module.ispkg and module.name.endswith(suffix):
            import_module(f"{PACKAGES[kind]}.{module.name}")

"""Methods found by name: a method is the module of that name in the package of its kind."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Literal, TypeVar, get_args

from stages.config.sections import Method

Kind = Literal[
    "samplers",
    "grids",
    "fixes",
    "objectives",
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
    "networks": "stages.networks",
    "autoencoders": "stages.networks.autoencoders",
    "feature_networks": "stages.networks.feature_networks",
    "metrics": "stages.scoring.metrics",
    "datasets": "stages.datasets",
}

M = TypeVar("M", bound=Method)

# Modules beside the methods that hold what they share.
SHARED = ("dataset", "downloads", "image_files")


def method_module(kind: Kind, name: str) -> ModuleType:
    """Return the module that implements a method.

    Samplers have ``sample``, grids ``time_grid`` and ``SPACING``, fixes ``make``, objectives ``loss``, networks
    ``Network``, autoencoders ``build``, ``encode`` and ``decode``, feature networks ``prepare`` and ``load``, metrics
    ``score``.
    """
    return import_module(f"{PACKAGES[kind]}.{module_name(name)}")


def module_name(method: str) -> str:
    """Return the name of the module of a method."""
    return method.replace("-", "_")


def method_names(kind: Kind) -> list[str]:
    """Return the methods of a kind, by the modules in its package, in alphabetical order."""
    package = import_module(PACKAGES[kind])
    return [module.name.replace("_", "-") for module in iter_modules(package.__path__) if module.name not in SHARED]


def import_all(kind: Kind, suffix: str = "") -> None:
    """Import the modules of a package whose names end in ``suffix``, so that their settings classes are defined."""
    package = import_module(PACKAGES[kind])
    for module in iter_modules(package.__path__):
        if not module.ispkg and module.name.endswith(suffix):
            import_module(f"{PACKAGES[kind]}.{module.name}")


def settings_types(kind: Kind, base: type[M]) -> dict[str, type[M]]:
    """Return the subclasses of ``base`` in the files of a kind, by the ``method`` that each stands for.

    A file may have several: guided DDIM is an update of DDIM's file with other settings.

    Raises:
        TypeError: two classes stand for one method.
    """
    found: dict[str, type[M]] = {}
    for name in method_names(kind):
        module = method_module(kind, name)
        for each in vars(module).values():
            if not isinstance(each, type) or each.__module__ != module.__name__ or not issubclass(each, base):
                continue
            # A class that others in its file share has no method of its own.
            for method in get_args(each.model_fields["method"].annotation):
                if method in found:
                    raise TypeError(f"{each.__module__}.{each.__name__}: another class has the method {method!r}")
                found[method] = each
    return found

"""A study at toy size: the real params.yaml with less of everything."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import yaml

from stages.config.params import forget_params
from stages.plan.plan_file import read_plan, write_cells

ROOT = Path(__file__).parents[1]


def toy_params() -> dict[str, Any]:
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["tables"] = []
    params["grid"] = {"models": ["adm-ip"], "samplers": ["ddpm", "ddim"], "fixes": ["none", "es", "ts"], "steps": [4]}
    params["trajectory"] |= {"models": [], "steps": 4}
    params["extractor"] |= {"epochs": 2, "min_accuracy": 0.2}
    for recipe in (section for section in params.values() if isinstance(section, dict) and "t_sampling" in section):
        recipe |= {"iterations": 4, "batch_size": 16}
        recipe["network"] |= {"multipliers": [1], "attention_sizes": []}
    params["vq"] |= {"iterations": 4}
    params["guide"] |= {"iterations": 4, "batch_size": 16, "multipliers": [1], "attention_sizes": []}
    params["moments"] |= {"images": 4}
    params["diagnose"] |= {"images": 20, "steps": [4]}
    params["sample"]["n"] = 60
    params["evaluate"]["jackknife_groups"] = 5
    return untuned(params)


def untuned(params: dict[str, Any]) -> dict[str, Any]:
    """The params with numbers in place of what a search found, the same for all cells."""
    params["es"] |= {"b": 1.017}
    params["es-linear"] |= {"b": 1.0075, "k": 0.001}
    params["ts"] |= {"window": 50, "cutoff": 300}
    return params


class WithoutAliases(yaml.SafeDumper):
    """Writes a section that stands at two places in full at both."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def write_params(params: dict[str, Any], folder: Path = Path()) -> None:
    (folder / "params.yaml").write_text(yaml.dump(params, Dumper=WithoutAliases, sort_keys=False))
    forget_params()


def write_study(params: dict[str, Any]) -> None:
    """Write params into the current folder, and the plan that they ask for."""
    write_params(params)
    write_cells(read_plan())


def with_published(folder: Path) -> Path:
    """The folder, with the published tables and the registry of data sets in it."""
    (folder / "data").mkdir()
    for name in ("published", "registry.yaml"):
        (folder / "data" / name).symlink_to(ROOT / "data" / name)
    return folder


def copy_project(folder: Path) -> None:
    """Copy what the pipeline needs to run: package, pipeline file, published numbers, templates, DVC's settings."""
    for name in ("stages", "data/published", ".dvc"):
        ignore = shutil.ignore_patterns("__pycache__", "tmp", "cache")
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    for name in ("dvc.yaml", "cells.json", "values.json", ".dvcignore", ".gitignore", "data/registry.yaml"):
        shutil.copy(ROOT / name, folder / name)

"""Make a study of one's own: its folder, params fitted to the data, and the plan."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from ruamel.yaml import YAML

from stages.config.dataset_settings import DatasetSettings
from stages.config.errors import InputError
from stages.config.params import DATASETS, PARAMS, forget_params
from stages.config.registry import method_module
from stages.config.sections import Name
from stages.datasets.dataset import DataSet
from stages.plan.plan_file import read_plan, write_cells
from stages.store.paths import CODE

STUDIES = Path("studies")
DEFAULT = "default"
# Sizes of the data that the params of the project are written for.
DIGITS_SHAPE = (8, 8, 1)
# Where the published networks attend to all positions: maps of at most so many pixels a side.
LARGEST_ATTENTION = 16
MOST_LEVELS = 4
# Numbers of pooled features of efficientnet-lite0, the most telling first.
FEATURES = (1280, 320, 192, 112)
RESIZE = 96


def run(name: str, like: str = "quick", data: str = "digits", size: int | None = None) -> None:
    """Make studies/NAME and print what was set and the command to run next.

    Args:
        name: the name of the study.
        like: the study whose params it starts from; ``default`` for those of the project.
        data: a data set by name, or the path of a folder, zip or tar file of images.
        size: height and width of the images; by default that of the data set, 32 for images of one's own.

    Raises:
        InputError: the study exists, there is no such study or data, or the data cannot make one.
    """
    folder = STUDIES / name
    check_place(name, folder)
    source = source_params(like)
    settings = data_settings(data, size)
    images = method_module("datasets", settings.dataset).load(settings)
    yaml = YAML()
    yaml.width = 120
    content = yaml.load(source.read_text(encoding="utf-8"))
    section = settings.model_dump()
    if settings.input is not None and not Path(settings.input).is_absolute():
        section["path"] = Path(os.path.relpath(settings.input, folder)).as_posix()
    content["prepare"] = section
    notes = fit(content, images)
    with made(folder):
        with (folder / PARAMS).open("w", encoding="utf-8") as stream:
            yaml.dump(content, stream)
        shutil.copy(CODE.parent / ".dvcignore", folder / ".dvcignore")
        with contextlib.chdir(folder):
            forget_params()
            plan = read_plan()
            write_cells(plan)
        forget_params()
    tuned = any(value == "tuned" for each in content.values() if isinstance(each, dict) for value in each.values())
    print(f"{folder}: {len(images.images):,} images of {'x'.join(map(str, images.images.shape[1:]))}, ", end="")
    print(f"{len(plan.stages.sample)} cells of {len(plan.stages.train)} models")
    print(*(f"  {note}" for note in notes), sep="\n")
    if tuned:
        print("values that are tuned need a search once the models are trained: python -m stages search")
    print(f"next: cd {folder} && python -m stages grid")


def check_place(name: str, folder: Path) -> None:
    """Refuse a name that no folder can have, a study that exists, and any folder but the project's."""
    if Path().resolve() != CODE.parent.resolve():
        raise InputError(f"run it in the folder of the project, {CODE.parent}")
    try:
        TypeAdapter(Name).validate_python(name)
    except ValidationError:
        raise InputError(f"{name!r}: a study's name is made of a-z, 0-9 and '-'") from None
    if folder.exists():
        raise InputError(f"{folder}: exists; choose another name or delete it")


def source_params(like: str) -> Path:
    """Return the params.yaml of a study."""
    studies = sorted(path.parent.name for path in STUDIES.glob(f"*/{PARAMS}"))
    if like not in (DEFAULT, *studies):
        raise InputError(f"--like {like}: no such study; allowed are {', '.join([DEFAULT, *studies])}")
    return PARAMS if like == DEFAULT else STUDIES / like / PARAMS


def data_settings(data: str, size: int | None) -> DatasetSettings:
    """Return the section ``prepare`` for a data set's name or the path of images.

    Raises:
        InputError: there is neither, or the data set does not have this size.
    """
    section: dict[str, Any] = {"dataset": data}
    if data not in DATASETS or data == "folder":
        if not Path(data).exists():
            known = ", ".join(name for name in DATASETS if name != "folder")
            raise InputError(f"--data {data}: not found; allowed are {known}, a folder, a zip or a tar file of images")
        section = {"dataset": "folder", "path": data, "size": 32}
    if size is not None:
        section["size"] = size
    try:
        return DATASETS[section["dataset"]].model_validate(section)
    except ValidationError as error:
        reason = error.errors(include_url=False)[0]["msg"].lower()
        raise InputError(f"--size {size}: {section['dataset']}: {reason}") from None


def fit(content: dict[str, Any], data: DataSet) -> list[str]:
    """Change params so that they fit the data, and return what was changed, a line each.

    Raises:
        InputError: there are too few images, or no U-Net takes their size.
    """
    n, *shape = data.images.shape
    classes = int(data.labels.max()) + 1
    recipes = {name: each for name, each in content.items() if isinstance(each, dict) and "t_sampling" in each}
    notes = []
    for name, recipe in recipes.items():
        if n < recipe["batch_size"]:
            raise InputError(f"{n} images make no batch of {name}.batch_size = {recipe['batch_size']}")
        if recipe["network"].get("classes"):
            recipe["network"]["classes"] = classes
    if tuple(shape) == DIGITS_SHAPE:
        return notes
    size, _, channels = shape
    multipliers, attention = levels(size)
    for place in [*(recipe["network"] for recipe in recipes.values()), content["guide"]]:
        place["multipliers"] = list(multipliers)
        place["attention_sizes"] = list(attention)
    notes.append(f"networks: multipliers {multipliers}, attention at {attention}")
    if channels == 3:
        for recipe in recipes.values():
            recipe["flip"] = True
        notes.append("recipes: flip: true, random horizontal flips")
    drawn = min(n, content["sample"]["n"])
    fitting = [features for features in FEATURES if features <= drawn]
    if not fitting:
        raise InputError(f"{drawn} images are too few for {FEATURES[-1]} features; at least as many are needed")
    content["extractor"] |= {"network": "efficientnet-lite0", "resize": RESIZE, "channels": fitting[0]}
    notes.append(f"extractor: efficientnet-lite0, {fitting[0]} features for {drawn} images (extra: features)")
    return notes


def levels(size: int) -> tuple[list[int], list[int]]:
    """Return the multipliers of a U-Net's levels and the sizes of its attention, as those of CIFAR-10 are chosen.

    Raises:
        InputError: the size cannot be halved.
    """
    sizes = [size]
    while len(sizes) < MOST_LEVELS and sizes[-1] % 2 == 0 and sizes[-1] // 2 >= 4:
        sizes.append(sizes[-1] // 2)
    if len(sizes) == 1:
        raise InputError(f"--size {size}: a U-Net halves its images; allowed are sizes that 2 divides, from 8 on")
    return [1] + [2] * (len(sizes) - 1), [each for each in sizes[1:] if 8 <= each <= LARGEST_ATTENTION] or sizes[-1:]


@contextlib.contextmanager
def made(folder: Path) -> Iterator[None]:
    """Make a folder, and remove it again if what follows fails."""
    folder.mkdir(parents=True)
    try:
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise

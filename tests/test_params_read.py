"""What a stage reads of params.yaml is what dvc.yaml declares for it: of the rest, DVC sees no change."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from stages import report
from stages.__main__ import main
from stages.config import params
from stages.config.params import RESERVED, Params
from stages.config.sections import Section
from stages.plan import plan_file as cells
from tests.toy import ROOT, toy_params, write_study

# How to compute, never what.
UNDECLARED = {"runtime"}
# Sections of which some stages declare a part.
PARTLY = {"sample"}
# Declared by the report for the plan's sake, which it makes again to say why a number has no cell, and for searches.
FOR_THE_PLAN = {"report": {"beside", "tables", "max_steps", "grid", "diagnose", "sample", "search"}}
MODEL, KEY = "adm-ip", "adm-ip-ddim-es-4"
GRID = [{"models": [MODEL], "samplers": ["ddim"], "fixes": ["es"], "steps": [4]}]
TRAJECTORY = {"models": [MODEL], "iterations": [2], "sampler": "ddpm", "fix": "es", "steps": 4}
SETTINGS = "report of settings"
STAGES = {
    "prepare": (),
    "extractor": (),
    "reference": (),
    "autoencoder": ("vq",),
    "train": (MODEL,),
    "moments": (MODEL,),
    "diagnose": (MODEL,),
    "guide": (MODEL,),
    "trajectory": (MODEL,),
    "sample": (KEY,),
    "evaluate": (KEY,),
    "audit": (),
    "report": (),
}


class WatchedSection:
    """A section that tells its name when something of it is read."""

    def __init__(self, section: Section, name: str, seen: Callable[[str], object], partly: bool = False) -> None:
        self.section, self.name, self.seen, self.partly = section, name, seen, partly

    @property
    def __class__(self) -> type:  # pyright: ignore
        """The type of the section, for isinstance."""
        return type(self.section)

    def __getattr__(self, name: str) -> Any:
        self.seen(f"{self.name}.{name}" if self.partly and name in type(self.section).model_fields else self.name)
        return getattr(self.section, name)


class Named(Mapping[str, Any]):
    """Sections of one kind, each watched."""

    def __init__(self, sections: Mapping[str, Section], seen: Callable[[str], object]) -> None:
        self.sections, self.seen = sections, seen

    def __getitem__(self, name: str) -> WatchedSection:
        return WatchedSection(self.sections[name], name, self.seen)

    def __iter__(self) -> Iterator[str]:
        return iter(self.sections)

    def __len__(self) -> int:
        return len(self.sections)


class Watched:
    """Params that tell the name of each section that is read."""

    def __init__(
        self, content: Params, seen: Callable[[str], object], changed: Mapping[str, Any] | None = None
    ) -> None:
        self.content, self.seen, self.changed = content, seen, changed or {}

    def training(self, model: str) -> dict[str, Any]:
        for name in ("seed", "prepare", model, self.content.models[model].recipe):
            self.seen(name)
        return self.content.training(model)

    def guiding(self, model: str) -> dict[str, Any]:
        for name in ("seed", "prepare", "guide", self.content.models[model].recipe):
            self.seen(name)
        return self.content.guiding(model)

    def labels(self, cell: Any) -> Any:
        # Whether the network has labels follows from its recipe, and with it its file, which the stage depends on.
        for name in ("sample", cell.sampler):
            self.seen(name)
        return self.content.labels(cell)

    def model_copy(self, update: Mapping[str, Any]) -> Watched:
        return Watched(self.content, self.seen, update)

    def __getattr__(self, name: str) -> Any:
        if name in self.changed:
            return self.changed[name]
        value = getattr(self.content, name)
        if name in RESERVED:
            return Named(value, self.seen)
        if name not in Params.model_fields:
            raise AssertionError(f"{name}: read in a way that tells no section")
        if name in PARTLY:
            return WatchedSection(value, name, self.seen, partly=True)
        self.seen(name)
        return value


def unwatched(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, with params in place of watched ones."""
    return lambda *arguments: function(*(each.content if isinstance(each, Watched) else each for each in arguments))


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, set[str]]]:
    """The sections that each stage read of a toy study's params, without what the plan and its check read."""
    folder = tmp_path_factory.mktemp("study")
    found = {name: set[str]() for name in STAGES}
    shutil.copytree(ROOT / "data/published", folder / "data/published")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_study(toy_params() | {"grid": GRID, "trajectory": TRAJECTORY})
        parse = params.parse_params
        read_all = params.read_params
        stage = ""
        patch.setattr(params, "parse_params", lambda content: Watched(parse(content), lambda n: found[stage].add(n)))
        # The plan's own reading decides which cells there are; a plan made for other params is refused.
        patch.setattr(cells, "read_params", lambda: read_all().content)
        # The check of origins compares with all params; such a change reaches the report through the records.
        patch.setattr(report, "provenance_mismatches", lambda *_: iter(()))
        # So does the check whether a search was made for what is there now.
        patch.setattr(report, "settings_digest", lambda *_: "")
        # Which cells are compared rests on methods, which the plan holds, and on trainings, which the records hold.
        for name in ("study_pairs", "base_models"):
            patch.setattr(report, name, unwatched(getattr(report, name)))
        for stage, arguments in STAGES.items():
            assert main([stage, *arguments]) == 0
        # Tables that print settings, and a limit that leaves the cells what they are.
        stage = SETTINGS
        found[stage] = set()
        write_study(toy_params() | {"grid": GRID, "trajectory": TRAJECTORY, "tables": ["ip-9", "es-6"], "max_steps": 1})
        assert main(["report"]) == 0
        yield found


def declared(stage: str) -> set[str]:
    """The names under params in dvc.yaml, as DVC fills them in for this test's model and cell."""
    content = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"][stage]
    params = content.get("do", content).get("params", [])
    plan = json.loads(Path("cells.json").read_text())["plan"]
    (key,) = STAGES[stage] or ("",)
    entries = plan.get("sample" if stage == "evaluate" else stage, {})
    # The plan of this test needs no moments and no guide; those stages run on any of its models.
    item = entries.get(key) or plan["train"].get(key, {})
    filled = {"${key}": key} | {f"${{item.{name}}}": value for name, value in item.items()}
    return {filled.get(entry, entry) for entry in params if isinstance(entry, str)}


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_reads_the_sections_that_it_declares(stage: str, read: dict[str, set[str]]) -> None:
    seen, whole = read[stage] - UNDECLARED, declared(stage)
    if stage == "report":
        # Held against the records of what was made with them, which change with them, and the report with these.
        seen -= {"adm-ip", "adm-recipe", "ddim"}
    covered = {name for name in seen if name in whole or name.partition(".")[0] in whole}
    assert seen == covered, "read, not declared: a change of it would leave the result as it was"
    reached = seen | {name.partition(".")[0] for name in seen} | FOR_THE_PLAN.get(stage, set())
    assert whole <= reached, "declared, not read: a change runs it for nothing"


def test_the_report_takes_settings_of_what_ran_alone(read: dict[str, set[str]]) -> None:
    """Their change reaches the report through the records; that of a section without a cell would not."""
    ran = {MODEL, "adm-recipe", "ddim", "es"}
    assert {name.partition(".")[0] for name in read[SETTINGS]} - UNDECLARED - ran <= declared("report")


def test_all_stages_are_looked_at() -> None:
    assert set(STAGES) == set(yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"])

"""The campaign: damaged files and odd params on a toy study, each outcome counted by its kind.

``python -m tests.campaign.campaign [SEED] [DAMAGES] [PARAMS]`` runs the long form.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from tests.campaign.damages import damage_bytes, damage_record
from tests.campaign.study import CELLS, MODEL, Ended, make_study, params, run, unfinished
from tests.toy import write_params

# Which stages read a file. What a stage makes of another whole file, the report has to notice.
READERS = {
    "data/dataset.npz": (["extractor"], ["reference"], ["train", MODEL]),
    "data/extractor/network.safetensors": (["reference"], ["evaluate", CELLS[0]]),
    "data/reference/reference.npz": (["evaluate", CELLS[0]],),
    "data/records/reference.json": (["evaluate", CELLS[0]], ["report"]),
    f"data/models/{MODEL}.safetensors": (["sample", CELLS[0]],),
    f"data/samples/{CELLS[0]}.npz": (["evaluate", CELLS[0]],),
    "cells.json": (["sample", CELLS[0]], ["report"]),
    "values.json": (["sample", CELLS[0]], ["report"]),
} | {
    path: (["report"],)
    for path in (
        "data/records/dataset.json",
        "data/records/extractor.json",
        f"data/records/models/{MODEL}.json",
        f"data/records/samples/{CELLS[0]}.json",
        f"data/scores/{CELLS[0]}.json",
        f"data/previews/{CELLS[0]}.png",
        "data/previews/real.png",
        "reports/audit.json",
    )
}
# Whole files of the same study in the place of one another.
SIBLINGS = {
    f"data/samples/{CELLS[0]}.npz": f"data/samples/{CELLS[1]}.npz",
    f"data/scores/{CELLS[0]}.json": f"data/scores/{CELLS[1]}.json",
    f"data/records/samples/{CELLS[0]}.json": f"data/records/samples/{CELLS[1]}.json",
    f"data/previews/{CELLS[0]}.png": f"data/previews/{CELLS[1]}.png",
    f"data/models/{MODEL}.safetensors": "data/extractor/network.safetensors",
    "data/dataset.npz": "data/reference/reference.npz",
    "data/records/dataset.json": "data/records/reference.json",
}
ODD = (
    None,
    True,
    -1,
    0,
    1,
    2,
    3,
    5,
    7,
    32,
    64,
    0.1,
    0.5,
    0.99,
    -0.0,
    1.5,
    1e308,
    1e30,
    1e-320,
    float("nan"),
    float("inf"),
    "",
    "all",
    "../x",
    "a;b",
    "010",
    "1e3",
    "ä",
    [],
    {},
    [1],
    [8],
    ["x"],
    {"a": 1},
    10**12,
    2**63,
    2**70,
)
# Numbers of work: any is allowed, and large ones would only take their time. What other processes print is not seen.
WORK = {"channels": 64, "epochs": 7, "iterations": 7, "res_blocks": 7, "threads": 7, "train_processes": 1}
AFTER = {
    "seed": [["prepare"], ["train", MODEL], ["sample", CELLS[0]]],
    "runtime": [["train", MODEL], ["sample", CELLS[0]], ["evaluate", CELLS[0]]],
    "prepare": [["prepare"]],
    "extractor": [["extractor"], ["reference"], ["evaluate", CELLS[0]]],
    "sample": [["reference"], ["sample", CELLS[0]], ["evaluate", CELLS[0]]],
    "evaluate": [["reference"], ["evaluate", CELLS[0]]],
    "search": [["report"]],
    "adm-recipe": [["train", MODEL], ["sample", CELLS[0]]],
    "adm-ip": [["train", MODEL], ["sample", CELLS[0]]],
    "ddim": [["sample", CELLS[0]]],
    "es": [["sample", CELLS[1]]],
}


class Folder:
    """A study in the current folder that can be put back as it was."""

    def __init__(self) -> None:
        make_study()
        self.places = unfinished()
        self.whole = self._content()

    def _content(self) -> dict[Path, bytes]:
        files = [path for top in ("data", "reports") for path in Path(top).rglob("*") if path.is_file()]
        kept = [path for path in files if "published" not in path.parts and "templates" not in path.parts]
        return {
            path: path.read_bytes() for path in [*kept, Path("params.yaml"), Path("cells.json"), Path("values.json")]
        }

    def restore(self) -> None:
        """Restore every file, and remove new ones."""
        now = self._content()
        for path in now.keys() - self.whole.keys():
            path.unlink()
        for path, content in self.whole.items():
            if now.get(path) != content:
                path.write_bytes(content)
        shutil.rmtree(".scratch", ignore_errors=True)

    def changed(self, *but: str) -> bool:
        """Whether a file differs from how it was; logs of runs may hold other times."""
        now = self._content()
        return any(
            now.get(path) != content
            for path, content in self.whole.items()
            if path.as_posix() not in but and "runs" not in path.parts
        )


def outcome(ended: Ended, same: bool) -> str:
    """Return the kind of an outcome that needs no further look."""
    if ended.status is None or ended.status == 1:
        return "traceback"
    if ended.status == 2:
        return "clear line" if ended.refused else "traceback"
    return "harmless" if same else "silent"


def damaged_files(folder: Folder, random: Random, count: int) -> Iterator[tuple[str, str, str]]:
    """Yield (what was done, kind of outcome, what was printed) of damages to files that stages read."""
    for _ in range(count):
        path = random.choice(list(READERS))
        if path in SIBLINGS and random.random() < 0.1:
            shutil.copy(SIBLINGS[path], path)
            done = f"put in the place of {SIBLINGS[path]}"
        elif path.startswith("data/") and path.endswith(".json") and random.random() < 0.5:
            done = damage_record(Path(path), random)
        else:
            done = damage_bytes(Path(path), random)
        command = random.choice(READERS[path])
        ended = run(*command)
        kind = outcome(ended, not folder.changed(path))
        if kind == "silent" and command != ["report"]:
            ended = run("report")
            kind = outcome(ended, not folder.changed(path))
        yield f"{path}: {done}; {' '.join(command)}", kind, ended.printed
        folder.restore()


def damaged_scratch(folder: Folder, random: Random, count: int) -> Iterator[tuple[str, str, str]]:
    """Yield the same of damages to what a killed stage left."""
    for _ in range(count):
        stage, name = random.choice([("train", MODEL), ("sample", CELLS[0])])
        shutil.copytree(Path("left") / stage, folder.places[stage])
        path = random.choice([path for path in folder.places[stage].iterdir() if path.is_file()])
        done = damage_bytes(path, random)
        ended = run(stage, name)
        kind = outcome(ended, not folder.changed())
        yield f"{path.name}: {done}; {stage}", "clean resume" if kind == "harmless" else kind, ended.printed
        folder.restore()


def odd_params(folder: Folder, random: Random, count: int) -> Iterator[tuple[str, str, str]]:
    """Yield the same of odd values in params.yaml: refused by the plan, or run by the stages that use them."""
    for _ in range(count):
        content = params()
        done, section = _make_odd(content, random)
        write_params(content)
        ended = run("plan")
        kind = outcome(ended, same=True)
        for command in AFTER.get(section, []) if kind == "harmless" else []:
            ended = run(*command)
            kind = outcome(ended, same=True)
            if kind != "harmless":
                break
        yield done, kind, ended.printed
        folder.restore()


def _make_odd(content: dict[str, Any], random: Random) -> tuple[str, str]:
    section = random.choice(list(AFTER))
    parent = content
    key = section
    while isinstance(parent[key], dict) and random.random() < 0.9:
        parent = parent[key]
        key = random.choice(list(parent))
    kind = random.choice(["value"] * 6 + ["removed", "unknown"])
    if kind == "removed":
        del parent[key]
    elif kind == "unknown":
        parent[f"{key}x"] = parent[key]
    else:
        values = [value for value in ODD if key not in WORK or not isinstance(value, int) or value <= WORK[key]]
        parent[key] = random.choice(values)
    return f"{section} ... {key}: {kind} {parent.get(key)!r}", section


def campaign(seed: int, damages: int, odd: int, show: bool = False) -> tuple[Counter[str], list[str]]:
    """Return how many outcomes there were of each kind, and those that must not be: silent ones and tracebacks."""
    counts: Counter[str] = Counter()
    wrong = []
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)
        try:
            folder = Folder()
            random = Random(seed)
            for part in (
                damaged_files(folder, random, damages * 3 // 4),
                damaged_scratch(folder, random, damages // 4),
                odd_params(folder, random, odd),
            ):
                for done, kind, printed in part:
                    counts[kind] += 1
                    if kind in ("silent", "traceback"):
                        wrong.append(f"{kind}: {done}\n{printed[-1500:]}")
                    if show:
                        print(f"{kind:13} {done}", file=sys.stderr)
        finally:
            os.chdir(here)
    return counts, wrong


def main(seed: int = 0, damages: int = 1300, odd: int = 2000) -> int:
    """Print the counts and what is wrong; return 1 where something is."""
    counts, wrong = campaign(seed, damages, odd, show=True)
    print("\n\n".join(wrong))
    print(", ".join(f"{kind}: {count}" for kind, count in sorted(counts.items())))
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))

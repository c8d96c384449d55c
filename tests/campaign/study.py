"""A complete toy study in a folder, made in this process, and what came of a stage run on it."""

from __future__ import annotations

import contextlib
import io
import shutil
import signal
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from stages import sample, train
from stages.__main__ import main
from stages.sampling import draw
from tests.toy import ROOT, toy_params, write_study

MODEL = "adm-ip"
CELLS = ("adm-ip-ddim-none-4", "adm-ip-ddim-es-4")
# Seconds that a stage of this study may take: absurd values must not start work without end.
LIMIT = 60


class Ended(NamedTuple):
    """What came of a stage: exit status, or None where it raised, and what it printed on stderr."""

    stage: str
    status: int | None
    printed: str

    @property
    def refused(self) -> bool:
        """Whether it refused in one line."""
        told = [line for line in self.printed.splitlines() if line.startswith(f"{self.stage}: ") and "%|" not in line]
        return self.status == 2 and len(told) == 1 and "Traceback" not in self.printed


def params() -> dict[str, Any]:
    """The params of the study."""
    content = toy_params()
    content["grid"] |= {"samplers": ["ddim"], "fixes": ["none", "es"]}
    content["adm-recipe"] |= {"iterations": 12, "lr": 0.003, "warmup": 0}
    content["runtime"] |= {"checkpoint_every": 3, "batch_size": 40}
    return content


def make_study() -> None:
    """Make the study in the current folder."""
    Path("data").mkdir()
    Path("data/published").symlink_to(ROOT / "data/published")
    write_study(params())
    run_all(["prepare"], ["extractor"], ["reference"], ["train", MODEL], ["diagnose", MODEL])
    for cell in CELLS:
        run_all(["sample", cell], ["evaluate", cell])
    run_all(["audit"], ["report"])


def run_all(*commands: list[str]) -> None:
    """Run stages that must succeed."""
    for command in commands:
        ended = run(*command)
        assert ended.status == 0, ended.printed


def run(*command: str) -> Ended:
    """Run a stage in this process."""
    printed = io.StringIO()
    with contextlib.redirect_stderr(printed), contextlib.redirect_stdout(io.StringIO()), time_limit():
        try:
            status = main(list(command))
        except (Exception, TimeoutError):
            return Ended(command[0], None, printed.getvalue() + traceback.format_exc())
    return Ended(command[0], status, printed.getvalue())


@contextlib.contextmanager
def time_limit() -> Iterator[None]:
    def end(*_: object) -> None:
        raise TimeoutError(f"more than {LIMIT} s")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(LIMIT)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def unfinished() -> dict[str, Path]:
    """What killed runs leave, by the stage that resumes from it: copies in the folder ``left`` and their places."""
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        real_loss = train.batch_loss
        real_noise = draw.block_noise
        patch.setattr(train, "batch_loss", lambda state, *r: _killed(state.iteration == 10) or real_loss(state, *r))
        patch.setattr(draw, "block_noise", lambda seed, start, *r: _killed(start > 0) or real_noise(seed, start, *r))
        for stage, name in (("train", MODEL), ("sample", CELLS[0])):
            with contextlib.suppress(KeyboardInterrupt), contextlib.redirect_stderr(io.StringIO()):
                {"train": train, "sample": sample}[stage].run(name)
            (folder,) = Path(".scratch").glob(f"{stage}-*")
            found[stage] = folder
            shutil.copytree(folder, Path("left") / stage)
            shutil.rmtree(folder)
    return found


def _killed(now: bool) -> None:
    if now:
        raise KeyboardInterrupt

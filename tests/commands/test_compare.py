"""The comparison that ``make reproduce`` ends with."""

from __future__ import annotations

import subprocess
from pathlib import Path
from random import Random

import pandas as pd
import pytest

from stages.__main__ import main
from stages.commands.compare import SCORES
from tests.campaign.damages import damage_bytes

TABLE = pd.DataFrame(
    {"model": "adm", "sampler": "ddpm", "fix": "none", "steps": [5, 10], "fid": [1.0, 2.0], "fid_margin": 0.1}
)


def git(*arguments: str) -> None:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def project(project: Path) -> Path:
    """The toy study after an evaluation."""
    Path("data/scores").mkdir()
    return project


def test_before_any_evaluation_nothing_is_compared(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("data/scores").rmdir()
    SCORES.parent.mkdir(parents=True)
    TABLE.to_csv(SCORES, index=False)
    assert main(["compare"]) == 2
    assert "data/scores: not found: no score was made here; run dvc repro" in capsys.readouterr().err


def test_regenerated_scores_are_held_against_the_last_commit(project: Path, capsys) -> None:
    git("init", "-q")
    SCORES.parent.mkdir(parents=True)
    TABLE.to_csv(SCORES, index=False)
    git("add", "-A")
    git("commit", "-qm", "scores")
    TABLE.assign(fid=[1.0, 2.05]).to_csv(SCORES, index=False)
    assert main(["compare"]) == 0
    assert capsys.readouterr().out == (
        "Regenerated against committed scores: 1 identical, 1 within interval, 0 different\n"
    )


def test_without_scores_or_without_a_commit_it_says_so(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare"]) == 2
    assert "reports/tables/scores.csv: not found" in capsys.readouterr().err
    git("init", "-q")
    SCORES.parent.mkdir(parents=True)
    TABLE.to_csv(SCORES, index=False)
    assert main(["compare"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "no committed version to compare with" in line


def test_a_damaged_table_is_one_line_or_compared_as_it_is(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A digit that differs is what the comparison is there to tell."""
    git("init", "-q")
    SCORES.parent.mkdir(parents=True)
    TABLE.to_csv(SCORES, index=False)
    git("add", "-A")
    git("commit", "-qm", "scores")
    content = SCORES.read_bytes()
    refused = 0
    for seed in range(300):
        SCORES.write_bytes(content)
        damage_bytes(SCORES, Random(seed))
        if main(["compare"]) == 2:
            (line,) = capsys.readouterr().err.splitlines()
            assert line.startswith("compare: reports/tables/scores.csv: no table of scores")
            refused += 1
    assert refused > 100

"""The README's worked example of an audit, run as printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stages.__main__ import main
from tests.toy import ROOT

README = (ROOT / "README.md").read_text()


def test_the_example_of_another_paper_gives_what_the_readme_prints(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "reports").mkdir()
    (project / "reports/templates").symlink_to(ROOT / "reports/templates")
    files = re.findall(r"`mine/(\w+\.csv)`(?:(?!`mine/).)*?```csv\n(.*?)```", README, re.DOTALL)
    assert [name for name, _ in files] == ["metrics.csv", "toy.csv", "claims.csv"]
    (project / "mine").mkdir()
    for name, content in files:
        (project / "mine" / name).write_text(content)
    (command,) = re.findall(r"^python -m stages (audit --published mine)$", README, re.MULTILINE)
    assert main(command.split()) == 0
    (printed,) = re.findall(r"```\n(inconsistent: .*?)```", README, re.DOTALL)
    assert printed in capsys.readouterr().out


def test_every_stage_and_make_target_that_the_readme_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"`?make ([a-z]+)", README)):
        assert f"\n{target}:" in makefile

"""audit --init: the folder that it makes, what it says, and what it refuses."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest
import yaml

from stages.__main__ import main
from stages.auditing.importer.propose import audit_folder as made
from tests.auditing.importer.tables import HERE


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, entered, with the tables of the tests beside it."""
    for name in ("awkward.tex", "same.tex", "same.md", "same.csv"):
        shutil.copy(HERE / name, tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def init(*files: str) -> int:
    return main(["audit", "--init", "mine", *files])


def test_the_folder_holds_all_that_the_audit_needs(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert init("same.tex") == 0
    assert capsys.readouterr().out == (
        "Table 1 (same.tex:3): 9 numbers\n\n"
        "1 table, 9 numbers, 4 claims proposed, 3 things to decide\n"
        "decide what mine/DECIDE.md lists, complete mine/claims.csv, then:\n"
        "python -m stages audit --published mine\n"
    )
    assert sorted(path.name for path in (here / "mine").iterdir()) == [
        "DECIDE.md",
        "claims.csv",
        "metrics.csv",
        "same.csv",
        "schema.yaml",
    ]
    assert yaml.safe_load((here / "mine/schema.yaml").read_text()) == {
        "coordinates": ["dataset", "method", "steps"],
        "beside": ["improvement", "sd"],
        "marks": ["bold"],
    }
    assert (here / "mine/metrics.csv").read_text() == (
        "metric,type,better,heading\nfid,number,lower,FID\ninception_score,number,higher,IS\n"
    )
    rows = (here / "mine/same.csv").read_text().splitlines()
    assert rows[:2] == [
        "paper,table,row,column,dataset,method,steps,metric,value,improvement,sd,bold,where,source,note",
        "same,1,CIFAR-10 | DDIM,FID | 10 steps,cifar-10,ddim,10,fid,9.49,,,,Table 1: Main results.,same.tex,",
    ]
    assert rows[7].endswith("imagenet,ddim,10,fid,3.2,,0.1,,Table 1: Main results.,same.tex,")


def test_what_it_made_is_audited_without_a_warning(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert init("awkward.tex", "same.md", "same.csv") == 0
    capsys.readouterr()
    assert main(["audit", "--published", "mine", "--strict"]) == 0
    out, err = capsys.readouterr()
    assert "100 × (1 − 5.14 / 9.49) = 45.838" in out
    assert err == ""
    assert (here / "mine/audit/audit.html").exists()


def test_what_is_to_decide_comes_in_the_order_of_weight(here: Path) -> None:
    init("awkward.tex")
    message = (here / "mine/DECIDE.md").read_text()
    headings = [line.partition(" (")[0] for line in message.splitlines() if line.startswith("## ")]
    assert headings == [
        "## Tables not read",
        "## Numbers of the source that were not read",
        "## Bases and operands that are guessed",
        "## Claims not proposed",
        "## Coordinates that are guessed",
    ]
    assert "- awkward.tex:74: the tblr is of a kind that cannot be read; print it as a tabular\n" in message
    assert "- Table 6: 5.50 (awkward.tex:79): perhaps inside a macro that the file does not define\n" in message


def test_a_table_without_claims_says_that_a_person_must_write_them(here: Path) -> None:
    (here / "Métrics!.csv").write_text("Method,FID\nx,1.5\n")
    assert init("Métrics!.csv") == 0
    with open(here / "mine/claims.csv", newline="") as stream:
        (claim,) = csv.DictReader(stream)
    assert (claim["id"], claim["paper"], claim["formula"]) == ("to-write", "metrics-paper", "")
    assert claim["reason"].startswith("no claim could be proposed from the tables alone: write here what")
    assert main(["audit", "--published", "mine"]) == 0


def test_files_in_a_row_go_on_numbering(here: Path) -> None:
    init("same.csv", "same.tex", "same.md")
    names = [line.split(",")[1] for line in (here / "mine/same.csv").read_text().splitlines()[1:]]
    assert list(dict.fromkeys(names)) == ["1", "1-2", "1-3"]
    message = (here / "mine/DECIDE.md").read_text()
    assert "- same.tex:3: there is a Table 1 already; it is called 1-2\n" in message


def test_an_empty_folder_may_be_there_and_a_full_one_is_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "mine").mkdir()
    assert init("same.csv") == 0
    before = {path.name: path.read_bytes() for path in (here / "mine").iterdir()}
    assert init("same.tex") == 2
    assert capsys.readouterr().err == "audit: mine: exists and is not an empty folder\n"
    assert before == {path.name: path.read_bytes() for path in (here / "mine").iterdir()}
    assert main(["audit", "--init", "same.csv", "same.tex"]) == 2
    assert capsys.readouterr().err == "audit: same.csv: exists and is not an empty folder\n"


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (("--init", "mine"), "--init mine: must be followed by the files to read, such as main.tex"),
        (("same.tex",), "same.tex: files are read with --init DIR alone; --published DIR audits a folder"),
        (("--init", "mine", "no.tex"), "no.tex: cannot be read (No such file or directory)"),
        (("--init", "mine", "none.md"), "none.md: no table with a number is found"),
        (("--init", "mine", "paper.pdf"), "paper.pdf: a PDF is not read; give the paper's LaTeX or HTML, or its"),
        (("--init", "mine", "same.tex", "paper.pdf"), "paper.pdf: a PDF is not read"),
    ],
)
def test_faults_are_one_line_and_nothing_is_made(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], fault: str
) -> None:
    (here / "none.md").write_text("words\n")
    (here / "paper.pdf").write_bytes(b"%PDF-1.7")
    files = sorted(here.iterdir())
    assert main(["audit", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"audit: {fault}")
    assert sorted(here.iterdir()) == files


def test_nothing_half_written_is_left(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "mine")

    monkeypatch.setattr(made.os, "replace", full)
    files = sorted(here.iterdir())
    assert init("same.csv") == 2
    assert sorted(here.iterdir()) == files


def test_hostile_labels_stay_data(here: Path) -> None:
    (here / "a.csv").write_text(
        '"<script>; rm -rf ""x"" | y",FID\n"=cmd|\' /C calc\'!A0; b, c",*1.5*\n"\\input{x}",2.5\n'
    )
    assert init("a.csv") == 0
    assert main(["audit", "--published", "mine"]) == 0
    assert "<script>; rm" not in (here / "mine/audit/audit.html").read_text()

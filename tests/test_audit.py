"""The audit stage, on a small made-up paper: verdicts, files, page, narrowing, exit status, faults in one line."""

from __future__ import annotations

import csv
import gc
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stages import audit as stage
from stages.__main__ import main
from stages.auditing import folder_audit
from stages.auditing.claims.claims import KINDS
from stages.auditing.output.spreadsheet import harmless
from tests.auditing.claims.made_up import CLAIMS, EXPECTED, write_paper
from tests.auditing.output.audits import CANDIDATES, state_causes
from tests.test_report import Page
from tests.toy import ROOT


@pytest.fixture
def paper(project: Path) -> Path:
    write_paper(project / "mine")
    return project / "mine"


def audit(*options: str) -> int:
    return main(["audit", "--published", "mine", *options])


def findings(paper: Path) -> dict[str, dict[str, str]]:
    record = json.loads((paper / "audit/audit.json").read_text())
    return {finding["id"]: finding for finding in record["findings"]}


def test_every_kind_of_claim_and_of_error_is_judged(paper: Path) -> None:
    assert {kind for kind, *_ in CLAIMS.values()} == set(KINDS)
    assert audit() == 0
    assert {name: finding["verdict"] for name, finding in findings(paper).items()} == EXPECTED


def test_a_finding_names_the_line_of_the_text_that_it_rests_on(paper: Path) -> None:
    claims = paper / "claims.csv"
    claims.write_text(claims.read_text().replace("tie,toy,Sec. 1,7,", "tie,toy,Sec. 1,,"))
    audit()
    assert [findings(paper)[name]["line"] for name in ("tie", "gain")] == ["", "7"]
    page = (paper / "audit/audit.html").read_text()
    assert "Sec. 1, line 7 of the text" in page.partition('id="finding-gain"')[2].partition("</li>")[0]
    assert "of the text" not in page.partition('id="finding-tie"')[2].partition("</li>")[0]


def test_a_finding_spells_out_its_sum(paper: Path) -> None:
    audit()
    found = findings(paper)
    wrong = found["printed-gain.20"]
    assert wrong["sum"] == "100 × (1 − 3.00 / 6.00)"
    # (1 - 3.005 / 5.995) and (1 - 2.995 / 6.005), rounded outwards.
    assert [wrong[key] for key in ("recomputed", "low", "high", "stated")] == ["50.000", "49.874", "50.125", "40.0"]
    assert wrong["operands"][0] == "a = 6.00 (toy/1 [adm | none; 20 steps] fid)"
    assert wrong["case"] == "20"
    assert found["always-better"]["held"] == "2 of 3"
    query = "a = toy/1 fix=none metric=fid; b = toy/1 fix=ours metric=fid"
    assert found["always-better"]["check"] == f"b < a; {query}"
    places = "(toy/1 [adm | ours; 50 steps] fid, toy/1 [adm | none; 50 steps] fid)"
    assert found["always-better"]["counter_examples"] == [f"6.30, not < 6.10 {places}"]
    assert found["mean-rule.10"]["sum"] == "1.0 + 9.5 × 0.0025"
    assert found["mean-rule.10"]["low"] == found["mean-rule.10"]["high"] == "1.02375"
    assert found["printed-gain.50"]["recomputed"] == "−3.279"
    assert found["lost"]["explanation"] == "toy/2 [lost | training; steps] fid is lost"


def test_csv_json_and_page_agree_and_are_the_same_bytes_again(paper: Path) -> None:
    audit()
    first = {path.name: path.read_bytes() for path in (paper / "audit").iterdir()}
    with open(paper / "audit/audit.csv", newline="") as stream:
        rows = list(csv.DictReader(stream))
    text = {
        name: {key: harmless("; ".join(v) if isinstance(v, list) else str(v)) for key, v in finding.items()}
        for name, finding in findings(paper).items()
    }
    assert {row["id"]: row for row in rows} == text
    assert {row["relation"] for row in rows} >= {"'=", "<"}
    log = json.loads((paper / "audit/audit.sarif").read_text())
    results = {result["partialFingerprints"]["findingId/v1"] for result in log["runs"][0]["results"]}
    grave = ("inconsistent", "wording", "rounding", "fails")
    assert results == {name for name, verdict in EXPECTED.items() if verdict in grave}
    review = (paper / "audit/audit.md").read_text()
    assert {name for name in EXPECTED if f"`{name}`, `claims.csv:" in review} == results
    page = Page((paper / "audit/audit.html").read_text())
    assert not page.open
    assert len(page.ids) == len(set(page.ids))
    assert {f"finding-{name}" for name in EXPECTED} < set(page.ids)
    assert {address.removeprefix("#") for address in page.addresses} <= set(page.ids)
    audit()
    assert first == {path.name: path.read_bytes() for path in (paper / "audit").iterdir()}


def test_the_page_marks_the_numbers_of_a_finding_and_links_them(paper: Path) -> None:
    audit()
    tables = json.loads((paper / "audit/audit.json").read_text())["tables"]
    (first,) = (table for table in tables if table["table"] == "1")
    assert [label["text"] for label in first["head"][-1]] == ["10 steps", "20 steps", "50 steps"]
    cells = {tuple(row["labels"]): row["cells"] for row in first["body"]}
    (number,) = cells["", "ours"][1]
    assert (number["value"], number["improvement"], number["verdict"]) == ("3.00", "40.0", "inconsistent")
    assert number["finding"] in EXPECTED
    assert cells["adm", "none"][0][0]["verdict"] != "wording"


def test_hostile_text_is_escaped(paper: Path) -> None:
    claims = paper / "claims.csv"
    claims.write_text(claims.read_text().replace("wrong gain", "<script>alert(1)</script>"))
    state_causes(paper, {"wrong-gain": "<img src=x onerror=alert(2)>"})
    audit()
    page = (paper / "audit/audit.html").read_text()
    # The page has one script, its own.
    assert page.count("<script") == 1
    assert "alert(1)&lt;/script&gt;" in page
    assert "<img" not in page


def test_findings_of_one_cause_are_one_group(paper: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A cause speaks of what is wrong alone: the cases of the claim that fit are grouped as others are."""
    state_causes(paper, {"wrong-gain": "Ours gains 3.00", "printed-gain": "Ours gains 3.00", "gain": "nothing"})
    audit()
    found = findings(paper)
    causes = {name: finding["cause"] for name, finding in found.items() if finding["cause"]}
    assert causes == {"wrong-gain": "Ours gains 3.00", "printed-gain.20": "Ours gains 3.00"}
    printed = capsys.readouterr().out
    assert "\n\n== Ours gains 3.00\n\ninconsistent: toy, Sec. 1: printed gain [20]\n" in printed
    page = (paper / "audit/audit.html").read_text()
    _, _, group = page.partition("<h4><b>Ours gains 3.00</b></h4>")
    assert page.count("Ours gains 3.00") == 1
    assert re.findall(r'id="finding-([^"]+)"', group)[:2] == ["printed-gain.20", "wrong-gain"]
    assert "nothing" not in page


def test_candidates_are_a_section_of_their_own(
    paper: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    audit()
    assert "One number twice" not in (paper / "audit/audit.html").read_text()
    monkeypatch.setattr(folder_audit, "candidate_records", lambda _: CANDIDATES)
    audit()
    assert json.loads((paper / "audit/audit.json").read_text())["candidates"] == CANDIDATES
    page = (paper / "audit/audit.html").read_text()
    _, _, section = page.partition("Worth a look: checks that need no claim</h3>")
    assert "<h4>One number twice: 1</h4>" in section
    assert "6.00 is there &lt;twice&gt;" in section
    assert "toy/1 [a | b; c] fid; toy/1 [d; e] fid" in section
    assert page.index('id="finding-exchanged"') < page.index("Worth a look") < page.index('id="published-tables"')
    assert "\n## Worth a look: checks that need no claim\n" in (paper / "audit/audit.md").read_text()
    assert "\n    One number twice: 1\n" in capsys.readouterr().out


def test_the_collector_works_again_after_an_audit_and_a_fault(paper: Path) -> None:
    assert audit() == 0
    assert gc.isenabled()
    (paper / "claims.csv").write_text("")
    assert audit() == 2
    assert gc.isenabled()


def test_narrowing_prints_and_writes_nothing(paper: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit("--paper", "toy", "--table", "3") == 0
    printed = capsys.readouterr().out
    assert "[again.ours-20]" in printed
    assert "3.00, from 2.995 to 3.005 by the printed digits; stated 3.20" in printed
    assert "[wrong-gain]" not in printed
    assert not (paper / "audit").exists()


def test_fail_on_is_an_exit_status(paper: Path) -> None:
    assert audit("--fail-on", "inconsistent") == 1
    assert audit("--fail-on", "inconsistent", "--table", "1") == 1
    claims = (paper / "claims.csv").read_text().splitlines(keepends=True)
    (paper / "claims.csv").write_text(claims[0] + "".join(line for line in claims if line.startswith("batch,")))
    assert audit("--fail-on", "rounding") == 1
    assert audit("--fail-on", "rounding", "--table", "2") == 1


def test_sanity_checks_are_a_class_of_their_own(paper: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They say nothing of what the paper states: no verdict, no mark on a number, no failure."""
    audit()
    record = json.loads((paper / "audit/audit.json").read_text())
    assert record["sanity"] == {"holds": 1, "fails": 1, "undecided": 0}
    told = list(EXPECTED.values())
    assert record["counts"] == {"toy": {word: told.count(word) for word in record["verdicts"]}}
    printed = capsys.readouterr().out
    assert "\nsanity checks, which no paper states: 1 hold, 1 fail\n" in printed
    assert "\nsanity check fails: toy, Sec. 1: exchanged\n    0.58" in printed
    page = (paper / "audit/audit.html").read_text()
    assert "2 sanity checks, which no paper states: 1 hold, 1 fail</h3>" in page
    assert page.index('id="finding-sharper"') < page.index('id="finding-exchanged"') < page.index("published-tables")
    (number,) = (n for n in record["tables"][0]["body"][1]["cells"][2] if n["metric"] == "precision")
    assert (number["value"], number["finding"]) == ("0.58", "")
    lines = (paper / "claims.csv").read_text().splitlines(keepends=True)
    (paper / "claims.csv").write_text(lines[0] + "".join(line for line in lines if ",sanity," in line))
    assert audit("--fail-on", "rounding") == 0


def mistype(paper: Path) -> None:
    """Mistype the data set of the one row that refutes always-better, ours at 50 steps."""
    table = paper / "toy.csv"
    assert "cifar10,adm,ddim,,,ours,50,fid,6.30" in table.read_text()
    table.write_text(table.read_text().replace("cifar10,adm,ddim,,,ours,50,fid", "cifar-10,adm,ddim,,,ours,50,fid"))


LOST = (
    "claims.csv:11: claim always-better: 2 rows that it names are part of no comparison: "
    "a = 6.10 (toy/1 [adm | none; 50 steps] fid), b = 6.30 (toy/1 [adm | ours; 50 steps] fid); "
    "a and b differ in dataset: 'cifar10', 'cifar-10'"
)


def test_a_row_that_could_be_paired_and_was_not_is_a_warning(paper: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The mistyped row was the only counter-example: the verdict is wrong, but not silently so."""
    mistype(paper)
    assert audit() == 0
    assert findings(paper)["always-better"]["verdict"] == "consistent"
    assert f"\nwarning: {LOST}\n" in capsys.readouterr().out
    warnings = {w["claim"]: w for w in json.loads((paper / "audit/audit.json").read_text())["warnings"]}
    assert warnings["always-better"]["rows"] == [
        "a = 6.10 (toy/1 [adm | none; 50 steps] fid)",
        "b = 6.30 (toy/1 [adm | ours; 50 steps] fid)",
    ]
    # A trend has nothing to compare a row with that has no neighbour along the steps.
    assert warnings["ours-worsens"]["rows"] == ["a = 6.30 (toy/1 [adm | ours; 50 steps] fid)"]
    page = (paper / "audit/audit.html").read_text()
    assert "Warning: rows that claims name are part of no comparison" in page
    assert "always-better (claims.csv:11): a = 6.10 (toy/1 [adm | none; 50 steps] fid); b = 6.30" in page
    audit("--table", "1")
    assert f"\nwarning: {LOST}\n" in capsys.readouterr().out
    audit("--table", "2")
    assert "warning:" not in capsys.readouterr().out


def test_strict_refuses_what_is_a_warning_otherwise(paper: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit("--strict") == 0
    assert json.loads((paper / "audit/audit.json").read_text())["warnings"] == []
    assert "Warning: rows" not in (paper / "audit/audit.html").read_text()
    for file in (paper / "audit").iterdir():
        file.unlink()
    mistype(paper)
    capsys.readouterr()
    for options in ((), ("--table", "2")):
        assert audit("--strict", *options) == 2
        captured = capsys.readouterr()
        (line,) = captured.err.splitlines()
        assert line.startswith("audit: mine/claims.csv:2: claim printed-gain: 2 rows that it names are part of no")
        assert line.endswith("(and 4 more claims with such rows)")
        assert captured.out == ""
    assert not list((paper / "audit").iterdir())


def test_an_operand_may_say_that_some_of_its_rows_have_no_counterpart(paper: Path) -> None:
    """As the claim 'again' does: table 3 repeats two of the ten numbers of table 1."""
    claims = (paper / "claims.csv").read_text()
    assert "a = toy/1?; b = toy/3" in claims
    for operands, status in (("a = toy/1; b = toy/3", 2), ("a = toy/1; b = toy/3?", 2), ("a = toy/1?; b = toy/3?", 0)):
        (paper / "claims.csv").write_text(claims.replace("a = toy/1?; b = toy/3", operands))
        assert audit("--strict") == status


@pytest.mark.parametrize(
    ("file", "lines", "options", "fault"),
    [
        ("claims.csv", 1, (), "mine/claims.csv: has no claim, so nothing would be checked"),
        ("toy.csv", 1, (), "mine/toy.csv: has no row but its header"),
        ("claims.csv", 4, ("--table", "2"), "mine/claims.csv: no claim concerns table 2"),
        (
            "claims.csv",
            4,
            ("--paper", "toy", "--table", "2"),
            "mine/claims.csv: no claim concerns paper toy and table 2",
        ),
    ],
)
def test_an_audit_of_nothing_is_no_success(
    paper: Path, capsys: pytest.CaptureFixture[str], file: str, lines: int, options: tuple[str, ...], fault: str
) -> None:
    (paper / file).write_text("".join((paper / file).read_text().splitlines(keepends=True)[:lines]))
    assert audit(*options) == 2
    assert capsys.readouterr().err == f"audit: {fault}\n"
    assert not (paper / "audit").exists()


@pytest.mark.parametrize(
    ("file", "old", "new", "fault"),
    [
        ("toy.csv", ",fid,8.00", ",fjd,8.00", "mine/toy.csv:2: metric 'fjd': must be one of fid, precision"),
        ("toy.csv", ",fid,8.00", ",fid,8.o0", "mine/toy.csv:2: value '8.o0' is not a number"),
        ("toy.csv", "none,10,fid", "none,ten;,fid", "mine/toy.csv:2: steps 'ten;': must be without comma, semicolon"),
        (
            "toy.csv",
            "10 steps,cifar10",
            "20 steps,cifar10",
            "mine/toy.csv:3: toy/1 [adm | none; 20 steps] fid occurs twice",
        ),
        ("toy.csv", "toy,2", "tox,2", "mine/toy.csv:12: paper 'tox': must be 'toy'"),
        ("toy.csv", "toy,2", "toy,2 a", "mine/toy.csv:12: table '2 a': must be a number or a name without spaces"),
        ("toy.csv", "cut off", "", "mine/toy.csv:21: value is empty: the note must say why"),
        ("toy.csv", "paper,table,", "table,paper,", "mine/toy.csv:1: columns table,paper,row"),
        ("toy.csv", "toy,3,", "toy,3,more,", "mine/toy.csv:22: 20 fields instead of 19"),
        ("toy.csv", ",50.0,", ",50 pp,", "mine/toy.csv:5: improvement '50 pp' is not a number"),
        ("claims.csv", "difference", "diff 2", "mine/claims.csv:3: kind 'diff 2': must be a word"),
        ("claims.csv", "\nhalf,", "\ngain,", "mine/claims.csv:5: id 'gain' occurs twice"),
        ("claims.csv", "a - b", "a - c", "mine/claims.csv:3: formula and stated name c, which is not an operand"),
        ("claims.csv", "a - b", "open(a)", "mine/claims.csv:3: formula 'open(a)': 'open(a)' is not allowed"),
        ("claims.csv", "a - b", "a -", "mine/claims.csv:3: formula 'a -': not arithmetic"),
        ("claims.csv", "a - b", "a", "mine/claims.csv:3: neither formula nor stated uses b"),
        ("claims.csv", "toy/1 fix=none", "toy/9 fix=none", "mine/claims.csv:2: claim printed-gain: there is no table"),
        ("claims.csv", "toy/1 fix=none", "toy/1 fux=none", "mine/claims.csv:2: query 'toy/1 fux=none metric=fid'"),
        ("claims.csv", ",all", ",every", "quantifier 'every': must be empty, all, most, none, N of M"),
        ("claims.csv", "no numbers given", "", "formula is empty: the reason must say why it cannot be checked"),
        ("claims.csv", ",=,4.00", ",~,4.00", "relation '~': must be one of"),
        ("claims.csv", "metric=fid steps=10", "metric=recall steps=10", "mine/claims.csv:3: claim gain: no rows match"),
        ("claims.csv", ",,no numbers given", ",toy/1 fix=none metric=fid steps=20 column=x,no", "no row with column=x"),
        ("claims.csv", ",,no numbers given", ",toy/1 metric=b,no", "toy/1 has no row with metric=b"),
        ("claims.csv", ",,no numbers given", ",toy/2 metric=fid fix=linear,no", "sharper: no rows match its origin"),
        ("claims.csv", "Sec. 1,7,difference", "Sec. 1,p7,difference", "claims.csv:3: line 'p7': must be the number"),
        ("metrics.csv", "lower", "less", "mine/metrics.csv:2: better 'less': lower, higher or empty"),
    ],
)
def test_faults_are_one_line_naming_file_and_line(
    paper: Path, capsys: pytest.CaptureFixture[str], file: str, old: str, new: str, fault: str
) -> None:
    content = (paper / file).read_text()
    assert old in content
    (paper / file).write_text(content.replace(old, new, 1))
    assert audit() == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("audit: mine/")
    assert fault in line
    assert not (paper / "audit").exists()


@pytest.mark.parametrize("name", ["audit.csv", "audit.html", "audit.json", "audit.md", "audit.sarif"])
def test_a_folder_in_the_place_of_a_file_is_told_before_anything_is_written(
    paper: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (paper / "audit" / name).mkdir(parents=True)
    assert audit() == 2
    captured = capsys.readouterr()
    assert captured.err == f"audit: mine/audit/{name}: cannot be written (a folder is in its place)\n"
    assert (captured.out, [path.name for path in (paper / "audit").iterdir()]) == ("", [name])


def test_a_file_in_the_place_of_the_folder_is_one_line(paper: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (paper / "audit").write_text("mine")
    assert audit() == 2
    assert capsys.readouterr().err == "audit: mine/audit/audit.json: cannot be written (File exists)\n"
    assert (paper / "audit").read_text() == "mine"


def test_nothing_is_written_unless_all_is_rendered(paper: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> str:
        raise ArithmeticError

    for name in ("findings_csv", "render_page", "audit_markdown", "sarif_log"):
        with monkeypatch.context() as patch:
            patch.setattr(stage, name, broken)
            with pytest.raises((ArithmeticError, TypeError)):
                audit()
        assert not (paper / "audit").exists()


def command(paper: Path, text: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The audit as a shell runs it, ``text`` behind its command."""
    line = f"{sys.executable} -m stages audit --published mine {text}"
    environment |= {"PYTHONPATH": str(ROOT)}
    return subprocess.run(line, shell=True, cwd=paper.parent, capture_output=True, text=True, env=environment)


def test_a_stdout_that_is_full_closed_or_of_few_signs_is_no_traceback(paper: Path) -> None:
    full = command(paper, "> /dev/full")
    assert (full.returncode, full.stderr) == (2, "audit: stdout: No space left on device\n")
    closed = command(paper, ">&-")
    assert (closed.returncode, closed.stderr) == (0, "")
    ascii_only = command(paper, "", PYTHONIOENCODING="ascii")
    assert (ascii_only.returncode, ascii_only.stderr) == (0, "")
    assert "100 \\xd7 (1 \\u2212 3.00 / 6.00)" in ascii_only.stdout


def wait_for(path: Path, text: str, times: int = 1) -> None:
    """Wait until a file holds a text so many times."""
    until = time.monotonic() + 60
    while path.read_text().count(text) < times:
        assert time.monotonic() < until, path.read_text()
        time.sleep(0.1)


def test_watching_audits_at_every_change_until_interrupted(paper: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    err = tmp_path / "err"
    claims = paper / "claims.csv"
    line = [sys.executable, "-m", "stages", "audit", "--published", "mine", "--watch"]
    with open(out, "w") as stdout, open(err, "w") as stderr:
        process = subprocess.Popen(
            line,
            cwd=tmp_path,
            stdout=stdout,
            stderr=stderr,
            env={"PYTHONPATH": str(ROOT)},
            # A shell that runs tests in the background ignores Ctrl-C, and so would they.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
    try:
        wait_for(out, "audit.html\n")
        assert re.match(r"\n\d\d:\d\d:\d\d mine\npaper ", out.read_text())
        assert "since the last audit" not in out.read_text()
        good = claims.read_text()
        claims.write_text(good.replace(",3.50,", ",3.00,").replace("\nthird,", "\none-third,"))
        wait_for(out, "since the last audit:")
        assert out.read_text().partition("since the last audit:\n")[2].splitlines() == [
            "    went: wrong-gain: inconsistent, now consistent",
            "    went: third: inconsistent, now absent",
            "    came: one-third: absent, now inconsistent",
        ]
        claims.write_text(good.replace("a - b", "a -", 1))
        wait_for(err, "audit: mine/claims.csv:3: formula 'a -': not arithmetic\n")
        claims.write_text(good.replace(",3.50,", ",3.00,").replace("\nthird,", "\none-third,"))
        wait_for(out, "since the last audit:\n    nothing new\n")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    finally:
        process.kill()
        process.wait()
    assert err.read_text().count("\n") == 2
    assert "audit: interrupted" in err.read_text()


def test_missing_folders_papers_and_tables_are_named(paper: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "--published", "elsewhere"]) == 2
    assert "elsewhere/metrics.csv: cannot be read (No such file" in capsys.readouterr().err
    assert main(["audit", "--published", "mine/toy.csv"]) == 2
    assert "mine/toy.csv/metrics.csv: cannot be read (Not a directory" in capsys.readouterr().err
    assert audit("--paper", "ip") == 2
    assert "--paper ip: must be one of toy" in capsys.readouterr().err
    assert audit("--table", "7") == 2
    assert "--table 7: must be one of 1, 2, 3" in capsys.readouterr().err


def test_it_needs_neither_torch_nor_numpy(paper: Path) -> None:
    code = (
        "import sys\nfrom stages.__main__ import main\nstatus = main(['audit', '--published', 'mine'])\n"
        "heavy = {'torch', 'numpy', 'pandas', 'sklearn', 'matplotlib', 'dvc'} & set(sys.modules)\n"
        "assert not heavy, heavy\nsys.exit(status)"
    )
    environment = {"PYTHONPATH": str(ROOT)}
    result = subprocess.run([sys.executable, "-c", code], cwd=paper.parent, env=environment, capture_output=True)
    assert result.returncode == 0, result.stderr.decode()


SOURCES = """\
toy,readme,ours,seed 1,cifar10,adm,ddim,,,ours,20,fid,3.10,,,,README,the README,
"""
GAIN = "a = toy/1 fix=none steps=20 metric=fid; b = toy/1 fix=ours steps=20 metric=fid,a - b,="
SOURCE_CLAIMS = f"""\
readme,toy,Table 1,,repeated,Ours again,a = toy/1 fix=ours; b = sources/readme,a,=,b,,,,,
why,toy,Sec. 2,,difference,Ours gains 3.50,{GAIN},3.50,,another run,,sources/readme,
fine,toy,Sec. 2,,difference,Ours gains 3.00,{GAIN},3.00,,another run,,sources/readme,
"""


@pytest.fixture
def sourced(paper: Path) -> Path:
    """The made-up paper with a source that states something else."""
    header = (paper / "toy.csv").read_text().splitlines(keepends=True)[0]
    (paper / "sources.csv").write_text(header + SOURCES)
    (paper / "claims.csv").write_text((paper / "claims.csv").read_text() + SOURCE_CLAIMS)
    return paper


def test_an_explanation_stands_where_something_needs_explaining(sourced: Path) -> None:
    audit()
    found = findings(sourced)
    assert (found["why"]["verdict"], found["why"]["explanation"]) == ("inconsistent", "another run")
    assert found["why"]["origin"] == ["the README, README: ours, seed 1: fid 3.10"]
    assert (found["fine"]["verdict"], found["fine"]["explanation"], found["fine"]["origin"]) == ("consistent", "", [])


def test_findings_against_sources_come_after_those_within_the_papers(sourced: Path) -> None:
    audit()
    ranked = [(finding["verdict"], finding["basis"]) for finding in findings(sourced).values()]
    order = ["inconsistent", "wording", "rounding", "consistent", "unverifiable", "fails", "undecided", "holds"]
    assert ranked == sorted(ranked, key=lambda pair: (order.index(pair[0]), pair[1]))
    assert findings(sourced)["readme"]["basis"] == "sources"


def test_sources_are_no_table_of_the_page(sourced: Path, capsys: pytest.CaptureFixture[str]) -> None:
    audit()
    record = json.loads((sourced / "audit/audit.json").read_text())
    assert {table["paper"] for table in record["tables"]} == {"toy"}
    assert [table["table"] for table in record["tables"]] == ["1", "2", "3"]
    assert audit("--paper", "sources") == 2
    assert "--paper sources: must be one of toy" in capsys.readouterr().err


def test_titles_and_coverage_are_on_the_page(paper: Path) -> None:
    (paper / "papers.csv").write_text('paper,name,title,year\ntoy,Toys,"Toys, <b>all</b> of them",2020\n')
    audit()
    record = json.loads((paper / "audit/audit.json").read_text())
    assert record["titles"] == {"toy": "Toys, <b>all</b> of them (2020)"}
    assert record["coverage"] == {"printed": 21, "checked": 21}
    page = (paper / "audit/audit.html").read_text()
    assert "Toys, &lt;b&gt;all&lt;/b&gt; of them" in page
    assert "Of the 21 values in the tables, 21 are part of a check" in page


def test_a_terminal_shows_three_counter_examples(paper: Path, capsys: pytest.CaptureFixture[str]) -> None:
    claims = paper / "claims.csv"
    claims.write_text(claims.read_text() + "many,toy,Sec. 1,,ordering,All,a = toy/1; b = 0.10,a,<,b,all,,,,\n")
    audit()
    (part,) = (part for part in capsys.readouterr().out.split("\n\n") if "[many]" in part)
    assert part.count("counter-example: ") == 3
    assert "and 7 more" in part
    assert len(findings(paper)["many"]["counter_examples"]) == 10


def test_a_number_is_marked_with_its_gravest_finding(paper: Path) -> None:
    """6.00 of the base at 20 steps: consistent in a claim, wording in another, a tie, and wrong in two."""
    audit()
    tables = json.loads((paper / "audit/audit.json").read_text())["tables"]
    marked = {
        (number["metric"], number["value"]): number["verdict"]
        for row in tables[0]["body"]
        for cell in row["cells"]
        for number in cell
    }
    assert marked["fid", "6.00"] == "inconsistent"
    assert marked["fid", "6.10"] == "wording"
    assert marked["precision", "0.66"] == ""
    # Too few digits in one claim, wrong in a later one.
    assert tables[2]["body"][0]["cells"][0][0]["verdict"] == "inconsistent"


def test_labels_are_shown_once_where_they_repeat(paper: Path) -> None:
    audit()
    tables = json.loads((paper / "audit/audit.json").read_text())["tables"]
    assert [row["labels"] for row in tables[0]["body"]] == [["adm", "none"], ["", "ours"]]
    assert [row["labels"] for row in tables[1]["body"]][-2:] == [["", "training"], ["lost", "training"]]


def test_the_audit_of_the_project_goes_to_its_reports_wherever_it_is_named_from(
    paper: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("data/published").unlink()
    paper.rename("data/published")
    for options in ((), ("--published", f"{Path.cwd()}/data/published"), ("--published", "data/../data/published/")):
        assert main(["audit", *options]) == 0
        assert Path("reports/audit.html").exists()
        assert '"uri": "data/published/claims.csv"' in Path("reports/audit.sarif").read_text()
        for name in ("csv", "json", "html", "md", "sarif"):
            Path(f"reports/audit.{name}").unlink()
    assert not Path("data/published/audit").exists()
    assert "the other findings and every table: reports/audit.html" in capsys.readouterr().out


def test_two_findings_of_one_name_are_refused(paper: Path, capsys: pytest.CaptureFixture[str]) -> None:
    claims = paper / "claims.csv"
    claims.write_text(claims.read_text().replace("\nthird,", "\nprinted-gain.10,"))
    assert audit() == 2
    assert "claims.csv:6: there is a finding 'printed-gain.10' already" in capsys.readouterr().err


@pytest.mark.parametrize(("prefix", "status"), [(b"\xef\xbb\xbf", 0), (b"\xff", 2)])
def test_files_are_utf_8_with_or_without_a_mark(
    paper: Path, capsys: pytest.CaptureFixture[str], prefix: bytes, status: int
) -> None:
    content = (paper / "toy.csv").read_bytes()
    (paper / "toy.csv").write_bytes(prefix + content)
    assert audit() == status
    assert ("mine/toy.csv: not UTF-8" in capsys.readouterr().err) == (status == 2)


def test_a_reader_of_the_summary_may_stop_early(paper: Path) -> None:
    command = f"{sys.executable} -m stages audit --published mine | head -1"
    result = subprocess.run(
        command, shell=True, cwd=paper.parent, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT)}
    )
    assert result.stdout.startswith("paper ")
    assert result.stderr == ""


def test_a_summary_that_is_cut_short_is_no_success(
    paper: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where a shell looks at every status of a pipe, an audit that was not read to its end must not pass for clean."""

    def cut_short(*_: object, **__: object) -> None:
        raise BrokenPipeError

    with open(tmp_path / "stdout", "w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        monkeypatch.setattr("builtins.print", cut_short)
        assert audit() == 141


def test_narrowing_keeps_to_the_paper(paper: Path, capsys: pytest.CaptureFixture[str]) -> None:
    toy = (paper / "toy.csv").read_text()
    (paper / "other.csv").write_text(toy.replace("\ntoy,", "\nother,"))
    claims = paper / "claims.csv"
    claims.write_text(
        claims.read_text()
        + "other-words,other,Sec. 1,,ordering,Other words,,,,,,,,,no numbers\n"
        + "other-sum,other,Sec. 1,,repeated,Other sum,a = other/3 fix=none,a,=,8.0,,,,,\n"
        + "toy-of-other,toy,Sec. 1,,repeated,Both,a = toy/3 fix=none; b = other/3 fix=none,a,=,b,,,,,\n"
    )

    def named(*options: str) -> set[str]:
        audit(*options)
        return set(re.findall(r"^    \[(.*)\]$", capsys.readouterr().out, re.MULTILINE))

    assert named("--paper", "other") == {"other-words", "other-sum", "toy-of-other"}
    assert named("--paper", "other", "--table", "3") == {"other-sum", "toy-of-other"}
    assert {"digit-short", "other-sum", "toy-of-other"} <= named("--table", "3")
    assert "other-sum" not in named("--paper", "toy", "--table", "3")

"""README and docs are true: the worked example of an audit as printed, counts, names."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest
import yaml

from stages.__main__ import main
from stages.auditing.claims.claims import SANITY
from stages.auditing.output.summary import outcomes
from tests.toy import ROOT

README = (ROOT / "README.md").read_text()
WORDS = " ".join(README.split())
DOCS = {path.name: path.read_text() for path in sorted((ROOT / "docs").glob("*.md"))}
MANUAL = (ROOT / "docs/audit-other-papers.md").read_text()


def test_the_example_of_another_paper_gives_what_the_manual_prints(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = re.findall(r"`mine/(\w+\.csv)`(?:(?!`mine/).)*?```csv\n(.*?)```", MANUAL, re.DOTALL)
    assert [name for name, _ in files] == ["metrics.csv", "toy.csv", "claims.csv"]
    (project / "mine").mkdir()
    for name, content in files:
        (project / "mine" / name).write_text(content)
    (command,) = re.findall(r"^python -m stages (audit --published mine)$", MANUAL, re.MULTILINE)
    assert main(command.split()) == 0
    (printed,) = re.findall(r"```\n(inconsistent: .*?)```", MANUAL, re.DOTALL)
    assert printed in capsys.readouterr().out


def test_the_findings_that_the_readme_counts_are_those_of_the_committed_audit() -> None:
    audit = json.loads((ROOT / "reports/audit.json").read_text())
    for paper, words in audit["counts"].items():
        assert f"| {paper} | {' | '.join(str(words[word]) for word in audit['verdicts'])} |" in README
    statements = (ROOT / "data/published/claims.csv").read_text()
    records = sum(record["kind"] != SANITY for record in csv.DictReader(io.StringIO(statements)))
    printed = [cell for table in audit["tables"] for row in table["body"] for cells in row["cells"] for cell in cells]
    values = sum(bool(cell["value"]) for cell in printed)
    percentages = sum(bool(cell["improvement"]) for cell in printed)
    # The body of one table, ES 7, is lost.
    tables = len({(table["paper"], table["table"]) for table in audit["tables"]}) - 1
    counted = f"{records} statements about {values} printed values and {percentages} percentages of {tables} tables"
    assert f"{counted} make {sum(sum(words.values()) for words in audit['counts'].values())} checks" in WORDS
    sanity = audit["sanity"]
    assert f"{sum(sanity.values())} sanity checks" in WORDS
    assert outcomes(sanity) in WORDS
    wrong = [finding["basis"] for finding in audit["findings"] if finding["verdict"] == "inconsistent"]
    assert (wrong.count("sources"), len(wrong)) == (9, 26)
    assert "Nine of the 26 inconsistent ones" in WORDS
    for line in README.splitlines():
        if line.startswith(("| es |", "| ip |", "| ts |")):
            assert line in DOCS["audit-findings.md"]


def test_the_readme_is_read_in_minutes() -> None:
    assert len(README.split()) <= 1000


def test_every_make_target_that_the_docs_name_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"`make ([a-z]+)", README + "".join(DOCS.values()))):
        assert f"\n{target}:" in makefile


@pytest.mark.parametrize("name", ["samplers.md", "layout.md"])
def test_every_place_and_section_that_the_docs_name_exists(name: str) -> None:
    places = re.findall(r"^\| ((?:`[^`]+`(?:, )?)+) \|", DOCS[name], re.MULTILINE)
    assert places
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    for place in (place for group in places for place in re.findall(r"`([^`]+)`", group)):
        assert place in params or "*" in place or (ROOT / place).exists(), place


def test_every_link_leads_somewhere_and_every_page_is_linked() -> None:
    for page, text in {
        ROOT / "README.md": README,
        **{ROOT / "docs" / name: text for name, text in DOCS.items()},
    }.items():
        for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
            assert link.startswith("http") or (page.parent / link).exists(), f"{page.name}: {link}"
    assert {f"docs/{name}" for name in DOCS} <= set(re.findall(r"\]\(([^)#]+)\)", README))


def test_every_page_says_what_the_reader_can_do_after_it() -> None:
    for name, text in DOCS.items():
        assert "After reading this page you" in text.split("\n## ")[0], name


def shown(row: dict[str, str]) -> tuple[str, ...]:
    """A row of differences.csv as docs/results.md prints it."""
    number = {name: float(row[name]) for name in ("base_score", "score", "difference", "low", "high", "percent")}
    change = f"{number['difference']:+.2f} [{number['low']:.2f}, {number['high']:.2f}]"
    return (
        f"`{row['cell']}`",
        f"`{row['against']}`",
        f"{number['base_score']:.2f}",
        f"{number['score']:.2f}",
        change,
        f"{number['percent']:+.0f} %",
        f"{row['verdict']} {row['at']}".strip(),
    )


def test_the_tables_of_the_results_are_rows_of_the_differences() -> None:
    with (ROOT / "reports/tables/differences.csv").open(newline="") as stream:
        measured = {shown(row) for row in csv.DictReader(stream) if row["metric"] == "fid"}
    printed = [
        tuple(cell.strip() for cell in line.strip("|").split("|"))
        for line in DOCS["results.md"].splitlines()
        if line.startswith("| `")
    ]
    assert printed
    assert not set(printed) - measured


def test_the_readme_says_what_the_report_found() -> None:
    summary = json.loads((ROOT / "reports/summary.json").read_text())
    cells = json.loads((ROOT / "cells.json").read_text())["plan"]["sample"]
    assert f"{len(cells)} cells of samplers x fixes x steps" in WORDS
    words = summary["verdicts"]
    same, opposite, undecided = (words.get(word, 0) for word in ("same direction", "opposite", "undecided"))
    assert f"{same} go in the same direction, {opposite} in the opposite one, and {undecided} are undecided" in WORDS
    coverage = summary["coverage"]
    numbers = f"{coverage['measured']} of {coverage['published']} published numbers"
    assert f"{numbers}, in {coverage['tables']} of 27 tables" in WORDS

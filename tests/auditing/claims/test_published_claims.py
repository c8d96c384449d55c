"""The published numbers and claims themselves: complete, judged, and the committed audit is theirs."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from stages import audit
from stages.auditing.claims.claims import KINDS, parse_claims
from stages.auditing.claims.verdicts import Finding, judge
from stages.auditing.output.findings import WRONG, verdict_of, warnings
from stages.auditing.tables.published import CLAIMS, read_papers, read_text
from stages.auditing.tables.rows import SOURCES, Papers
from stages.store.paths import PUBLISHED
from tests.toy import ROOT

ROWS = {
    "ip": {"1": 10, "2": 8, "3": 80, "4": 30, "5": 20, "6": 4, "7": 24, "8": 16, "9": 70, "10": 14},
    "es": {"1": 4, "2": 42, "3": 24, "4": 12, "5": 20, "6": 60, "7": 18},
    "ts": {"1": 100, "2": 12, "3": 24, "4": 8, "5": 16, "6": 12, "7": 16, "8": 6, "9": 12, "10": 4},
}


@pytest.fixture(scope="module")
def papers() -> Papers:
    return read_papers(ROOT / PUBLISHED)


@pytest.fixture(scope="module")
def findings(papers: Papers) -> list[Finding]:
    claims = parse_claims(CLAIMS, read_text(ROOT / PUBLISHED / CLAIMS))
    return [finding for claim in claims for finding in judge(claim, papers)]


def test_every_table_is_there(papers: Papers) -> None:
    assert {paper: Counter(row.table for row in papers[paper]) for paper in ROWS} == ROWS


def test_coordinates_are_words_of_the_project(papers: Papers) -> None:
    """The plan reads steps as whole numbers and the others as names of its own."""
    for row in (row for rows in papers.values() for row in rows):
        assert re.fullmatch(r"\d*", row.steps), row.label
        assert all(re.fullmatch(r"[a-z0-9._-]*", getattr(row, axis)) for axis in row.axes), row.label


def test_only_what_the_text_lost_is_empty(papers: Papers) -> None:
    lost = [row for rows in papers.values() for row in rows if not row.value]
    assert {(row.paper, row.table, row.source) for row in lost} == {("es", "7", "lost")}


def test_every_printed_percentage_is_checked_once_against_its_own_table(
    papers: Papers, findings: list[Finding]
) -> None:
    printed = Counter(row.key for rows in papers.values() for row in rows if row.improvement)
    checked = Counter(
        f.comparisons[0].group["b"][0].key
        for f in findings
        if f.claim.kind == "improvement" and f.claim.stated == "b.improvement"
    )
    assert checked == printed
    assert len(printed) == 50 + 8 + 12 + 4 + 3 + 6 + 2


def test_every_result_is_part_of_a_finding(papers: Papers, findings: list[Finding]) -> None:
    used = {row.key for f in findings for c in f.comparisons for rows in c.group.values() for row in rows}
    results = ("fid", "sfid", "precision", "recall", "time_ms", "delta_bar")
    unused = [row.label for p in ROWS for row in papers[p] if row.metric in results and row.key not in used]
    assert unused == []


def test_several_hundred_checks_of_every_kind(findings: list[Finding]) -> None:
    assert len(findings) > 600
    assert len({finding.id for finding in findings}) == len(findings)
    assert {finding.claim.kind for finding in findings} == set(KINDS)
    assert {finding.claim.paper for finding in findings} == set(ROWS)


def test_sources_name_their_origin(papers: Papers) -> None:
    tags = {row.table for row in papers[SOURCES]}
    assert {"fig3", "fig4", "readme", "issue26", "code"} <= tags
    (gamma,) = (r for r in papers[SOURCES] if r.table == "issue26" and r.metric == "gamma")
    assert (gamma.value, gamma.dataset) == ("0.15", "cifar10")


def test_every_claim_names_a_line_of_its_paper(findings: list[Finding]) -> None:
    assert [finding.id for finding in findings if not finding.claim.line] == []


def test_every_finding_against_a_paper_states_its_cause(findings: list[Finding]) -> None:
    wrong = [finding for finding in findings if verdict_of(finding) in WRONG]
    assert [finding.id for finding in wrong if not finding.claim.cause] == []
    stated = {finding.claim.id for finding in findings if finding.claim.cause}
    assert stated == {finding.claim.id for finding in wrong}


def test_every_row_that_a_claim_names_is_compared(findings: list[Finding]) -> None:
    assert warnings(findings) == []


@pytest.mark.parametrize(
    ("claim", "verdict", "held"),
    [
        # Equal numbers are no "more than".
        ("ip-intro-12.5", "wording", ["no"]),
        ("ip-sec62-much-faster.cifar10", "wording", ["no"]),
        ("ip-sec62-best-below-t-sfid.adm", "wording", ["no"] * 5),
        ("ip-sec61-bias-significantly", "wording", ["no", *["yes"] * 4]),
        ("es-lambda-smaller", "wording", ["no", "yes", "yes", "no", "yes"]),
        ("ts-sec51-extremely.5", "wording", [*["yes"] * 3, "no", *["yes"] * 3, "no"]),
        # Another source says so, or the text itself; a file's name does not.
        ("ip-a7-pytorch", "inconsistent", ["no"]),
        ("ip-sec53-gamma-checkpoint", "unverifiable", []),
        ("ip-sec4-appendix-ref", "inconsistent", ["no"]),
        ("es-app-eq8", "inconsistent", ["no"]),
        ("ts-appe-figures", "inconsistent", ["no"]),
        # An advice and a label contradict nothing.
        ("es-mean-rule", "consistent", ["no", *["yes"] * 4]),
        ("es-fig4-end", "consistent", ["yes"]),
    ],
)
def test_claims_say_no_less_than_the_papers(findings: list[Finding], claim: str, verdict: str, held: list[str]) -> None:
    (finding,) = (finding for finding in findings if finding.id == claim)
    assert (finding.verdict, [comparison.held for comparison in finding.comparisons]) == (verdict, held)


def test_nothing_is_called_unaffected_that_is_higher_everywhere(findings: list[Finding]) -> None:
    unaffected = [finding for finding in findings if finding.id.endswith("-recall-precision") and finding.comparisons]
    assert [finding.verdict for finding in unaffected] == ["wording"] * 3
    assert {comparison.held for finding in unaffected for comparison in finding.comparisons} == {
        "yes",
        "possible",
        "no",
    }


def test_settings_that_the_readme_has_are_checked_against_it(findings: list[Finding]) -> None:
    """Ten settings on five data sets."""
    checked = [finding.verdict for finding in findings if finding.claim.id == "ip-t9-readme"]
    assert checked == ["consistent"] * 50


def test_the_committed_audit_is_that_of_the_committed_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(audit, "REPORTS", tmp_path)
    assert audit.run() == 0
    for name in ("audit.csv", "audit.json", "audit.html", "audit.md", "audit.sarif"):
        assert (tmp_path / name).read_bytes() == (ROOT / "reports" / name).read_bytes(), f"{name}: run make audit"

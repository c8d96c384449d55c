"""All checks over a folder: what comes of the three papers, and what of a table with a fault for each check."""

from __future__ import annotations

import random
import statistics
import subprocess
import sys
from pathlib import Path

import pytest
from scipy import stats

from stages.auditing.checks.screen import CHECKS, screen
from stages.auditing.claims.claims import parse_claims
from stages.auditing.tables.published import read_papers
from stages.auditing.tables.rows import Papers
from stages.store.paths import PUBLISHED
from tests.auditing.checks.faults import BESIDE, FAULTS, MARKS
from tests.auditing.checks.tables import METRICS, grid, rows
from tests.toy import ROOT


def test_each_check_has_a_name_of_its_own_and_describes_itself() -> None:
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    for check in CHECKS:
        for text in (check.title, check.literature, check.limits):
            assert text == text.strip() != ""


@pytest.mark.parametrize("check", FAULTS)
def test_a_fault_is_seen_by_its_check_alone(check: str) -> None:
    made = rows(*FAULTS[check], beside=BESIDE, marks=MARKS)
    candidates = screen(Papers({"toy": made}, metrics=METRICS))
    assert [candidate.check for candidate in candidates] == [check]
    assert all(row in made for row in candidates[0].rows)
    assert screen(Papers({"sources": made}, metrics=METRICS)) == []


def test_there_is_a_fault_for_each_check() -> None:
    assert set(FAULTS) == {check.name for check in CHECKS}


def test_in_three_hundred_honest_papers_no_check_speaks() -> None:
    """Scores with improvements, an average and the best in bold; ratings of n people; results of tests."""
    drawn = random.Random(5)
    for _ in range(300):
        made = rows(*_scores(drawn), *_ratings(drawn), beside=BESIDE, marks=MARKS)
        assert screen(Papers({"toy": made}, metrics=METRICS)) == []


def _scores(drawn: random.Random) -> list[dict[str, str]]:
    """A table of 4 methods on 4 data sets with their average; nothing is rounded before it is printed."""
    lines = [[drawn.lognormvariate(2, 0.7) for _ in range(4)] for _ in range(4)]
    values = [[*line, sum(line) / 4] for line in lines]
    best = [min(column) for column in zip(*values, strict=True)]
    records = grid(
        [[f"{value:.2f}" for value in line] for line in values],
        bold=[["yes" if value == top else "" for value, top in zip(line, best, strict=True)] for line in values],
        improvement=[
            ["" if i == 0 else f"{100 * (1 - value / base):.1f}" for value, base in zip(line, values[0], strict=True)]
            for i, line in enumerate(values)
        ],
        n="50000",
    )
    return [record | {"column": "Average"} if record["column"] == "d4" else record for record in records]


def _ratings(drawn: random.Random) -> list[dict[str, str]]:
    """A table of mean ratings of n people with their SD, and a t test in its note."""
    records = []
    for i in range(3):
        people = [drawn.randint(1, 7) for _ in range(drawn.randint(5, 60))]
        t = drawn.gauss(0, 2)
        df = drawn.randint(3, 90)
        note = f"t({df}) = {t:.2f}, p = {2 * stats.t.sf(abs(t), df):.3f}"
        mean = statistics.mean(people)
        sd = statistics.stdev(people)
        records.append(
            {
                "row": f"m{i}",
                "method": f"m{i}",
                "metric": "rating",
                "value": f"{mean:.2f}",
                "sd": f"{sd:.2f}",
                "n": str(len(people)),
                "table": "2",
                "where": "Table 2",
                "note": note,
            }
        )
    return records


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, str]]:
    monkeypatch.chdir(ROOT)
    papers = read_papers(PUBLISHED)
    claims = parse_claims("claims.csv", (PUBLISHED / "claims.csv").read_text())
    candidates = screen(papers, claims)
    return [(c.check, f"{c.rows[0].paper}/{c.rows[0].table}", c.message) for c in candidates]


def test_the_candidates_of_the_three_papers(found: list[tuple[str, str, str]]) -> None:
    """Each was looked at: both percentages are inconsistent in the audit too, and this paper does not state n."""
    assert [message for check, _, message in found if check != "unstated"] == [
        "16.40 is printed beside 18.81, but 100 × (1 − 18.81 / 22.53) = 16.51; 48 others of the table come out so",
        "4.07 is printed beside 31.11, but 100 × (1 − 31.11 / 31.30) = 0.61; 48 others of the table come out so",
    ]
    assert [place for check, place, _ in found if check == "unstated"] == [
        f"ts/{table}" for table in (1, 2, 5, 6, 7, 8, 9, 10)
    ]
    costly = [place for check, place, message in found if check == "unstated" and "evaluations" in message]
    assert costly == ["ts/1", "ts/9"]


def test_without_a_test_result_the_distributions_are_not_loaded(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from stages.auditing.tables.published import read_papers\n"
        "from stages.auditing.checks.screen import screen\n"
        "from pathlib import Path\n"
        f"screen(read_papers(Path({str(ROOT / PUBLISHED)!r})))\n"
        "assert not {'mpmath', 'numpy', 'pandas', 'scipy', 'torch'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)

"""How a folder names its papers."""

from __future__ import annotations

from pathlib import Path

import pytest

from stages.auditing.tables.published import Publication, read_papers, read_publications
from stages.auditing.tables.rows import SOURCES, FaultyFile
from stages.store.paths import PUBLISHED
from tests.toy import ROOT

HEADER = "paper,name,title,year\n"


def test_every_published_paper_has_a_name() -> None:
    publications = read_publications(ROOT / PUBLISHED)
    assert set(publications) == set(read_papers(ROOT / PUBLISHED)) - {SOURCES}
    assert all(publication.name and publication.year for publication in publications.values())


def test_names_are_optional(tmp_path: Path) -> None:
    assert read_publications(tmp_path) == {}


def test_a_citation_has_the_year_if_there_is_one(tmp_path: Path) -> None:
    (tmp_path / "papers.csv").write_text(HEADER + "a,Method A,On A,ICML 2023\nb,Method B,On B,\n")
    publications = read_publications(tmp_path)
    assert publications["a"] == Publication("a", "Method A", "On A", "ICML 2023")
    assert [publication.citation for publication in publications.values()] == ["On A (ICML 2023)", "On B"]


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ("a,Method A,On A,\na,Method A,On A,\n", "papers.csv:3: paper 'a' occurs twice"),
        ("a,,On A,\n", "papers.csv:2: paper, name and title must not be empty"),
    ],
)
def test_faults_are_refused_with_their_line(tmp_path: Path, lines: str, fault: str) -> None:
    (tmp_path / "papers.csv").write_text(HEADER + lines)
    with pytest.raises(FaultyFile, match=fault):
        read_publications(tmp_path)

"""The list of figures: every fault names its file and line, and the committed list has all of the three papers."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from stages.auditing.tables.rows import FaultyFile, Papers
from stages.plan.published_figures import PublishedFigure, parse_figures, read_figures
from tests.reporting.results.studies import made_up, published

PAPERS = Papers({"ip": [made_up(metric="fid", value="3.0", dataset="cifar10")]})
HEADER = ",".join(PublishedFigure._fields) + "\n"
GOOD = "ip,1,FID,CIFAR-10,numbers,steps,FID,ip/1 dataset=cifar10,fid-of-models,\n"


def test_a_figure_knows_its_axes_and_its_published_numbers() -> None:
    (figure,) = parse_figures("figures.csv", HEADER + GOOD, PAPERS)
    assert (figure.x, figure.y, figure.measure) == ("steps", "FID", "fid-of-models")
    assert [row.value for row in figure.numbers(PAPERS)] == ["3.0"]
    assert not figure._replace(published="").numbers(PAPERS)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("ip,2,FID,,curves,steps,FID,,a,", "kind 'curves': must be one of numbers, images, schematic"),
        ("es,2,FID,,numbers,steps,FID,,a,", "paper 'es': must be one of ip"),
        ("ip,2,,,numbers,steps,FID,,a,", "figure and title must not be empty"),
        ("ip,,FID,,numbers,steps,FID,,a,", "figure and title must not be empty"),
        ("ip,1,FID,,numbers,steps,FID,,a,", "figure '1' of ip occurs twice"),
        ("ip,2,FID,,numbers,steps,FID,,,", "must have a measure, or the reason for none"),
        ("ip,2,FID,,numbers,steps,FID,,a,lost", "must have a measure, or the reason for none"),
        ("ip,2,FID,,numbers,,FID,,a,", "a figure with numbers must name its axes x and y"),
        ("ip,2,FID,,numbers,steps,,,a,", "a figure with numbers must name its axes x and y"),
        ("ip,2,FID,,numbers,steps,FID,ip/7,a,", "there is no table ip/7, but ip/1"),
        ("ip,2,FID,,numbers,steps,FID,ip/1 dataset=ffhq,a,", "ip/1 has no row with dataset=ffhq"),
        ("ip,2,FID,,images,,,,a", "9 fields instead of 10"),
    ],
)
def test_faults_name_file_and_line(line: str, fault: str) -> None:
    with pytest.raises(FaultyFile) as caught:
        parse_figures("figures.csv", f"{HEADER}{GOOD}{line}\n", PAPERS)
    assert str(caught.value).startswith("figures.csv:3: ")
    assert fault in str(caught.value)


def test_a_folder_may_list_none(tmp_path: Path) -> None:
    assert read_figures(tmp_path, PAPERS) == []


def test_the_committed_list_has_every_figure_of_the_papers_by_number() -> None:
    figures = published().figures
    for paper, count in (("ip", 16), ("es", 13), ("ts", 18)):
        assert [each.figure for each in figures if each.paper == paper] == [str(n) for n in range(1, count + 1)]
    with_numbers = [each for each in figures if each.kind == "numbers"]
    assert Counter(each.paper for each in with_numbers) == {"ip": 4, "es": 7, "ts": 9}
    assert all(each.measure for each in with_numbers), "none is only listed"
    assert [(each.paper, each.figure) for each in figures if each.published] == [
        ("ip", "3"),
        ("ip", "4"),
        ("ts", "5"),
        ("ts", "6"),
    ]
    for each in figures:
        assert bool(each.published) == bool(each.numbers(published().papers))
